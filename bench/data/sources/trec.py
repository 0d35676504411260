"""A test collection as TREC distributes it: documents, topics and relevance judgements in files of a folder."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from bench.api import Doc, Query
from bench.data.dataset import Dataset
from bench.data.judged import Judged, Judgement
from bench.data.source import Opening, Source, slug
from bench.data.tables.records import Record, content_hash
from bench.data.tables.trec_text import documents, judgements, topics
from bench.data.web.address import file_name
from bench.data.web.fetch import fetched_folder
from bench.errors import DataError

_CACHED_BYTES = 256 << 20
_SPLITS = {
    "test": ("test", "eval", "heldout"),
    "dev": ("dev", "valid", "validation", "val"),
    "train": ("train", "training"),
}
_ENDING = re.compile(r"(?:\.tar)?\.(?:gz|tgz|bz2|xz|zip|tar)$")
_FIELDS = {"title": "title", "description": "desc", "narrative": "narr"}


@dataclass(frozen=True)
class Trec(Source):
    """A folder of documents, topics and qrels: TREC's formats, JSONL or lines of id and text, gzipped or not."""

    argument: ClassVar[str] = "path"

    path: str
    """The folder, an archive of it, or the archive's address."""
    documents: tuple[str, ...] = ()
    """Files, or folders of files, of documents; otherwise what is called documents, docs, corpus or collection."""
    topics: tuple[str, ...] = ()
    """Files of questions; otherwise what is called topics or queries."""
    test: str = ""
    """Judgements of the held-out questions; otherwise the qrels with test in their name, or the only ones there are."""
    dev: str = ""
    """Judgements of the questions to choose by; otherwise the qrels with dev or valid in their name."""
    train: str = ""
    """Judgements of the questions to learn from; otherwise the qrels with train in their name."""
    qrels: str = ""
    """Judgements of all questions, which the card's rule divides; none of the other three then."""
    field: Literal["title", "description", "narrative"] = "title"
    """Which part of a TREC topic is the question."""
    checksum: str = ""
    """Of the archive: ``sha256:`` or ``md5:`` and the digits that it must have."""

    def name(self) -> str:
        """The folder's name, an archive's without its endings."""
        return slug(_ENDING.sub("", file_name(self.path).lower()))

    def versions(self, opening: Opening) -> Mapping[str, str] | None:
        """Hash of the files; None for a collection so large that a second copy on disk costs more than reading it again."""
        files = [*self._documents(opening), *self._topics(opening), *self._qrels(opening).values()]
        if sum(path.stat().st_size for path in files if path.is_file()) > _CACHED_BYTES:
            return None
        return {"content": content_hash(*files), "files": " ".join(path.name for path in files)}

    def read(self, opening: Opening) -> Dataset:
        """Read the collection; DataError names file and line of whatever is damaged or refers to what is not there."""
        files = self._qrels(opening)
        doc_files, topic_files = self._documents(opening), self._topics(opening)
        opening.progress(0.0, f"reading {doc_files[0]}")
        rows = _named(doc_files, documents, "document")
        docs = {name: Doc(name, record.fields["text"], record.fields["title"]) for name, record in rows}
        opening.progress(0.6, f"reading {topic_files[0]}")
        queries = {
            name: Query(name, record.fields["text"])
            for name, record in _named(topic_files, lambda path: topics(path, _FIELDS[self.field]), "question")
        }
        judged = Judged(docs, queries, opening.card, {name: path.name for name, path in files.items()})
        if "all" in files:
            return judged.divided(_judgements(files["all"]), {})
        return judged.given({name: _judgements(path) for name, path in files.items()}, {})

    def _folder(self, opening: Opening) -> Path:
        """The folder with the files; of an archive that holds nothing but one folder, that one."""
        base = fetched_folder(self.path, opening, opening.cache / "trec", checksum=self.checksum)
        inside = list(base.iterdir())
        return inside[0] if len(inside) == 1 and inside[0].is_dir() else base

    def _documents(self, opening: Opening) -> list[Path]:
        return _files(self._folder(opening), self.documents, ("documents", "docs", "corpus", "collection"))

    def _topics(self, opening: Opening) -> list[Path]:
        return _files(self._folder(opening), self.topics, ("topics", "queries"))

    def _qrels(self, opening: Opening) -> dict[str, Path]:
        """Split -> file of its judgements; ``all`` alone where the card's rule is to divide them."""
        folder = self._folder(opening)
        named = {name: folder / str(getattr(self, name)) for name in _SPLITS if getattr(self, name)}
        if self.qrels:
            if named:
                raise DataError(
                    f"{folder}: qrels are divided by the card's rule, or {', '.join(named)} given; not both"
                )
            return {"all": folder / self.qrels}
        return named if "test" in named else {**_found_qrels(folder), **named}


def _files(folder: Path, named: Sequence[str], usual: Sequence[str]) -> list[Path]:
    """Files that are named, or else whose names begin with a usual word; folders stand for all files in them."""
    places = [folder / name for name in named] or [
        place
        for place in sorted(folder.iterdir())
        if re.match(rf"(?:{'|'.join(usual)})(?![a-z])", place.name.casefold())
    ]
    found: list[Path] = []
    for place in places:
        inside = sorted(path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))
        found += inside if place.is_dir() else [place]
    if not found:
        raise DataError(
            f"{folder}: no {usual[0]}; call the file or folder {' or '.join(usual)}, or set {usual[0]}=NAME"
        )
    return found


def _found_qrels(folder: Path) -> dict[str, Path]:
    files = [path for path in _below(folder, "qrels") if path.is_file()]
    found: dict[str, Path] = {}
    for path in files:
        words = set(re.findall(r"[a-z]+", path.relative_to(folder).as_posix().casefold()))
        name = next((split for split, marks in _SPLITS.items() if words & set(marks)), "")
        if not name and len(files) == 1:
            name = "test"
        if not name or name in found:
            listed = ", ".join(str(path.relative_to(folder)) for path in files)
            raise DataError(f"{folder}: whose judgements are {listed}? Set test=FILE, and train= and dev= if there are")
        found[name] = path
    if "test" not in found:
        raise DataError(f"{folder}: no judgements of held-out questions; call the file qrels.test, or set test=NAME")
    return found


def _below(folder: Path, word: str) -> Iterator[Path]:
    for place in sorted(folder.iterdir()):
        if word in place.name.casefold():
            yield from sorted(place.rglob("*")) if place.is_dir() else [place]


def _named(files: Iterable[Path], read: Callable[[Path], Iterator[Record]], what: str) -> Iterator[tuple[str, Record]]:
    """Yield every record with its id, which no other may have."""
    places: dict[str, tuple[Path, int]] = {}
    for path in files:
        for record in read(path):
            name = record.fields["id"]
            if name in places:
                other, line = places[name]
                raise DataError(f"{path}:{record.line}: {what} {name!r} stands in {other}:{line} too")
            if what == "question" and not record.fields["text"]:
                raise DataError(f"{path}:{record.line}: question {name!r} is empty")
            places[name] = (path, record.line)
            yield name, record


def _judgements(path: Path) -> Iterator[Judgement]:
    for line, fields in judgements(path):
        yield Judgement(fields["query"], fields["doc"], fields["grade"], f"{path}:{line}")
