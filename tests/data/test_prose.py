"""The first paragraph of a docstring as a person would ask for it."""

import pytest

from bench.data.prose import after_first_paragraph, first_paragraph, quotes, words


@pytest.mark.parametrize(
    ("docstring", "question"),
    [
        ("Return the sum\nof two numbers.\n\nMore.", "Return the sum of two numbers."),
        ("conv1d(input, weight, bias=None) -> Tensor\n\nApplies a 1D convolution.", "Applies a 1D convolution."),
        ("relu(input) -> Tensor\nClamp below at zero.", "Clamp below at zero."),
        ("(typ, [data]) = <instance>.append(mailbox)\n\nAppend a message.", "Append a message."),
        ("np.dot(a, b,\n  out=None)\n\nDot product.", "Dot product."),
        (".. deprecated:: 1.2\n   Use g.\n\nCompute it.", "Compute it."),
        ("[Note: caching]\n\nKeep results.", "Keep results."),
        ("Sort in place.\nParameters\n----------\nx : int", "Sort in place."),
        ("Sort in place.\n:param x: what\n:return: nothing", "Sort in place."),
        ("Sort in place.\nArgs:\n    x: what", "Sort in place."),
        ("Sort in place. For example::\n\n    x", "Sort in place. For example"),
        ("Sort in place.\n>>> f()\n1", "Sort in place."),
        ("Parameters\n----------\nx : int", ""),
        (">>> f()\n1", ""),
        ("Args:\n    x: what", ""),
        ("", ""),
        ("+ The value is kept.", "The value is kept."),
        ("Like :class:`~torch.nn.Module` or :func:`torch.mm`.", "Like Module or torch.mm."),
        ("See :py:meth:`the fit <fit>` and `docs <https://x.y>`__.", "See the fit and docs."),
        ("Set ``x`` to `y` with **force** and *care*.", "Set x to y with force and care."),
        ("Multiply a * b and pass **kwargs.", "Multiply a * b and pass kwargs."),
    ],
)
def test_first_paragraph(docstring, question):
    assert first_paragraph(docstring) == question


@pytest.mark.parametrize(
    ("docstring", "rest"),
    [
        ("Return the sum.\n\nMore.\n \n>>> f()\n1", "More.\n\n>>> f()\n1"),
        ("Sort in place.\nArgs:\n    x: what\n\nMore.", "Args:\nx: what\n\nMore."),
        ("conv(x) -> y\n\nApplies it.\n\n    With care.", "    With care."),
        (".. deprecated:: 1.2\n   Use g.\n\nCompute it.", ""),
        ("", ""),
    ],
)
def test_what_stands_below_the_first_paragraph(docstring, rest):
    assert after_first_paragraph(docstring) == rest


def test_words_have_two_letters():
    assert words("a 2-D transform of x_1, naïvely") == ["transform", "of", "naïvely"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f():\n    # Sort the list,\n    # in place.\n    return", True),
        ("def f():\n    log('sort THE list in place')", True),
        ("def sort_the_list_in_place(): return", True),
        ("def f():\n    # sort the lists in place", False),
        ("def f(): return resort_the_list", False),
    ],
)
def test_a_question_stands_in_code_whatever_the_line_breaks_and_punctuation(code, found):
    assert quotes(code, "Sort the list in place.") is found
