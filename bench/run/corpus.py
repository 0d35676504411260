"""The corpus as a retriever sees it: readable while it is indexed, closed afterwards."""

from collections.abc import Sequence
from typing import overload

from bench.api import Doc
from bench.errors import CorpusClosedError


class CorpusHandle(Sequence[Doc]):
    """A read-only view that stops answering once ``close`` is called; work on documents belongs inside ``index``."""

    def __init__(self, docs: Sequence[Doc]) -> None:
        self._docs: Sequence[Doc] | None = docs

    def close(self) -> None:
        """Let go of the documents."""
        self._docs = None

    @property
    def _open(self) -> Sequence[Doc]:
        if self._docs is None:
            raise CorpusClosedError(
                "the corpus was read after index() had returned; do all work on documents inside it"
            )
        return self._docs

    @overload
    def __getitem__(self, at: int) -> Doc: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Doc]: ...
    def __getitem__(self, at: int | slice) -> Doc | Sequence[Doc]:
        """One document, or a list of them."""
        return self._open[at]

    def __len__(self) -> int:
        return len(self._open)


def search_order(docs: Sequence[Doc]) -> list[Doc]:
    """Documents by id descending, so that "equal scores keep the order of the corpus" is the one ranking rule."""
    return sorted(docs, key=lambda doc: doc.id, reverse=True)
