"""The contract: the one file that the author of a retriever reads.

A retriever is a dataclass in a file of its own. Its fields are its hyper-parameters, its docstring says what it is, and
its file name is the name typed on the command line (``my_idea.py`` is ``my-idea``)::

    @dataclass
    class MyIdea(Retriever):
        '''Ranks solutions by the number of words they share with the question.'''

        min_length: int = 1

        def index(self, corpus, env): ...      # all work on documents
        def search(self, queries, k): ...      # all work on queries

``fit``, ``index`` and ``search`` are timed apart, so they must be apart: the corpus given to ``index`` is closed when
``index`` returns. Underscore attributes set by these methods are state; nothing else is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.explanation import Explanation

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> grade; a grade above 0 is relevant."""


class Doc(NamedTuple):
    """A document: a solution that can be retrieved."""

    id: str
    text: str
    title: str = ""

    @property
    def content(self) -> str:
        """Title and text as one string, the way a single-field index sees the document."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class Query(NamedTuple):
    """A question.

    text: what a searcher types. body: the rest of what was asked, where the collection has it; for learning alone, so that
    only training questions carry it, never those of ``dev`` and of ``search``.
    """

    id: str
    text: str
    body: str = ""


def opaque_id(role: str, name: str) -> str:
    """The id under which a retriever sees the ``query`` or ``document`` of this name, so that ids tell nothing.

    In many collections a question and its answer share an id. Only what was produced elsewhere, under the ids of the
    collection, has to know this rule.
    """
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12, person=role.encode()).hexdigest()


class Pairs(NamedTuple):
    """What learning may see: documents, questions and which of the documents solve them."""

    corpus: Sequence[Doc]
    queries: Sequence[Query]
    qrels: Qrels


class Hits(NamedTuple):
    """The k best documents of each query, best first.

    positions: int64 ``[Q, k]``, positions in the corpus as indexed; -1 pads a short row.
    scores: float32 ``[Q, k]``, higher is better; the score of a pad is ignored.
    """

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]

    @classmethod
    def top(cls, scores: NDArray[Any], k: int) -> Self:
        """Pick the k best columns of a dense score matrix ``[Q, N]``; equal scores keep the order of the corpus."""
        scores = np.asarray(scores, dtype=np.float32)
        if scores.shape == (0,):  # an array made of no rows does not know their length
            scores = scores.reshape(0, 0)
        k = min(k, scores.shape[1])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return cls(order.astype(np.int64), np.take_along_axis(scores, order, axis=1))


class Range(NamedTuple):
    """Numbers from low to high, both included, that a hyper-parameter may take; ``log`` where factors count, not differences."""

    low: float
    high: float
    log: bool = False


Space = Mapping[str, Range | tuple[bool | int | float | str | None, ...]]
"""By the name of a hyper-parameter: a range, or the values to choose from."""

Phase = Literal["index", "search"]
"""Of a retriever's life, after ``fit``."""


def _ignore(fraction: float, note: str) -> None:
    pass


def _fit(part: "Component", train: Pairs, dev: Pairs, env: "Env") -> None:
    part.fit(train, dev, env)


@dataclass(frozen=True)
class Env:
    """Where and how a retriever runs; never part of what it is.

    device: ``cpu`` or ``cuda``, one of the retriever's ``devices``.
    seed: every random choice derives from it.
    threads: how many threads the retriever may use.
    cache: a folder for what can be computed again.
    progress: call it with the fraction done (0 to 1) and a short note while something takes long.
    fitter: how a system of several parts fits one of them (see ``fit``).
    stages: seconds by stage name, filled by ``stage``.
    checkpoints: a folder for this fit alone (one system, its source, data and seed), where it may leave what it has reached;
    after a kill the next fit finds it there.
    logs: a folder for TensorBoard's event files, where the user wants them.
    """

    device: str = "cpu"
    seed: int = 0
    threads: int = 1
    cache: Path | None = None
    progress: Callable[[float, str], None] = _ignore
    fitter: Callable[["Component", Pairs, Pairs, "Env"], None] = _fit
    stages: dict[str, float] = field(default_factory=dict)
    checkpoints: Path | None = None
    logs: Path | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds spent inside the ``with`` block to the stage of this name."""
        start = perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + perf_counter() - start

    def resumed(self, seconds: float) -> None:
        """Tell that this fit takes over the work of so many seconds from one that was killed; they are part of its cost."""
        self.stages["resumed"] = self.stages.get("resumed", 0.0) + seconds

    def fit(self, part: "Component", train: Pairs, dev: Pairs) -> None:
        """Fit a part of a system, or take over a stored fit of the same part."""
        self.fitter(part, train, dev, self)


class Component(ABC):
    """What retrievers and scorers have in common."""

    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Where it can run; with ``cpu`` alone it runs there whatever ``--device`` says, and the report says so."""
    seeded: ClassVar[bool] = False
    """Whether another seed gives other results; if so it is run once for each of ``--seeds``."""
    family: ClassVar[str] = ""
    """``lexical`` (compares words) or ``neural`` (compares what was learned); the report sets the two against each other."""
    live: ClassVar[bool] = True
    """Whether it searches here and now; with False nothing is timed, since the results come from elsewhere."""
    space: ClassVar[Space] = {}
    """Hyper-parameters worth searching, and where: ``{"k1": Range(0.5, 3)}``. ``--tune`` tries them on dev."""

    phases: ClassVar[Mapping[str, Phase]] = {}
    """Hyper-parameters that ``fit`` does not read, by name: what is first read by ``index``, as ``ann`` is, or by ``search``
    alone. Systems that differ in these only share one fit; what ``search`` alone reads is changed by ``retune``, and ``--sweep``
    tries several values of it on one index. Parameters that are not named decide what is learned."""

    def prepare(self, env: Env) -> None:  # noqa: B027 - optional
        """Do once what a fresh machine or process needs, such as compiling kernels; called before anything is timed."""

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:  # noqa: B027 - optional, most lexical methods learn nothing
        """Learn from the training pairs; hyper-parameters may be chosen on ``dev``. The test split is never seen."""

    @abstractmethod
    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Do all work on documents; ``corpus`` cannot be read after this returns."""

    def retune(self, **values: Any) -> None:
        """Search with other values of ``search`` parameters from now on; nothing is learned or indexed again.

        Asked of what is indexed. Extend it where ``index`` has handed them on.
        """
        for name, value in values.items():
            setattr(self, name, value)

    def content(self) -> str:
        """Hash of whatever else decides the results beside source and parameters, such as a file that is read; mostly none."""
        return ""

    def save(self, folder: Path) -> None:
        """Write what ``fit`` learned into an empty folder, so that it is not learned again; no pickles."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Take over what ``save`` wrote, instead of ``fit``."""
        raise NotImplementedError

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:
        """Why ``doc``, which stands at ``position`` in the corpus as indexed, has its score; without it words are left out."""
        raise NotImplementedError


class Retriever(Component):
    """Finds the k best documents of an indexed corpus for each query."""

    @abstractmethod
    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Rank documents for each query: text in, host arrays out; k may exceed the corpus."""


class Scorer(Component):
    """Scores given documents for a query, like the interaction CNN: ranks everything alone, re-ranks after a first stage."""

    @abstractmethod
    def score(self, queries: Sequence[Query], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score candidates: positions ``[Q, n]`` in the corpus as indexed, -1 pads; returns float32 ``[Q, n]``.

        A document's score depends on the query and the document alone, not on the other candidates.
        """
