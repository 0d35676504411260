"""A collection of the ir_datasets package (MacAvaney et al., SIGIR 2021), which downloads and keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, ClassVar

from bench.api import Doc, Query
from bench.data.dataset import Dataset
from bench.data.judged import Judged, Judgement
from bench.data.source import Opening, Source, slug
from bench.data.tables.extras import needed
from bench.errors import DataError

_TEST = ("test",)
_DEV = ("dev", "valid", "validation")
_TRAIN = ("train",)


@dataclass(frozen=True)
class IrDatasets(Source):
    """A collection of the ir_datasets package, by its name there: ``beir/scifact/test``."""

    argument: ClassVar[str] = "dataset"

    dataset: str
    """Its name; held out are the questions judged there, or in its part ``test`` where itself has no judgements."""
    dev: str = ""
    """The collection whose questions are dev; otherwise the part ``dev`` or ``valid`` beside ``test``."""
    train: str = ""
    """The collection whose questions are for training; otherwise the part ``train`` beside ``test``."""

    def name(self) -> str:
        """The name with hyphens for what a report's cannot hold."""
        return slug(self.dataset)

    def read(self, opening: Opening) -> Dataset:
        """Read the collection; it is not kept a second time, since ir_datasets keeps it."""
        package = needed("ir_datasets", extra="ir-datasets", what=f"ir-datasets:{self.dataset}")
        with _one_line(self.dataset):
            parts = self._parts(package)
            opening.progress(0.0, f"reading {parts['test'][0]}")
            docs = _docs(*parts["test"])
            opening.progress(0.8, "reading questions and judgements")
            queries = {query.id: query for name, part in parts.values() for query in _queries(name, part)}
            judged = Judged(docs, queries, opening.card, {split: name for split, (name, _) in parts.items()})
            judgements = {split: list(_judgements(name, part)) for split, (name, part) in parts.items()}
        return judged.given(judgements, {"read with": f"ir_datasets {version('ir_datasets')}"})

    def _parts(self, package: Any) -> dict[str, tuple[str, Any]]:
        """Split -> name and collection; held out is the one named."""
        whole = _loaded(package, self.dataset)
        base, _, last = self.dataset.rpartition("/")
        test = self.dataset if whole.has_qrels() else _part_of(package, self.dataset, _TEST)
        if not test:
            raise DataError(f"ir-datasets:{self.dataset} has no judgements; name one of its parts that has")
        above = base if last in _TEST else self.dataset
        found = {
            "test": test,
            "dev": self.dev or _part_of(package, above, _DEV),
            "train": self.train or _part_of(package, above, _TRAIN),
        }
        return {split: (name, _loaded(package, name)) for split, name in found.items() if name}


def _loaded(package: Any, name: str) -> Any:
    try:
        return package.load(name)
    except KeyError:
        close = get_close_matches(name, list(package.registry), n=1)
        hint = f"; did you mean {close[0]}?" if close else "; see https://ir-datasets.com"
        raise DataError(f"ir_datasets has no {name!r}{hint}") from None


def _part_of(package: Any, base: str, names: tuple[str, ...]) -> str:
    """The part of a collection that has questions and judgements, "" if there is none."""
    for name in names:
        try:
            part = package.load(f"{base}/{name}")
        except KeyError:
            continue
        if part.has_qrels() and part.has_queries():
            return f"{base}/{name}"
    return ""


def _docs(name: str, part: Any) -> dict[str, Doc]:
    if not part.has_docs():
        raise DataError(f"ir-datasets:{name} has no documents")
    found: dict[str, Doc] = {}
    for doc in part.docs_iter():
        if doc.doc_id in found:
            raise DataError(f"ir-datasets:{name}: document {doc.doc_id!r} stands there twice")
        found[doc.doc_id] = Doc(doc.doc_id, doc.default_text())
    return found


def _queries(name: str, part: Any) -> Iterator[Query]:
    if not part.has_queries():
        raise DataError(f"ir-datasets:{name} has no questions")
    for query in part.queries_iter():
        yield Query(query.query_id, query.default_text())


def _judgements(name: str, part: Any) -> Iterator[Judgement]:
    for row in part.qrels_iter():
        yield Judgement(row.query_id, row.doc_id, int(row.relevance), f"ir-datasets:{name}")


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Failed downloads and what must be fetched by hand as one line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"ir-datasets:{name}: {' '.join(str(error).split()) or type(error).__name__}") from error
