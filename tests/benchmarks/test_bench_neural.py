"""Speed of the neural retrievers on synthetic texts of the length of functions; one thread, text in to arrays on the host.

Speed does not depend on what the weights are, so they are learned from a handful of pairs.
"""

import numpy as np
import pytest
import torch

from bench.api import Doc, Env, Pairs, Query
from retrievers.cnn import CNN
from retrievers.gru import GRU
from retrievers.neural.bag import Bag
from retrievers.neural.cosine import top_k
from retrievers.neural.encoder import Encoder, Words, columns, encode
from retrievers.neural.vocabulary import Sequences

ENV = Env(threads=1)
POOL = 1_337
WORDS = [f"word{chr(97 + at // 26 // 26)}{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}" for at in range(8_000)]


def texts(rng, n, low, high):
    """Texts of Zipfian words."""
    ranks = (len(WORDS) ** rng.random((n, high))).astype(int) - 1
    return [" ".join(WORDS[i] for i in row[:size]) for row, size in zip(ranks, rng.integers(low, high, n), strict=True)]


def pairs(n):
    """Questions of 6 to 16 words, documents of 20 to 80 words."""
    rng = np.random.default_rng(0)
    queries = [Query(f"q{at}", text) for at, text in enumerate(texts(rng, n, 6, 16))]
    docs = [Doc(f"d{at}", text) for at, text in enumerate(texts(rng, n, 20, 80))]
    return Pairs(docs, queries, {query.id: {doc.id: 1} for query, doc in zip(queries, docs, strict=True)})


@pytest.fixture(scope="module")
def collection():
    return pairs(POOL)


@pytest.fixture(scope="module")
def gru(collection):
    retriever = GRU(epochs=1)
    retriever.fit(collection, Pairs((), (), {}), ENV)
    retriever.index(collection.corpus, ENV)
    return retriever


@pytest.fixture(scope="module")
def cnn(collection):
    scorer = CNN(epochs=1, vector_epochs=1)
    scorer.fit(collection, Pairs((), (), {}), ENV)
    scorer.index(collection.corpus, ENV)
    return scorer


def rate(benchmark, n, unit):
    """Note how many a second, from the fastest round."""
    if benchmark.stats:  # not with --benchmark-disable
        benchmark.extra_info[unit] = round(n / benchmark.stats["min"])


@pytest.mark.parametrize("words", [24, 80])
def test_gru_encodes_documents(benchmark, gru, words):
    corpus = [Doc(str(at), text) for at, text in enumerate(texts(np.random.default_rng(1), 2_000, words // 2, words))]
    benchmark.pedantic(gru.index, (corpus, ENV), rounds=5, warmup_rounds=1)
    rate(benchmark, len(corpus), "documents/s")
    gru.index(pairs(POOL).corpus, ENV)


def test_gru_searches_one_question(benchmark, gru, collection):
    assert benchmark(gru.search, collection.queries[:1], 10).positions.shape == (1, 10)


def test_gru_searches_all_questions(benchmark, gru, collection):
    benchmark(gru.search, collection.queries, 10)
    rate(benchmark, POOL, "questions/s")


def test_gru_learns_an_epoch(benchmark, collection):
    nothing = Pairs((), (), {})
    benchmark.pedantic(lambda: GRU(epochs=1).fit(collection, nothing, ENV), rounds=2)
    rate(benchmark, POOL, "pairs/s")


@pytest.mark.parametrize("candidates", [100, POOL], ids=["re-ranks 100", "ranks everything"])
def test_cnn_scores_one_question(benchmark, cnn, collection, candidates):
    positions = np.arange(candidates)[None]
    benchmark(cnn.score, collection.queries[:1], positions)
    rate(benchmark, candidates, "pairs/s")


def test_cnn_scores_in_batch(benchmark, cnn, collection):
    positions = np.broadcast_to(np.arange(POOL), (20, POOL))
    benchmark.pedantic(cnn.score, (collection.queries[:20], positions), rounds=5, warmup_rounds=1)
    rate(benchmark, positions.size, "pairs/s")


def test_cnn_learns_an_epoch(benchmark, collection):
    nothing = Pairs((), (), {})
    benchmark.pedantic(lambda: CNN(epochs=1, vector_epochs=1).fit(collection, nothing, ENV), rounds=2)
    rate(benchmark, POOL, "pairs/s")


class ByModule(Encoder):
    """The encoder whose recurrence torch.nn.GRU computes, as on CUDA."""

    def _words(self, ids):
        return Words(ids, self.dropout(self.embedding(ids)), None)


def sequences(n, low, high):
    """Texts of distinct Zipfian words."""
    rng = np.random.default_rng(2)
    ranks = (len(WORDS) ** rng.random((n, 4 * high))).astype(int)
    return Sequences.of(
        [
            list(dict.fromkeys(row.tolist()))[:size]
            for row, size in zip(ranks, rng.integers(low, high + 1, n), strict=True)
        ]
    )


def encoder(kind, **options):
    torch.manual_seed(0)
    vectors = torch.randn(len(WORDS) + 1, 256) * 0.1
    return kind(vectors, torch.rand(len(vectors)) * 8, **options)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("lengths", [(15, 32), (26, 64)], ids=["short", "functions"])
@pytest.mark.parametrize(("kind", "options"), [(Encoder, {"hidden": 128}), (Bag, {})], ids=["gru", "bag"])
@pytest.mark.usefixtures("one_thread")
def test_encodes_texts(benchmark, kind, options, lengths):
    model, texts = encoder(kind, **options).eval(), sequences(10_000, *lengths)
    assert benchmark.pedantic(encode, (model, texts, "cpu"), rounds=3, warmup_rounds=1).shape == (10_000, 256)
    rate(benchmark, 10_000, "documents/s")


@pytest.mark.parametrize("kind", [Encoder, ByModule], ids=["ours", "torch.nn.GRU"])
@pytest.mark.usefixtures("one_thread")
def test_learns_a_batch(benchmark, kind):
    model = encoder(kind, hidden=128, dropout=0.1).train()
    rows = np.arange(256)
    asked, solved = columns(sequences(256, 6, 18), rows, "cpu"), columns(sequences(256, 26, 64), rows, "cpu")

    def step():
        model.zero_grad(set_to_none=True)
        similarity = model(asked) @ model(solved).T
        torch.nn.functional.cross_entropy(similarity / 0.07, torch.arange(256)).backward()

    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
    rate(benchmark, 256, "pairs/s")


def plain(queries, documents, k):
    """What one writes first: all scores, then torch.topk."""
    scores, positions = (queries @ documents.T).topk(k)
    return positions, scores


@pytest.mark.parametrize("search", [top_k, plain], ids=["ours", "plain"])
@pytest.mark.parametrize(("questions", "documents"), [(1, 100_000), (256, 100_000), (1_337, 1_337)])
def test_cosine_search(benchmark, search, questions, documents):
    generator = torch.Generator().manual_seed(0)
    asked, solved = torch.randn(questions, 256, generator=generator), torch.randn(documents, 256, generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        benchmark.pedantic(search, (asked, solved, 10), rounds=5, warmup_rounds=1)
    finally:
        torch.set_num_threads(threads)
    rate(benchmark, questions, "questions/s")
