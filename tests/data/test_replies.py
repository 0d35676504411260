"""What is no answer: an address alone and thanks alone, but nothing in which one word helps."""

import pytest

from bench.data.replies import is_address_alone, is_thanks_alone


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("https://x.org/a_b?c=1#d", True),
        ("  <http://x.org/a>\n", True),
        ("Have a look at this thread: https://x.org/t/1 and www.x.org/2!", True),
        ("[here](https://x.org/a)", True),
        ("", False),
        ("see here", False),
        ("curl https://x.org", False),
        ("https://x.org/a explains that dim must be 1", False),
        ("x.org is down", False),
    ],
)
def test_an_address_alone(text, alone):
    assert is_address_alone(text) is alone


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Thank you!", True),
        ("thanks a lot, it works now :)", True),
        ("Solved.", True),
        ("Problem solved, thanks", True),
        ("+1", True),
        ("same here", True),
        ("It\u2019s working", True),
        ("Thanks! https://x.org/a", True),
        ("", False),
        ("yes", False),
        ("x +1", False),
        ("a+1", False),
        ("Fixed by upgrading numpy", False),
        ("thank you for the help with my very big problem", False),
        ("works with dim=1", False),
        ("git commit", False),
    ],
)
def test_thanks_alone(text, alone):
    assert is_thanks_alone(text) is alone
