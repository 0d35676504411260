"""A pretrained cross-encoder: any re-ranker that the library sentence-transformers can load, as in ``bm25/cross-encoder``."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Env, Query, Scorer
from bench.errors import DataError
from retrievers.neural.pretrained import Loaded, Origin, load, multiplying
from retrievers.neural.pretrained_batches import Batches
from retrievers.neural.runtime import pinned

PAIRS = 1 << 14
"""Pairs of texts prepared at once."""


@dataclass
class CrossEncoder(Scorer):
    """Pretrained cross-encoder from a folder or the Hugging Face hub: reads question and document together.

    Its scores are the model's logits. Nothing is learned here. Code that comes with a model is never run
    (``trust_remote_code`` is off), so a model that needs its own code cannot be used; weights are read from safetensors. All
    work on documents depends on the question too, so ``index`` only loads the model and keeps the texts.
    """

    model: str
    """A folder, beginning with ``./``, ``../``, ``~/`` or ``/``, or a name on the hub."""
    revision: str = ""
    """Commit, tag or branch of a model on the hub; empty is its main branch as it is today."""
    prompt: str | None = "model"
    """What stands before each question: ``model`` takes the model's own, ``none`` nothing; the name of one of its prompts; or
    the text itself, a blank written as %20."""
    max_length: int | None = None
    """Tokens read of a question and a document together; none is the model's own limit."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of weights and activations; auto is float32, whose products a CUDA device rounds to TF32."""

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Refuse what cannot be loaded or makes no sense before anything is computed."""
        if self.max_length is not None and self.max_length < 1:
            raise ValueError("max_length must be at least 1")
        self._origin = Origin(self.model, self.revision, "cross-encoder")
        self._loaded: Loaded | None = None
        self._device = ""
        self.learned: dict[str, Any] = {}

    def content(self) -> str:
        """Hash of the folder's files, or the commit of the repository."""
        return str(self.learned.get("commit", "")) or self._origin.content()

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Load the model unless it is there, and keep the texts."""
        self._env = env
        with pinned(env):
            self._load(env)
        self._documents = [doc.content for doc in corpus]

    def score(self, queries: Sequence[Query], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read each question with each of its candidates; logits, -inf for pads."""
        scores = np.full(positions.shape, -np.inf, dtype=np.float32)
        rows, columns = np.nonzero(positions >= 0)
        with pinned(self._env), multiplying(self._device, self.precision):
            for start in range(0, len(rows), PAIRS):
                here = slice(start, start + PAIRS)
                chosen = positions[rows[here], columns[here]]
                pairs = [(queries[row].text, self._documents[at]) for row, at in zip(rows[here], chosen, strict=True)]
                logits, _ = self._batches.run(pairs, prompt=self._prompt)
                scores[rows[here], columns[here]] = logits.reshape(len(pairs)).cpu().numpy()
        return scores

    def _load(self, env: Env) -> None:
        if self._loaded is not None and self._device == env.device:
            return
        env.progress(0.0, f"loading {self.model}")
        start = perf_counter()
        loaded = load(
            "CrossEncoder", self._origin, device=env.device, precision=self.precision, max_length=self.max_length
        )
        model = loaded.model
        if model.num_labels != 1:
            raise DataError(f"{self.model} gives {model.num_labels} scores for a pair, and a re-ranker gives one")
        own = model.prompts.get(model.default_prompt_name, "")
        self._prompt = own if self.prompt == "model" else model.prompts.get(self.prompt, self.prompt or "")
        self._batches = Batches(model, "scores", env.device)
        self.learned = {
            **loaded.facts,
            "seconds loading": round(perf_counter() - start, 3),
            "prompt": self._prompt,
        }
        self._loaded, self._device = loaded, env.device
