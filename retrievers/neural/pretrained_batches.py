"""A pretrained model at work on many texts: batches of similar length, as large as memory and caches take them.

Texts are tokenised once, in chunks sorted by characters; within a chunk they are sorted by tokens, and each batch takes its
rows of the chunk's tokens without the columns that would only be padding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrievers.neural.batches import inference_batches

CHUNK = 1024
"""Texts tokenised at once: enough to sort, little to hold."""
MOST_TOKENS = {"cpu": 1024, "cuda": 1 << 16}
"""Tokens of a batch beyond which nothing gets faster: for each thread of a CPU, whose caches are full (six layers of 384
dimensions take 1.2 times as long with 2,048 and 1.8 times with 8,192), and for a GPU, all of which is busy."""
FEWEST_TOKENS = 256
SHARE = 1 / 8
"""Share of the free memory that the activations of one layer may take; what else is needed is not known beforehand."""
WIDTHS = 16
"""Widths of the model that a token takes while a layer is computed: four each of attention and of the feed-forward
layer's input and output, and as many again for what is not yet freed."""

Inputs = Sequence[str] | Sequence[tuple[str, str]]
Told = Callable[[float], None]


def _quiet(fraction: float) -> None:
    pass


class Batches:
    """Runs a model of sentence-transformers over texts, or over pairs of texts.

    output: name of the model's output that is wanted, one row a text. budget: tokens of a batch with padding; it is halved
    where a CUDA device runs out of memory, and stays so.
    """

    def __init__(self, model: Any, output: str, device: str) -> None:
        self._model = model
        self._output = output
        self._device = device
        self.budget = token_budget(model, device)

    def run(self, inputs: Inputs, told: Told = _quiet, **options: Any) -> tuple[Tensor, int]:
        """Outputs float32 ``[n, …]`` on the device in the order of the inputs, and the largest number of tokens of one.

        options: what ``preprocess`` and ``forward`` of the model take, such as ``prompt`` and ``task``. told: is called with the
        share of the work that is done. An input that alone is too large for the memory is torch's OutOfMemoryError.
        """
        sizes = np.array([_characters(one) for one in inputs], dtype=np.int64)
        order = np.argsort(-sizes, kind="stable")  # the longest first: memory runs out at once or never
        found: Tensor | None = None
        done, longest = 0, 0
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            outputs, tokens = self._chunk([inputs[at] for at in chosen], options)
            longest = max(longest, tokens)
            if found is None:
                found = torch.empty((len(inputs), *outputs.shape[1:]), dtype=torch.float32, device=outputs.device)
            found[torch.from_numpy(chosen).to(found.device)] = outputs
            done += int(sizes[chosen].sum() + len(chosen))
            told(done / (int(sizes.sum()) + len(sizes)))
        if found is None:
            raise ValueError("no texts to run the model over")
        return found, longest

    def _chunk(self, inputs: Any, options: dict[str, Any]) -> tuple[Tensor, int]:
        features = self._model.preprocess(inputs, **options)
        mask = features.get("attention_mask")
        if not _rectangular(features, mask, len(inputs)):  # a bag of words has no padding that could be left out
            return self._forward(features, options).float(), 0
        lengths = mask.sum(1).numpy()
        found: list[Tensor] = []
        rows: list[NDArray[np.int64]] = []
        for batch in reversed(list(inference_batches(lengths, self.budget))):
            for part, outputs in self._within_memory(features, lengths, batch, options):
                rows.append(part)
                found.append(outputs.float())
        back = np.argsort(np.concatenate(rows), kind="stable")
        return torch.cat(found)[torch.from_numpy(back).to(found[0].device)], int(lengths.max())

    def _within_memory(
        self, features: dict[str, Any], lengths: NDArray[np.int64], batch: NDArray[np.int64], options: dict[str, Any]
    ) -> list[tuple[NDArray[np.int64], Tensor]]:
        """Outputs of a batch; what is too large for the budget or for the device is divided, the latter under half the budget."""
        used = len(batch) * int(lengths[batch].max())
        if len(batch) == 1 or used <= self.budget:  # else planned before memory ran out
            try:
                return [(batch, self._forward(_taken(features, batch), options))]
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
            # outside the handler, whose traceback would keep the failed batch's tensors alive
            torch.cuda.empty_cache()
            self.budget = used // 2
        parts = [batch[part] for part in inference_batches(lengths[batch], self.budget)]
        return [one for part in parts for one in self._within_memory(features, lengths, part, options)]

    def _forward(self, features: dict[str, Any], options: dict[str, Any]) -> Tensor:
        there = {name: _moved(value, self._device) for name, value in features.items()}
        with torch.inference_mode():
            outputs: Tensor = self._model(there, **options)[self._output]
        return outputs


def token_budget(model: Any, device: str) -> int:
    """Tokens of a batch with padding: a power of two, so that a little more or less free memory changes nothing."""
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    most = MOST_TOKENS[device] * (torch.get_num_threads() if device == "cpu" else 1)
    config = getattr(model.config, "get_text_config", lambda: model.config)()
    width = getattr(config, "hidden_size", None) or 1024
    size = 4 if model.dtype is None else model.dtype.itemsize
    fits = int(free * SHARE / (WIDTHS * width * size))
    return int(min(most, max(FEWEST_TOKENS, 1 << max(fits, 1).bit_length() - 1)))


def _rectangular(features: dict[str, Any], mask: Any, rows: int) -> bool:
    """Whether every tensor is ``[texts, tokens]``, so that rows and columns can be taken."""
    shape = (rows, mask.shape[1]) if isinstance(mask, Tensor) and mask.ndim == 2 else None  # noqa: PLR2004
    return all(value.shape == shape for value in features.values() if isinstance(value, Tensor))


def _taken(features: dict[str, Any], rows: NDArray[np.int64]) -> dict[str, Any]:
    """The features of some texts, without the columns that are padding for all of them, on whichever side it is."""
    at = torch.from_numpy(rows)
    used = features["attention_mask"][at].any(0).nonzero()[:, 0]
    columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
    return {name: value[at, columns] if isinstance(value, Tensor) else value for name, value in features.items()}


def _moved(value: Any, device: str) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value


def _characters(one: str | tuple[str, str]) -> int:
    return len(one) if isinstance(one, str) else sum(map(len, one))
