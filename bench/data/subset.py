"""Fewer training pairs: nested random subsets of the training questions, the same in every run and on every machine."""

import hashlib
from dataclasses import replace

from bench.api import Qrels
from bench.data.dataset import Dataset, Split
from bench.errors import OptionError

FACT = "training pairs"
"""Name of the fact that tells how many were kept."""

_SALT = "train-pairs\0"


def pair_count(qrels: Qrels) -> int:
    """Question/solution pairs: documents judged relevant, over all questions."""
    return sum(grade > 0 for grades in qrels.values() for grade in grades.values())


def with_train_pairs(dataset: Dataset, size: int | None) -> Dataset:
    """Keep whole training questions, drawn at random, until ``size`` pairs are reached; None keeps all.

    Questions come in the order of a hash of their id, so that a smaller subset is part of every larger one and the order of
    the collection does not matter. Where questions have several solutions, the last one may bring a few pairs more. The kept
    ones stay in the collection's order; corpus, dev and test are untouched. OptionError where there are not so many pairs.
    """
    if size is None:
        return dataset
    train = dataset.train
    total = pair_count(train.qrels)
    if size > total:
        cut = " after --limit" if "limit" in dataset.facts else ""
        raise OptionError(f"--train-pairs {size}: {dataset.name} has {total:,} training pairs{cut}; give fewer, or all")
    kept: set[str] = set()
    reached = 0
    for query_id in sorted((query.id for query in train.queries), key=_place):
        if reached >= size:
            break
        kept.add(query_id)
        reached += pair_count({query_id: train.qrels[query_id]})
    queries = tuple(query for query in train.queries if query.id in kept)
    told = f"{reached:,} of {total:,}, of {len(queries):,} questions drawn at random (--train-pairs)"
    return replace(
        dataset,
        train=Split(queries, {query.id: train.qrels[query.id] for query in queries}),
        facts={**dataset.facts, FACT: told},
    )


def _place(query_id: str) -> bytes:
    return hashlib.sha256(f"{_SALT}{query_id}".encode("utf-8", "surrogatepass")).digest()
