"""A pretrained bi-encoder: any model that the library sentence-transformers can load stands in the same table."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from bench.api import Doc, Env, Hits, Query, Retriever
from bench.errors import DataError
from retrievers.neural.pretrained import Loaded, Origin, load, multiplying
from retrievers.neural.pretrained_batches import Batches
from retrievers.neural.runtime import pinned
from retrievers.neural.topk.choice import compile_kernels
from retrievers.neural.topk.index import CosineIndex

SEARCHED = ("cosine", "dot")
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass
class SentenceTransformer(Retriever):
    """Pretrained bi-encoder from a folder or the Hugging Face hub; exact search by cosine or dot product.

    Nothing is learned here. Code that comes with a model is never run (``trust_remote_code`` is off), so a model that needs
    its own code cannot be used; weights are read from safetensors. The time of ``index`` includes loading the model, which the
    report tells apart.
    """

    model: str
    """A folder, beginning with ``./``, ``../``, ``~/`` or ``/``, or a name on the hub."""
    revision: str = ""
    """Commit, tag or branch of a model on the hub; empty is its main branch as it is today."""
    query_prompt: str | None = "model"
    """What stands before each question: ``model`` takes the model's own, ``none`` nothing; the name of one of its prompts; or
    the text itself, a blank written as %20."""
    document_prompt: str | None = "model"
    """The same for documents."""
    max_length: int | None = None
    """Tokens read of a text, prompt included; none is the model's own limit."""
    similarity: Literal["model", "cosine", "dot"] = "model"
    """How vectors are compared; ``model`` is what its configuration says."""
    truncate_dim: int | None = None
    """Only the first dimensions of the vectors, for models trained so (Matryoshka); none is what its configuration says."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of weights and activations; auto is float32, whose products a CUDA device rounds to TF32."""

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Refuse what cannot be loaded or makes no sense before anything is computed."""
        for name in ("max_length", "truncate_dim"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1")
        self._origin = Origin(self.model, self.revision, "sentence-transformers")
        self._loaded: Loaded | None = None
        self._device = ""
        self.learned: dict[str, Any] = {}

    def content(self) -> str:
        """Hash of the folder's files, or the commit of the repository."""
        return str(self.learned.get("commit", "")) or self._origin.content()

    def prepare(self, env: Env) -> None:
        """Compile what searches on a CPU."""
        if env.device == "cpu":
            compile_kernels()

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Load the model unless it is there, and encode every document."""
        self._env = env
        with pinned(env):
            model = self._ready(env)
            start = perf_counter()
            texts = [doc.content for doc in corpus]
            prompt = _prompt(model, self.document_prompt, DOCUMENT_PROMPTS)

            def told(fraction: float) -> None:
                env.progress(fraction, f"{fraction * len(texts):,.0f} of {len(texts):,} documents encoded")

            vectors, longest = self._encode(texts, prompt, "document", told)
            self.learned |= {
                "document prompt": prompt,
                "longest document": longest,
                "seconds encoding": round(perf_counter() - start, 3),
            }
            self._index = CosineIndex(
                vectors, env.device, similarity="dot", threads=env.threads, cache=env.cache
            )  # their length is 1 where it is to be
            self.learned["exact search"] = self._index.about

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Encode the questions and rank by similarity; equal ones keep the order of the corpus."""
        if not queries:
            return Hits(np.zeros((0, k), dtype=np.int64), np.zeros((0, k), dtype=np.float32))
        with pinned(self._env):
            vectors, _ = self._encode([query.text for query in queries], self.learned["query prompt"], "query")
            positions, scores = self._index.search(vectors, k)
        return Hits(positions.cpu().numpy(), scores.cpu().numpy())

    def _ready(self, env: Env) -> Any:
        """The model on the device."""
        if self._loaded is None or self._device != env.device:
            env.progress(0.0, f"loading {self.model}")
            start = perf_counter()
            loaded = load(
                "SentenceTransformer",
                self._origin,
                device=env.device,
                precision=self.precision,
                max_length=self.max_length,
            )
            model = loaded.model
            self._configure(model)
            self._batches = Batches(model, "sentence_embedding", env.device)
            self.learned = {
                **loaded.facts,
                "seconds loading": round(perf_counter() - start, 3),
                "similarity": self._similarity,
                "dimensions": model.get_embedding_dimension(),
                "query prompt": _prompt(model, self.query_prompt, ("query",)),
            }
            self._loaded, self._device = loaded, env.device
        return self._loaded.model

    def _configure(self, model: Any) -> None:
        """Settle what the configuration of the model leaves to it; DataError for what it does not allow."""
        architectures = getattr(model.config, "architectures", None) or ()
        if any(name.endswith("ForSequenceClassification") for name in architectures):
            raise DataError(f"{self.model} is a cross-encoder: give it as cross-encoder:model={self.model}")
        self._similarity = model.similarity_fn_name if self.similarity == "model" else self.similarity
        if self._similarity not in SEARCHED:
            raise DataError(f"{self.model} compares by {self._similarity} distance: give similarity=cosine or dot")
        if self.truncate_dim is not None:
            model.truncate_dim = None  # its own, which would hide how many there are
            size = model.get_embedding_dimension()
            if size is not None and self.truncate_dim > size:
                raise DataError(f"truncate_dim={self.truncate_dim}: the vectors of {self.model} have {size} dimensions")
            model.truncate_dim = self.truncate_dim
        self._width = model.truncate_dim

    def _encode(self, texts: list[str], prompt: str, task: str, *told: Any) -> tuple[Tensor, int]:
        """Vectors float32 ``[n, dimensions]``, of unit length where they are compared by cosine, and the most tokens of a text."""
        with multiplying(self._device, self.precision):
            vectors, longest = self._batches.run(texts, *told, prompt=prompt, task=task)
        vectors = vectors[:, : self._width]
        return (F.normalize(vectors, dim=1) if self._similarity == "cosine" else vectors), longest


def _prompt(model: Any, asked: str | None, names: Sequence[str]) -> str:
    """The text before a question or document: what the library's own ``encode_query`` and ``encode_document`` would take."""
    if asked is None:
        return ""
    if asked != "model":
        return str(model.prompts.get(asked, asked))
    own = [model.prompts[name] for name in names if name in model.prompts]
    return str(own[0]) if own else str(model.prompts.get(model.default_prompt_name, ""))
