"""A folder in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/{train,dev,test}.tsv (Thakur et al., arXiv 2104.08663)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.api import Doc, Query
from bench.data.card import Card
from bench.data.dataset import Dataset, Split
from bench.data.pairing import folded
from bench.data.records import Record, content_hash, json_lines, text_of
from bench.data.split import salted
from bench.errors import DataError

_CACHED_BYTES = 256 << 20
_COLUMNS = 3


def versions(card: Card) -> dict[str, str] | None:
    """Hash of the files; None for a collection so large that a second copy on disk costs more than reading it again."""
    folder = card.located("path")
    files = [folder / "corpus.jsonl", folder / "queries.jsonl", *_qrels_files(folder).values()]
    if sum(path.stat().st_size for path in files if path.is_file()) > _CACHED_BYTES:
        return None
    return {"content": content_hash(*files)}


def read(card: Card, progress: Callable[[float, str], None]) -> Dataset:
    """Read the folder; held out is test.tsv, or dev.tsv where there is no test.

    dev is dev.tsv if that is not held out, else a tenth of the training questions. Questions of train and dev that stand
    word for word in a later split are left out, and so are questions without a relevant document. Raises DataError.
    """
    folder = card.located("path")
    files = _qrels_files(folder)
    progress(0.0, f"reading {folder / 'corpus.jsonl'}")
    docs = _docs(folder / "corpus.jsonl")
    progress(0.5, f"reading {folder / 'queries.jsonl'}")
    queries = _queries(folder / "queries.jsonl")
    facts = _Facts()
    splits = {name: _judged(path, docs, queries, facts) for name, path in files.items()}
    heldout = "test" if "test" in splits else "dev"
    test, train = splits[heldout], splits.get("train", Split((), {}))
    train = _without(train, test, "train", facts)
    if heldout == "test" and "dev" in splits:
        dev = _without(splits["dev"], test, "dev", facts)
        train = _without(train, dev, "train", facts)
        facts.lines["split"] = f"as given: held out is {heldout}.tsv"
    else:
        train, dev = _dev_from(train, card)
        facts.lines["split"] = (
            f"as given: held out is {heldout}.tsv, dev is {len(dev.queries):,} questions of train.tsv"
        )
    if not test.queries:
        raise DataError(f"{files[heldout]}: no query has a relevant document (a score above 0)")
    facts.lines["documents"] = _described(docs)
    return Dataset(card.name, tuple(docs.values()), train, dev, test, card.pool or "all", facts.told())


@dataclass
class _Facts:
    """What the report tells: lines in order, and counts of what was left out by the reason."""

    lines: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, why: str, count: int) -> None:
        if count:
            self.dropped[why] = self.dropped.get(why, 0) + count

    def told(self) -> dict[str, str]:
        dropped = (
            {"dropped": "; ".join(f"{count:,} {why}" for why, count in self.dropped.items())} if self.dropped else {}
        )
        return {**self.lines, **dropped}


def _qrels_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    found = {name: folder / "qrels" / f"{name}.tsv" for name in ("train", "dev", "test")}
    found = {name: path for name, path in found.items() if path.is_file()}
    if "test" not in found and "dev" not in found:
        raise DataError(f"{folder}: no questions to hold out; there must be qrels/test.tsv or qrels/dev.tsv")
    return found


def _docs(path: Path) -> dict[str, Doc]:
    found: dict[str, Doc] = {}
    lines: dict[str, int] = {}
    for record in json_lines(path):
        name = _id(path, record, lines)
        title = _text(path, record, "title") if record.fields.get("title") is not None else ""
        found[name] = Doc(name, _text(path, record, "text"), title)
    return found


def _queries(path: Path) -> dict[str, Query]:
    found: dict[str, Query] = {}
    lines: dict[str, int] = {}
    for record in json_lines(path):
        name = _id(path, record, lines)
        text = _text(path, record, "text")
        if not text.strip():
            raise DataError(f"{path}:{record.line}: question {name!r} is empty")
        found[name] = Query(name, text)
    return found


def _id(path: Path, record: Record, lines: dict[str, int]) -> str:
    name = _text(path, record, "_id")
    if not name:
        raise DataError(f"{path}:{record.line}: _id is empty")
    if name in lines:
        raise DataError(f"{path}:{record.line}: _id {name!r} stands on line {lines[name]} too")
    lines[name] = record.line
    return name


def _text(path: Path, record: Record, key: str) -> str:
    if key not in record.fields:
        raise DataError(
            f"{path}:{record.line}: no {key!r}; there are {', '.join(map(repr, record.fields)) or 'no keys'}"
        )
    value = record.fields[key]
    if not isinstance(value, str):
        raise DataError(f"{path}:{record.line}: {key!r} is {value!r:.40}, not a text in quotes")
    return value


def _judged(path: Path, docs: Mapping[str, Doc], queries: Mapping[str, Query], facts: _Facts) -> Split:
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (number == 1 and cells[-1].casefold() == "score"):
            continue
        if len(cells) != _COLUMNS:
            raise DataError(
                f"{path}:{number}: {len(cells)} columns; there must be query-id, corpus-id, score, with tabs between"
            )
        query, doc, grade = cells[0], cells[1], _grade(path, number, cells[2])
        if query not in queries:
            raise DataError(f"{path}:{number}: query {query!r} is not in queries.jsonl")
        if doc not in docs:
            raise DataError(f"{path}:{number}: document {doc!r} is not in corpus.jsonl")
        known = qrels.setdefault(query, {}).setdefault(doc, grade)
        if known != grade:
            raise DataError(
                f"{path}:{number}: query {query!r}, document {doc!r} was judged {known} before and {grade} here"
            )
    kept = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    facts.drop(f"questions of {path.name} without a relevant document", len(qrels) - len(kept))
    return Split(tuple(queries[query] for query in kept), kept)


def _grade(path: Path, number: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f"{path}:{number}: score {text!r} is not a whole number") from None


def _without(split: Split, later: Split, name: str, facts: _Facts) -> Split:
    """Take out the questions whose text stands in a later split."""
    texts = {folded(query.text) for query in later.queries}
    kept = tuple(query for query in split.queries if folded(query.text) not in texts)
    facts.drop(f"questions of {name} that stand word for word in a later split", len(split.queries) - len(kept))
    return _part(split, kept)


def _dev_from(train: Split, card: Card) -> tuple[Split, Split]:
    """Set a tenth of the training questions apart; the same text goes to the same side."""
    order = sorted({folded(query.text) for query in train.queries}, key=lambda text: salted(text, card.split.salt))
    chosen = set(order[: min(card.split.dev, round(card.split.fraction * len(order)))])
    return (
        _part(train, tuple(query for query in train.queries if folded(query.text) not in chosen)),
        _part(train, tuple(query for query in train.queries if folded(query.text) in chosen)),
    )


def _part(split: Split, queries: tuple[Query, ...]) -> Split:
    return Split(queries, {query.id: split.qrels[query.id] for query in queries})


def _described(docs: Mapping[str, Doc]) -> str:
    empty = sum(not doc.content.strip() for doc in docs.values())
    again = len(docs) - len({folded(doc.content) for doc in docs.values()})
    return f"{len(docs):,}, of which {empty:,} are empty and {again:,} repeat another's text"
