"""What every process that fits begins with: the collection, its generators, its threads."""

import random
import sys
from pathlib import Path

import numpy as np

from bench.data.dataset import Dataset
from bench.data.load import open_dataset
from bench.errors import DataError
from bench.run.job import Job


def opened(job: Job) -> Dataset:
    """The job's collection; DataError where it is no longer the one that the run was planned for."""
    dataset = open_dataset(
        job.dataset, cards=[Path(card) for card in job.cards], cache=Path(job.cache), limit=job.limit
    )
    if dataset.fingerprint != job.fingerprint:
        raise DataError(f"{job.dataset} changed while the run was going on; run again")
    return dataset


def seed_generators(seed: int) -> None:
    """Seed the global generators too, for plug-ins that use them; torch's, once it is loaded, is ``tell_torch``'s."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the legacy generator is what careless code uses


def tell_torch(seed: int, threads: int) -> None:
    """Numerical libraries were pinned by the environment; torch, where the system uses it, is told."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
