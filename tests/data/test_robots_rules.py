"""robots.txt: the examples of RFC 9309 and of the page on which it rests, and files that want to harm the reader."""

import pytest

from bench.data.web.robots import rules_for

# Pattern, path, whether it matches: the tables of https://developers.google.com/search/docs/crawling-indexing/robots/robots_txt
MATCHES = [
    ("/", "/any", True),
    ("/*", "/any", True),
    ("/$", "/", True),
    ("/$", "/any", False),
    ("/fish", "/fish/salmon.html", True),
    ("/fish", "/fishheads/yummy.html", True),
    ("/fish", "/Fish.asp", False),
    ("/fish", "/catfish", False),
    ("/fish*", "/fish.php?id=anything", True),
    ("/fish/", "/fish/?id=anything", True),
    ("/fish/", "/fish", False),
    ("/*.php", "/folder/filename.php?parameters", True),
    ("/*.php", "/windows.PHP", False),
    ("/*.php$", "/folder/filename.php", True),
    ("/*.php$", "/filename.php?parameters", False),
    ("/*.php$", "/filename.php5", False),
    ("/fish*.php", "/fishheads/catfish.php?parameters", True),
    ("/fish*.php", "/Fish.PHP", False),
    ("/a*a$", "/a", False),
    ("/a*b*b$", "/ab", False),
    ("/a*b*b$", "/abxb", True),
    # RFC 9309, 2.2.2: what is escaped and need not be is the same
    ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https://foo.bar", True),
    ("/foo/bar/\u30c4", "/foo/bar/%E3%83%84", True),
    ("/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84", True),
    ("/foo/bar/%62%61%7A", "/foo/bar/baz", True),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES)
def test_patterns_match_as_published(pattern, path, matches):
    rules = rules_for(f"User-agent: *\nDisallow: {pattern}\n".encode(), "retrieverbench")
    assert rules.allow(f"https://host{path}") is not matches


# Allow, disallow, path, whether it may be read: order of precedence, same page.
ORDERS = [
    ("/p", "/", "/page", True),
    ("/folder", "/folder", "/folder/page", True),
    ("/page", "/*.htm", "/page.htm", False),
    ("/page", "/*.ph", "/page.php5", True),
    ("/$", "/", "/", True),
    ("/$", "/", "/page.htm", False),
    # RFC 9309, 5.2
    ("/example/page/", "/example/page/disallowed.gif", "/example/page/disallowed.gif", False),
]


@pytest.mark.parametrize(("allow", "disallow", "path", "may"), ORDERS)
@pytest.mark.parametrize("first", ["allow", "disallow"])
def test_the_longest_rule_wins_whatever_the_order(allow, disallow, path, may, first):
    lines = [f"Allow: {allow}", f"Disallow: {disallow}"][:: 1 if first == "allow" else -1]
    rules = rules_for("\n".join(["User-agent: *", *lines]).encode(), "retrieverbench")
    assert rules.allow(f"https://host{path}") is may


# RFC 9309, 5.1
SIMPLE = b"""
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


@pytest.mark.parametrize(
    ("product", "path", "may"),
    [
        ("other", "/a.gif", False),
        ("other", "/example/page.html", False),
        ("other", "/publications/", True),
        ("other", "/a.gif?x", True),
        ("FooBot", "/example/page.html", True),
        ("foobot", "/example/other.html", False),
        ("barbot", "/example/page.html", False),
        ("bazbot", "/example/page.html", False),
        ("bazbot", "/a.gif", True),
        ("quxbot", "/example/page.html", True),
    ],
)
def test_the_example_of_the_standard(product, path, may):
    assert rules_for(SIMPLE, product).allow(f"https://host{path}") is may


def test_groups_of_one_name_are_one_and_versions_do_not_count():
    told = b"user-agent: me/1.0 # version\r\ndisallow: /a\r\n\r\nuser-agent: you\ndisallow: /\n\nUser-agent: ME\ndisallow: /b"
    rules = rules_for(told, "me")
    assert [rules.allow(f"https://host/{name}") for name in "abc"] == [False, False, True]


def test_robots_txt_itself_may_always_be_read():
    assert rules_for(b"User-agent: *\nDisallow: /", "me").allow("https://host/robots.txt")


@pytest.mark.parametrize(("value", "delay"), [("2.5", 2.5), ("soon", 0), ("-1", 0), ("nan", 0), ("inf", 0)])
def test_a_delay_is_a_number_of_seconds(value, delay):
    assert rules_for(f"User-agent: *\nCrawl-delay: {value}".encode(), "me").delay == delay


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"<html>Not found</html>", b"Disallow: /\n", b"User-agent"])
def test_what_is_no_rule_forbids_nothing(content):
    assert rules_for(content, "me").allow("https://host/a")


def test_a_pattern_that_would_make_a_regular_expression_take_for_ever_is_harmless():
    rules = rules_for(b"User-agent: *\nDisallow: /" + b"*a" * 2000 + b"$", "me")
    assert rules.allow("https://host/" + "a" * 1999)
    assert not rules.allow("https://host/" + "a" * 2000)
