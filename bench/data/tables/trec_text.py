"""Records of TREC's own formats: documents and topics in SGML, judgements in columns; damage named by file and line."""

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.data.tables.records import Record, json_lines, text_lines
from bench.errors import DataError

ID_KEYS = ("id", "_id", "docno", "docid", "doc_id", "qid", "query_id", "number")
TEXT_KEYS = ("contents", "text", "body", "query", "title", "question")

_COLUMNS = 4
_FIELD = re.compile(r"<(num|title|desc|narr)\b[^>]*>(.*?)(?=<[a-z]|\Z)", re.DOTALL | re.IGNORECASE)
_LABELS = {"num": "number:", "title": "topic:", "desc": "description:", "narr": "narrative:"}
_HIDDEN = re.compile(r"<!--.*?-->|<(script|style|docno|dochdr|docid)\b[^>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<(title|headline|head|hl|ttl)\b[^>]*>(.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!?][^>]*>")
_TAGS = re.compile(r"(?:\s*<[^>]*>)*\s*")


def documents(path: Path) -> Iterator[Record]:
    """Yield ``id``, ``title`` and ``text`` of each document of a file, whose first character tells its format.

    ``<`` is TREC's ``<DOC>`` (a web page or news), ``{`` is JSONL with an id and contents or text, as Anserini has it, and
    anything else is lines of id, tab, text.
    """
    start = _start(path)
    if start == "<":
        yield from _sgml_documents(path)
    elif start == "{":
        yield from _objects(path, "title")
    else:
        yield from _columns(path)


def topics(path: Path, field: str) -> Iterator[Record]:
    """Yield ``id`` and ``text`` of each question; formats as for ``documents``, of ``<top>`` the field title, desc or narr."""
    start = _start(path)
    if start == "<":
        yield from _sgml_topics(path, field)
    elif start == "{":
        yield from _objects(path)
    else:
        yield from _columns(path)


def judgements(path: Path) -> Iterator[Record]:
    """Yield ``query``, ``doc`` and ``grade`` of each line of ``query 0 document grade`` between white space."""
    for number, line in text_lines(path, legacy=True):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != _COLUMNS:
            raise DataError(
                f"{path}:{number}: {len(cells)} columns; there must be query, 0, document and grade, with spaces between"
            )
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", cells[3]):
            raise DataError(f"{path}:{number}: grade {cells[3]!r} is not a whole number")
        yield Record(number, {"query": cells[0], "doc": cells[2], "grade": int(cells[3])})


def _start(path: Path) -> str:
    return next(line.lstrip()[0] for _, line in text_lines(path, legacy=True) if line.strip())


def _columns(path: Path) -> Iterator[Record]:
    for number, line in text_lines(path, legacy=True):
        if not line.strip():
            continue
        name, *texts = line.split("\t")
        if len(texts) != 1:
            raise DataError(f"{path}:{number}: {len(texts)} tabs; there must be one, between the id and the text")
        if not name.strip():
            raise DataError(f"{path}:{number}: no id before the tab")
        yield Record(number, {"id": name.strip(), "title": "", "text": texts[0].strip()})


def _objects(path: Path, title: str = "") -> Iterator[Record]:
    for record in json_lines(path):
        fields = {key.casefold(): value for key, value in record.fields.items()}
        name = _value(path, record, fields, ID_KEYS)
        if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
            raise DataError(f"{path}:{record.line}: the id is {name!r:.40}, not a text or a whole number")
        text = _text(path, record, _value(path, record, fields, TEXT_KEYS))
        told = _text(path, record, fields.get(title) or "") if title else ""
        yield Record(record.line, {"id": str(name).strip(), "title": told, "text": text})


def _text(path: Path, record: Record, value: object) -> str:
    if not isinstance(value, str):
        raise DataError(f"{path}:{record.line}: {value!r:.40} stands where a text should")
    return value.strip()


def _value(path: Path, record: Record, fields: Mapping[str, object], keys: tuple[str, ...]) -> object:
    found = next((key for key in keys if key in fields), None)
    if found is None:
        raise DataError(
            f"{path}:{record.line}: none of {', '.join(keys)}; there are {', '.join(map(repr, fields)) or 'no keys'}"
        )
    return fields[found]


def _sgml_documents(path: Path) -> Iterator[Record]:
    for number, content in _elements(path, "DOC"):
        name = re.search(r"<DOCNO>(.*?)</DOCNO>", content, re.DOTALL | re.IGNORECASE)
        if name is None or not name[1].strip():
            raise DataError(f"{path}:{number}: a <DOC> without a <DOCNO>")
        body = _HIDDEN.sub(" ", content)
        title = _TITLE.search(body)
        if title:
            body = body[: title.start()] + " " + body[title.end() :]
        yield Record(number, {"id": name[1].strip(), "title": _plain(title[2]) if title else "", "text": _plain(body)})


def _sgml_topics(path: Path, field: str) -> Iterator[Record]:
    for number, content in _elements(path, "top"):
        fields = {key.casefold(): _field(key.casefold(), text) for key, text in _FIELD.findall(content)}
        if not fields.get("num"):
            raise DataError(f"{path}:{number}: a <top> without a <num>")
        if not fields.get(field):
            raise DataError(f"{path}:{number}: topic {fields['num']!r} has no <{field}>")
        yield Record(number, {"id": fields["num"], "text": fields[field]})


def _field(key: str, content: str) -> str:
    """Text of a topic's field without the word that repeats its name, as in ``<num> Number: 301``."""
    text = _plain(content)
    label = _LABELS[key]
    return text[len(label) :].strip() if text.casefold().startswith(label) else text


def _elements(path: Path, tag: str) -> Iterator[tuple[int, str]]:
    """Yield the line on which each element begins and what it holds; they stand side by side, each tag at a line's start."""
    opening, closing = re.compile(rf"\s*<{tag}>", re.IGNORECASE), re.compile(rf"</{tag}>", re.IGNORECASE)
    held: list[str] = []
    begun, found = 0, False
    for number, line in text_lines(path, legacy=True):
        rest = line
        if start := opening.match(line):
            if begun:
                raise DataError(
                    f"{path}:{number}: <{tag}> inside the one that begins on line {begun}; is its end missing?"
                )
            begun, held, found, rest = number, [], True, line[start.end() :]
        end = closing.search(rest)
        if not begun:
            if end:
                raise DataError(f"{path}:{number}: </{tag}> without a <{tag}> before it")
            outside = line
        else:
            held.append(rest[: end.start()] if end else rest)
            outside = rest[end.end() :] if end else ""
        if opening.search(outside) or not _TAGS.fullmatch(outside):
            raise DataError(f"{path}:{number}: {outside.strip()!r:.40} stands outside of a <{tag}> that begins a line")
        if end:
            yield begun, "\n".join(held)
            begun = 0
    if begun:
        raise DataError(f"{path}:{begun}: <{tag}> without a </{tag}>")
    if not found:
        raise DataError(f"{path}: no <{tag}> in it")


def _plain(text: str) -> str:
    """Text without tags and entities, white space as single spaces."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())
