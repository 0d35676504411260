"""Posts.xml as the Stack Exchange dumps write it: rows by their attributes, and synthetic files of any size."""

import random
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

HEAD, TAIL = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n', "</posts>\n"


def row(**attributes):
    return "  <row " + " ".join(f"{name}={quoteattr(str(value))}" for name, value in attributes.items()) + " />\n"


def question(number, title="", **others):
    plain = {
        "Id": number,
        "PostTypeId": 1,
        "CreationDate": f"2020-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.123",
        "Score": 3,
        "Body": f"<p>body{number}</p>",
        "OwnerUserId": 7,
        "Title": title or f"how to alpha{number} beta{number} gamma{number}",
        "Tags": "<python><pytorch>",
        "ContentLicense": "CC BY-SA 4.0",
    }
    return row(**{name: value for name, value in {**plain, **others}.items() if value is not None})


def answer(number, parent, body="", **others):
    plain = {
        "Id": number,
        "PostTypeId": 2,
        "ParentId": parent,
        "CreationDate": "2020-02-01T00:00:00.000",
        "Score": 1,
        "Body": body or f"<p>call omega{number} psi{number}</p>",
        "OwnerUserId": 8,
        "ContentLicense": "CC BY-SA 4.0",
    }
    return row(**{name: value for name, value in {**plain, **others}.items() if value is not None})


def document(*rows):
    return HEAD + "".join(rows) + TAIL


def synthetic(size: int, *, every: int = 50, kept: int | None = None, seed: int = 0) -> Iterator[bytes]:
    """About ``size`` bytes of posts, a question with two answers each time; one question in ``every`` is tagged pytorch.

    kept: so many tagged ones at most, so that a file can grow without more of them. Bodies are of the usual length, 1 kB.
    """
    source = random.Random(seed)
    words = [f"w{number}" for number in range(5000)]

    def text(count):
        return " ".join(source.choices(words, k=count))

    bodies = [f"<p>{text(source.randint(40, 300))}</p>\n<pre><code>if a &lt; b:\n</code></pre>\n" for _ in range(500)]
    titles = [text(8) for _ in range(2000)]
    written, number, tagged = len(HEAD), 1, 0
    yield HEAD.encode()
    while written < size:
        mine = number % (3 * every) == 1 and (kept is None or tagged < kept)
        tagged += mine
        # Those that are kept share no text, or all of them would be near duplicates of one another.
        title, body = (text(8), f"<p>{text(100)}</p>") if mine else (source.choice(titles), source.choice(bodies))
        rows = (
            question(
                number,
                title,
                Body=source.choice(bodies),
                AcceptedAnswerId=number + 1,
                Tags="<python><pytorch>" if mine else "<c#><java>",
            ),
            answer(number + 1, number, body),
            answer(number + 2, number, source.choice(bodies), Score=source.randint(-1, 9)),
        )
        block = "".join(rows).encode()
        number += 3
        written += len(block)
        yield block
    yield TAIL.encode()
