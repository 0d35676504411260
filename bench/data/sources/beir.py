"""Collections in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/{train,dev,test}.tsv (Thakur et al., arXiv 2104.08663)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from bench.api import Doc, Query
from bench.data.dataset import Dataset
from bench.data.judged import Judged, Judgement
from bench.data.pairing import folded
from bench.data.source import Opening, Progress, Source, slug
from bench.data.tables.records import Record, content_hash, json_lines, text_lines
from bench.data.web.address import file_name
from bench.data.web.archive import is_archive
from bench.data.web.download import is_address
from bench.data.web.fetch import fetched_folder
from bench.errors import DataError

_CACHED_BYTES = 256 << 20
_COLUMNS = 3
_TOLD_EVERY = 100_000


@dataclass(frozen=True)
class Beir(Source):
    """A collection in the BEIR layout: a folder, a .zip or the address of one."""

    argument: ClassVar[str] = "path"

    path: str
    """A folder that holds corpus.jsonl, queries.jsonl and qrels, an archive of it, or the archive's address."""
    checksum: str = ""
    """Of the archive: sha256:... or md5:..."""
    size: int = 0
    """Bytes of the archive, where they are known."""
    folder: str = ""
    """Which one, where there are several collections in the folder or archive."""
    heldout: Literal["auto", "test", "dev"] = "auto"
    """The qrels that are held out; auto is test, or dev where there is no test."""

    def name(self) -> str:
        """The folder's name with its dots, an archive's without its ending; and which one of several it is."""
        name = file_name(self.path)
        if is_address(self.path) or is_archive(Path(self.path).expanduser()):
            name = name.partition(".")[0]
        return slug("-".join(filter(None, (name, self.folder))))

    def versions(self, opening: Opening) -> Mapping[str, str] | None:
        """Hash of the files; None for a collection so large that a second copy on disk costs more than reading it again."""
        folder = self._located(opening)
        files = [folder / "corpus.jsonl", folder / "queries.jsonl", *_qrels_files(folder, self.heldout).values()]
        if sum(path.stat().st_size for path in files if path.is_file()) > _CACHED_BYTES:
            return None
        return {"content": content_hash(*files)}

    def read(self, opening: Opening) -> Dataset:
        """Read the folder; held out is test.tsv, or dev.tsv where there is no test.

        dev is dev.tsv if that is not held out, else a tenth of the training questions. Questions of train and dev that
        stand word for word in a later split are left out, and so are questions without a relevant document.
        """
        return read_folder(self._located(opening), opening, self.heldout)

    def _located(self, opening: Opening) -> Path:
        """The folder with the files: the one that ``path`` names or, as in BEIR's own archives, one below it."""
        home = opening.cache / "beir"
        base = fetched_folder(self.path, opening, home, checksum=self.checksum, size=self.size)
        if self.folder:
            found = [path for path in (base / self.folder, *base.glob(f"*/{self.folder}")) if path.is_dir()]
            if not found:
                raise DataError(f"{self.path}: no folder {self.folder!r} in it{_named(_collections(base))}")
            return found[0]
        if (base / "corpus.jsonl").exists() or (base / "qrels").exists():
            return base
        below = _collections(base)
        if len(below) > 1:
            raise DataError(f"{self.path}: more than one collection; choose one with folder=NAME{_named(below)}")
        return below[0] if below else base


def read_folder(folder: Path, opening: Opening, heldout: str = "auto") -> Dataset:
    """Read a folder in this layout; see ``Beir.read``. Raises DataError.

    Memory: the documents, and some 100 bytes for each; the files are read line by line.
    """
    files = _qrels_files(folder, heldout)
    docs = _docs(folder / "corpus.jsonl", opening.progress)
    opening.progress(0.5, f"reading {folder / 'queries.jsonl'}")
    judged = Judged(
        docs,
        _queries(folder / "queries.jsonl"),
        opening.card,
        names={name: f"qrels/{path.name}" for name, path in files.items()},
    )
    dataset = judged.given({name: _judgements(path) for name, path in files.items()}, {})
    own = sum(query.id in docs and _stands_in(query, docs[query.id]) for query in dataset.test.queries)
    if not own:
        return dataset
    told = f"{own:,} held-out questions stand in the corpus under their own id; published figures leave them out of the hits"
    return replace(dataset, facts={**dataset.facts, "questions that are documents": told})


def _collections(base: Path) -> list[Path]:
    """Folders with a collection, up to two below."""
    return sorted(path.parent for pattern in ("*/corpus.jsonl", "*/*/corpus.jsonl") for path in base.glob(pattern))


def _named(folders: Sequence[Path]) -> str:
    return f"; there are {', '.join(folder.name for folder in folders)}" if folders else ""


def _qrels_files(folder: Path, heldout: str) -> dict[str, Path]:
    """Split -> file; ``test`` is what is held out, whatever its name."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = {name: folder / "qrels" / f"{name}.tsv" for name in ("train", "dev", "test")}
    wanted = [name for name in ("test", "dev") if heldout in ("auto", name)]
    last = next((name for name in wanted if files[name].is_file()), None)
    if last is None:
        named = " or ".join(f"qrels/{name}.tsv" for name in wanted)
        raise DataError(f"{folder}: no questions to hold out; there must be {named}")
    earlier = ("train", "dev") if last == "test" else ("train",)
    return {**{name: files[name] for name in earlier if files[name].is_file()}, "test": files[last]}


def _docs(path: Path, progress: Progress) -> dict[str, Doc]:
    progress(0.0, f"reading {path}")
    found: dict[str, Doc] = {}
    for record in json_lines(path):
        name = _id(path, record, found)
        title = _text(path, record, "title") if record.fields.get("title") is not None else ""
        found[name] = Doc(name, _text(path, record, "text"), title)
        if len(found) % _TOLD_EVERY == 0:
            progress(0.0, f"reading {path}: {len(found):,} documents")
    return found


def _queries(path: Path) -> dict[str, Query]:
    found: dict[str, Query] = {}
    for record in json_lines(path):
        name = _id(path, record, found)
        text = _text(path, record, "text")
        if not text.strip():
            raise DataError(f"{path}:{record.line}: question {name!r} is empty")
        body = _text(path, record, "body") if record.fields.get("body") is not None else ""
        found[name] = Query(name, text, body.strip())
    return found


def _id(path: Path, record: Record, found: Mapping[str, object]) -> str:
    name = _text(path, record, "_id")
    if not name:
        raise DataError(f"{path}:{record.line}: _id is empty")
    if name in found:
        first = next(other.line for other in json_lines(path) if other.fields.get("_id") == name)
        raise DataError(f"{path}:{record.line}: _id {name!r} stands on line {first} too")
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


def _judgements(path: Path) -> Iterator[Judgement]:
    for number, line in text_lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (number == 1 and cells[-1].casefold() == "score"):
            continue
        if len(cells) != _COLUMNS:
            raise DataError(
                f"{path}:{number}: {len(cells)} columns; there must be query-id, corpus-id, score, with tabs between"
            )
        yield Judgement(cells[0], cells[1], _grade(path, number, cells[2]), f"{path}:{number}")


def _grade(path: Path, number: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f"{path}:{number}: score {text!r} is not a whole number") from None


def _stands_in(query: Query, doc: Doc) -> bool:
    return folded(query.text) in (folded(doc.text), folded(doc.content))
