"""Learning curves: which numbers of training pairs a run learns from, and which systems they matter to."""

from collections.abc import Sequence

from bench.api import Component
from bench.data.dataset import Dataset
from bench.data.subset import pair_count
from bench.pipeline import Composite


def resolve(asked: Sequence[int | None], dataset: Dataset) -> tuple[int | None, ...]:
    """The sizes from small to large, each once; all pairs, be it as their number, are None and come last."""
    everything = (None, pair_count(dataset.train.qrels))
    parts = sorted({size for size in asked if size is not None and size not in everything})
    return (*parts, None) if set(asked) & set(everything) else tuple(parts)


def learns(component: Component) -> bool:
    """Whether the component or a part of it has a ``fit`` of its own; what composites tune, they tune on dev.

    One that looks at dev alone, or at nothing, cannot be told from outside; it learns the same at every size.
    """
    if isinstance(component, Composite):
        return any(map(learns, component.components))
    return type(component).fit is not Component.fit
