"""Pretrained models from a folder or from the Hugging Face hub: what names one, loading it, what can go wrong.

The library sentence-transformers is an optional extra and takes seconds to import, so it is imported when a model is loaded.
Code that comes with a model is never run (``trust_remote_code`` stays off), and weights are read from safetensors only.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch

from bench.errors import BenchError, DataError

Kind = Literal["SentenceTransformer", "CrossEncoder"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

LIBRARIES = ("sentence-transformers", "transformers", "tokenizers")
HUB_TIMEOUT = 10.0
"""Seconds for the one question that tells whether the hub can be reached."""

_FOLDER = re.compile(r"(~|\.{1,2})?/.")
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MISSING = re.compile(r"^(\S.*?) *\| *(?:\x1b\[\d+m)?MISSING", re.MULTILINE)
_DESCRIPTIONS = ("modules.json", "config.json")
"""One of these two says what a model is made of."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    model: a folder, beginning with ``./ ../ ~/ /``, or the name of a repository, OWNER/NAME. revision: commit, tag or branch of
    a repository, or empty. owner: who owns a repository that is named without an owner. ValueError for what can be no model.
    """

    model: str
    revision: str
    owner: str

    def __post_init__(self) -> None:
        """Refuse what could not be loaded later, without importing the library."""
        if find_spec("sentence_transformers") is None:
            raise DataError(
                "needs sentence-transformers, which is not installed: pip install 'retrieverbench[sentence-transformers]'"
            )
        folder = self.folder
        if folder is None:
            self._check_name()
        elif not folder.is_dir():
            raise ValueError(f"there is no folder {self.model}")
        elif not any((folder / name).is_file() for name in _DESCRIPTIONS):
            raise ValueError(f"{self.model} holds no model: neither {' nor '.join(_DESCRIPTIONS)} is there")
        elif self.revision:
            raise ValueError("revision belongs to a model on the hub, and a folder was given")

    @property
    def folder(self) -> Path | None:
        """The folder, if it is one."""
        return Path(self.model).expanduser() if _FOLDER.match(self.model) else None

    @property
    def repository(self) -> str:
        """OWNER/NAME on the hub."""
        return self.model if "/" in self.model else f"{self.owner}/{self.model}"

    def content(self) -> str:
        """What tells this model from another under the same name: hash of the files, or commit in the local cache.

        Empty for a model of the hub that was never loaded here. Hidden files and the model card decide nothing.
        """
        if self.folder is None:
            return self.cached_commit()
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            if path.is_file() and path.suffix != ".md" and not any(part.startswith(".") for part in name.parts):
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{name.as_posix()}\n{found}\n".encode())
        return digest.hexdigest()[:12]

    def cached_commit(self) -> str:
        """The commit that the revision was when it was last loaded; empty if it is not in the local cache."""
        hub = import_module("huggingface_hub")
        for name in _DESCRIPTIONS:
            found = hub.try_to_load_from_cache(self.repository, name, revision=self.revision or None)
            if isinstance(found, str):  # .../snapshots/COMMIT/NAME
                return Path(found).parent.name
        return ""

    def commit(self) -> tuple[str, bool]:
        """The commit that the revision is now, and whether only the local cache can be asked.

        DataError if the hub has no such model, or cannot be reached and the cache does not have it.
        """
        hub = import_module("huggingface_hub")
        cached = self.cached_commit()
        if cached and _COMMIT.fullmatch(self.revision):
            return cached, False  # what an interrupted download left out may still be fetched
        try:
            info = hub.HfApi().model_info(self.repository, revision=self.revision or None, timeout=HUB_TIMEOUT)
            return str(info.sha), False
        except hub.errors.RevisionNotFoundError:
            raise DataError(f"{self.repository} has no revision {self.revision} on the Hugging Face hub") from None
        except Exception as error:  # whatever the network and the client's HTTP library raise
            if cached:
                return cached, True
            raise DataError(_unreachable(self, error)) from error

    def _check_name(self) -> None:
        if not _NAME.fullmatch(self.model):
            raise ValueError(f"model={self.model} is neither OWNER/NAME on the hub nor a folder beginning with ./ or /")
        if Path(self.model).is_dir():
            raise ValueError(
                f"{self.model} is a folder here: give model=./{self.model}, or run elsewhere for the hub's"
            )


@dataclass(frozen=True)
class Loaded:
    """A model of the library, ready on its device; ``facts`` are for the report."""

    model: Any
    facts: dict[str, Any]


def load(kind: Kind, origin: Origin, *, device: str, precision: Precision, max_length: int | None) -> Loaded:
    """Load a model; DataError says in one line why it cannot be used.

    precision: number format of weights and activations; ``auto`` is float32, see ``multiplying``.
    max_length: tokens read of a text, the rest is cut off; None leaves the model's own limit.
    """
    library = _library()
    commit, offline = ("", True) if origin.folder else origin.commit()
    with _listening() as missing:
        try:
            model = getattr(library, kind)(
                str(origin.folder or origin.repository),
                device=device,
                revision=commit or None,
                local_files_only=offline,
                trust_remote_code=False,
                model_kwargs={"dtype": _dtype(precision), "use_safetensors": True},
            )
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise DataError(f"cannot load {origin.model} as a {kind}: {_first_line(error)}") from error
    _refuse_untrained(missing, origin, kind)
    _limit(model, max_length, origin)
    facts = {
        **({"commit": commit} if commit else {}),
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "max_length": model.max_seq_length,
        "number format": str(model.dtype).removeprefix("torch."),
    }
    return Loaded(model.eval(), facts)


@contextmanager
def multiplying(device: str, precision: Precision) -> Iterator[None]:
    """float32 products the way ``precision`` asks for.

    With ``auto`` a CUDA device may round their factors to TF32: the range of float32 and ten bits of mantissa, sums in
    float32. Scores stay close to the CPU's, nothing overflows, and no ties arise as they do in 16 bits.
    """
    before = torch.get_float32_matmul_precision()
    if device == "cuda" and precision == "auto":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _dtype(precision: Precision) -> torch.dtype:
    found: torch.dtype = getattr(torch, "float32" if precision == "auto" else precision)
    return found


def _library() -> Any:
    try:
        return import_module("sentence_transformers")
    except ImportError as error:
        raise DataError(f"sentence-transformers cannot be imported: {_first_line(error)}") from error


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect the names of weights that a model's files lack: transformers only logs that it made them up.

    Its progress bars and reports are kept off standard error meanwhile.
    """
    logs = import_module("transformers").utils.logging
    logger = logging.getLogger("transformers.modeling_utils")
    missing: list[str] = []
    handler = _Handler(missing)
    before = logger.level, logger.propagate, logs.is_progress_bar_enabled()
    logger.setLevel(
        logging.INFO
    )  # whatever its parents say; at WARNING itself transformers would tell more than it should
    logger.propagate = False
    logger.addHandler(handler)
    logs.disable_progress_bar()
    try:
        yield missing
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]
        logger.removeHandler(handler)
        if before[2]:
            logs.enable_progress_bar()


class _Handler(logging.Handler):
    def __init__(self, missing: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._missing = missing

    def emit(self, record: logging.LogRecord) -> None:
        self._missing.extend(_MISSING.findall(record.getMessage()))


def _refuse_untrained(missing: list[str], origin: Origin, kind: Kind) -> None:
    """Weights that are drawn at random would be scored as if someone had trained them."""
    # no bi-encoder reads BERT's pooler
    needed = sorted(name for name in missing if kind == "CrossEncoder" or "pooler." not in name)
    if needed:
        names = ", ".join(needed[:3]) + (", …" if len(needed) > 3 else "")  # noqa: PLR2004
        raise DataError(f"{origin.model} is no trained {kind}: its files lack {names}")


def _limit(model: Any, max_length: int | None, origin: Origin) -> None:
    if max_length is None:
        return
    positions = _positions(model)
    if positions is not None and max_length > positions:
        raise DataError(f"max_length={max_length}: {origin.model} has positions for {positions} tokens")
    model.max_seq_length = max_length


def _positions(model: Any) -> int | None:
    """How many tokens the model has positions for; None where that is not limited.

    RoBERTa and its relatives (XLM-R, CamemBERT, MPNet) number positions from the padding's number + 1, so that those up to it
    are lost: of 514 positions they read 512 tokens.
    """
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            return int(module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1))
    stated = getattr(model.config, "max_position_embeddings", None)
    return None if stated is None else int(stated)


def _unreachable(origin: Origin, error: Exception) -> str:
    if "NotFound" in type(error).__name__ or "Gated" in type(error).__name__:
        return f"the Hugging Face hub shows no model {origin.repository}: is it misspelt, private or gated?"
    return (
        f"{origin.repository} is not in the local cache and the Hugging Face hub cannot be asked ({_first_line(error)}); "
        f"fetch it where there is a network (hf download {origin.repository} --local-dir FOLDER) and give model=./FOLDER"
    )


def _first_line(error: BaseException) -> str:
    """Type and first line of a library's message, which may be a page."""
    if isinstance(error, BenchError):
        return str(error)
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line[:200]}" if line else type(error).__name__
