"""BM25 with ready-made scores: fast, and by the formulas of the papers."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Literal

from bench.api import Doc, Env, Hits, Pairs, Query, Range, Retriever, Space
from bench.errors import DataError, SpecError, StoreError
from bench.explanation import Explanation
from retrievers.lexical import formulas
from retrievers.lexical.contributions import contributions
from retrievers.lexical.counts import TermCounts, bag
from retrievers.lexical.formulas import VARIANTS, weights
from retrievers.lexical.impacts import Impacts
from retrievers.lexical.selection import prepare
from retrievers.lexical.tuning import tune
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import compile_reading

_LEARNED = ("k1", "b", "dev RR@10")


@dataclass
class BM25(Retriever):
    """BM25: words that question and solution share, rare words counting more, repeats and long documents less."""

    variant: Literal["lucene", "robertson", "atire", "plus", "l", "rank-okapi", "rank-plus", "rank-l"] = "lucene"
    """Formula; ``rank-...`` are those of the package rank_bm25, which differ from the papers' (see lexical/formulas.py)."""
    k1: float = 1.2
    """How slowly repeats of a word stop counting, from 0."""
    b: float = 0.75
    """How much long documents are discounted, 0 to 1."""
    delta: float | None = None
    """What a word at least adds, for ``plus`` (1 if none), ``l`` and ``rank-l`` (0.5 if none)."""
    tune: bool = False
    """Choose k1 and b by RR@10 on the development questions, instead of those given."""
    stemmer: str = "english"
    """A Snowball stemmer, or ``none``."""
    stop: str = "english"
    """Stop words: ``english`` or ``none``."""
    split: bool = True
    """Divide identifiers such as ``num_workers`` and ``DataLoader``."""

    family: ClassVar[str] = "lexical"
    space: ClassVar[Space] = {
        "k1": Range(0.3, 4),
        "b": Range(0, 1),
        "stemmer": ("english", "none"),
        "stop": ("english", "none"),
    }

    def __post_init__(self) -> None:
        """Reject what no formula takes."""
        if self.variant not in VARIANTS:
            raise SpecError(f"variant={self.variant}: choose from {', '.join(VARIANTS)}")
        if not 0 <= self.k1 < float("inf"):
            raise SpecError(f"k1={self.k1}: give a number from 0, usually 0.5 to 3")
        if not 0 <= self.b <= 1:
            raise SpecError(f"b={self.b}: give a number from 0 to 1")
        if self.delta is not None and not (VARIANTS[self.variant].delta and 0 <= self.delta < float("inf")):
            raise SpecError(f"delta={self.delta}: a number from 0, and for the variants plus, l and rank-l only")
        self._analyze = Analyzer(self.stemmer, self.stop, self.split)
        self._formula = VARIANTS[self.variant]
        self._delta = self._formula.delta if self.delta is None else self.delta
        self.learned: dict[str, float] = {}

    def prepare(self, env: Env) -> None:
        """Compile what reading and searching run."""
        prepare()
        compile_reading()
        TermCounts.read([Doc("", "word")], self._analyze, env)

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:  # noqa: ARG002 - a grid of two numbers needs no training
        """With ``tune``, search the development questions among the development documents with each k1 and b of a grid."""
        if not self.tune:
            return
        if not dev.queries:
            raise DataError("bm25:tune=true needs development questions, and this dataset has none; leave tune out")
        counts = TermCounts.read(dev.corpus, self._analyze, env)
        bags = [bag(self._analyze(query.text), counts.terms) for query in dev.queries]
        position = {doc.id: i for i, doc in enumerate(dev.corpus)}
        relevant = [
            {
                position[doc_id]
                for doc_id, grade in dev.qrels.get(query.id, {}).items()
                if grade > 0 and doc_id in position
            }
            for query in dev.queries
        ]
        chosen = tune(counts, self._formula, self._delta, bags, relevant, threads=env.threads)
        self.learned = dict(zip(_LEARNED, chosen, strict=True))

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Count terms and work out the score of every posting."""
        self._env = env
        counts = TermCounts.read(corpus, self._analyze, env)
        k1, b = self.learned.get("k1", self.k1), self.learned.get("b", self.b)
        scores = weights(counts, self._formula, k1, b, self._delta)
        self._terms = counts.terms
        self._impacts = Impacts(counts.starts, counts.docs, scores, len(counts.lengths))

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Sum ready-made scores; a question none of whose words is known gets no hits."""
        with self._env.stage("tokenise"):
            bags = [bag(self._analyze(query.text), self._terms) for query in queries]
        with self._env.stage("score"):
            return self._impacts.search(bags, k, self._env.threads)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the postings tell
        """What each term of the question adds."""
        asked = self._analyze(query.text)
        return contributions(self._impacts, bag(asked, self._terms), asked, self._terms, position)

    def save(self, folder: Path) -> None:
        """Write the chosen k1 and b."""
        (folder / "learned.json").write_text(json.dumps(self.learned), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take over the chosen k1 and b."""
        path = folder / "learned.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.learned = {name: float(stored[name]) for name in (_LEARNED if self.tune else ())}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{path}: cannot be read, delete its folder to tune again: {error!r}") from None

    def save_index(self, folder: Path) -> None:
        """Write the index into a folder; ``load_index`` maps it into memory, also where it is larger than that."""
        facts = {
            "parameters": asdict(self),
            "analysis": self._analyze.identity,
            "formulas": _identity_of_formulas(),
            "learned": self.learned,
        }
        self._impacts.save(folder, {**facts, "terms": list(self._terms)})

    def load_index(self, folder: Path, env: Env, *, verify: bool = True) -> None:
        """Search what ``save_index`` wrote, instead of ``index``: StoreError if it is damaged, or of other parameters or terms.

        verify: read all of it once to compare checksums; without it a damaged file may end the process.
        """
        impacts, facts = Impacts.load(folder, verify=verify)
        if facts.get("parameters") != asdict(self):
            raise StoreError(f"the index in {folder} was built with other parameters: {facts.get('parameters')}")
        if facts.get("analysis") != self._analyze.identity:
            raise StoreError(f"the index in {folder} was built with another version of the text analysis; index again")
        if facts.get("formulas") != _identity_of_formulas():
            raise StoreError(f"the index in {folder} was built with another version of the formulas; index again")
        self._env, self._impacts, self.learned = env, impacts, facts["learned"]
        self._terms = {term: number for number, term in enumerate(facts["terms"])}


def _identity_of_formulas() -> str:
    """Hash of what works out ready-made scores."""
    return blake2b(Path(formulas.__file__).read_bytes(), digest_size=16).hexdigest()
