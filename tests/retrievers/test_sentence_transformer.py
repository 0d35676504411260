"""A pretrained bi-encoder ranks exactly as its own library does, is told apart by its weights, and fails in one line."""

import shutil
import sys
from functools import partial

import numpy as np
import pytest
import torch
from pretrained_examples import LIMIT, texts, write_bert, write_bi_encoder, write_cross_encoder
from safetensors.torch import load_file, save_file

from bench.api import Doc, Env, Query
from bench.build import build
from bench.conformance import CHECKS, check_retriever, synthetic_material
from bench.errors import DataError, SpecError
from bench.measure.memory import held_bytes, parameter_count, stored_bytes
from bench.plugins import find
from bench.spec import Unit
from retrievers.neural import pretrained_batches
from retrievers.neural.topk.index import CosineIndex
from retrievers.sentence_transformer import SentenceTransformer

DOCS = [Doc(str(at), text) for at, text in enumerate(texts(150))]
QUERIES = [Query(str(at), text) for at, text in enumerate(texts(20, 12, seed=1))]
PROMPTS = {"query": "query: ", "document": "the a: ", "other": "list of: "}
MATERIAL = synthetic_material(60)
MATERIAL = MATERIAL._replace(pool=MATERIAL.pool[-8:], queries=MATERIAL.queries[-8:])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_bi_encoder(folder / "tiny", prompts=PROMPTS)
    write_bi_encoder(folder / "plain", normalize=False, seed=1)
    write_bi_encoder(folder / "dot", normalize=False, seed=1, similarity_fn_name="dot")
    return folder


@pytest.fixture(scope="module")
def library(models):
    from sentence_transformers import SentenceTransformer as Library

    return {path.name: Library(str(path), device="cpu") for path in models.iterdir() if "bert" not in path.name}


@pytest.fixture
def tiny(models):
    return partial(SentenceTransformer, str(models / "tiny"))


def indexed(system, docs=DOCS):
    system.index(docs, Env())
    return system


def scores(system, queries=QUERIES):
    hits = system.search(queries, len(DOCS))
    table = np.zeros(hits.scores.shape)
    np.put_along_axis(table, hits.positions, hits.scores, axis=1)
    return table


def encoded(model, **options):
    """The library's own vectors of questions and documents."""
    asked = model.encode_query([q.text for q in QUERIES], **{k[2:]: v for k, v in options.items() if k[:2] == "q_"})
    found = model.encode_document([d.text for d in DOCS], **{k[2:]: v for k, v in options.items() if k[:2] == "d_"})
    return asked.astype(np.float64), found.astype(np.float64)


def cosines(asked, found):
    return (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (found / np.linalg.norm(found, axis=1)[:, None]).T


def test_the_contract_is_fulfilled(tiny):
    assert len(check_retriever(tiny(), MATERIAL)) == len(CHECKS)


@pytest.mark.parametrize("budget", [1, 100, 1 << 14])
def test_scores_are_those_of_the_library_however_texts_are_batched(tiny, library, monkeypatch, budget):
    monkeypatch.setattr(pretrained_batches, "token_budget", lambda *_: budget)
    monkeypatch.setattr(pretrained_batches, "CHUNK", 64)
    np.testing.assert_allclose(scores(indexed(tiny())), cosines(*encoded(library["tiny"])), atol=1e-5)


def test_the_ranking_is_that_of_semantic_search(tiny, library):
    from sentence_transformers.util import semantic_search

    asked, found = encoded(library["tiny"])
    expected = semantic_search(torch.tensor(asked).float(), torch.tensor(found).float(), top_k=10)
    hits = indexed(tiny()).search(QUERIES, 10)
    different = {DOCS[row].text: row for row in range(len(DOCS))}  # equal texts may change places
    for row, best in zip(hits.positions, expected, strict=True):
        assert [different[DOCS[at].text] for at in row] == [different[DOCS[one["corpus_id"]].text] for one in best]


def test_prompts_are_the_models_or_named_or_given_or_none(tiny, library):
    model, found = library["tiny"], {}
    for asked, options in {
        ("model", "model"): {},
        (None, None): {"q_prompt": "", "d_prompt": ""},
        ("other", "other"): {"q_prompt": PROMPTS["other"], "d_prompt": PROMPTS["other"]},
        ("how to: ", "model"): {"q_prompt": "how to: "},
    }.items():
        found[asked] = scores(indexed(tiny(query_prompt=asked[0], document_prompt=asked[1])))
        np.testing.assert_allclose(found[asked], cosines(*encoded(model, **options)), atol=1e-5)
    tables = list(found.values())
    assert all(np.abs(a - b).max() > 1e-3 for at, a in enumerate(tables) for b in tables[:at])


def test_prompts_can_be_typed(models):
    spec = Unit.of("sentence-transformer", model=models / "tiny", query_prompt="how to: ", document_prompt="none")
    system = build(spec, find())
    indexed(system, DOCS[:2])
    assert system.learned["query prompt"] == "how to: "
    assert system.learned["document prompt"] == ""


def test_similarity_is_what_the_models_configuration_says(models, library):
    asked, found = encoded(library["dot"])
    np.testing.assert_allclose(
        scores(indexed(SentenceTransformer(str(models / "dot")))), asked @ found.T, rtol=1e-5, atol=1e-4
    )
    for name, options in (("plain", {}), ("dot", {"similarity": "cosine"})):
        ours = scores(indexed(SentenceTransformer(str(models / name), **options)))
        np.testing.assert_allclose(ours, cosines(asked, found), atol=1e-5)


def test_a_model_that_truncates_by_itself_can_give_more_dimensions(models, tiny, tmp_path):
    """Its configuration says 8 of the 32 that it has; what is asked for replaces that."""
    write_bi_encoder(tmp_path / "short", prompts=PROMPTS, truncate_dim=8)
    short = str(tmp_path / "short")
    for own, asked in ((None, 8), (16, 16), (32, 32)):
        system = indexed(SentenceTransformer(short, truncate_dim=own))
        assert system.learned["dimensions"] == asked
        np.testing.assert_allclose(scores(system), scores(indexed(tiny(truncate_dim=asked))), atol=1e-5)
    with pytest.raises(DataError, match=r"truncate_dim=33: .* have 32 dimensions$"):
        indexed(SentenceTransformer(short, truncate_dim=33))


def test_vectors_are_cut_before_they_are_normalised(tiny, library):
    asked, found = encoded(library["tiny"])
    system = indexed(tiny(truncate_dim=8))
    np.testing.assert_allclose(scores(system), cosines(asked[:, :8], found[:, :8]), atol=1e-5)
    assert system.learned["dimensions"] == 8


def test_a_text_is_read_up_to_max_length(tiny):
    head = "alpha beta gamma open"
    docs = [Doc("a", f"{head} file list"), Doc("b", f"{head} python")]
    whole = indexed(tiny(document_prompt=None), docs).search(QUERIES[1:2], 2).scores[0]
    cut = indexed(tiny(document_prompt=None, max_length=6), docs)  # [CLS], four words, [SEP]
    assert np.ptp(whole) > 1e-3
    assert np.ptp(cut.search(QUERIES[1:2], 2).scores[0]) < 1e-6
    assert cut.learned["max_length"] == cut.learned["longest document"] == 6


def test_half_precision_is_close_and_not_the_same(tiny):
    exact, half = scores(indexed(tiny())), scores(indexed(tiny(precision="bfloat16")))
    assert 0 < np.abs(exact - half).max() < 0.05


def test_threads_are_put_back_and_progress_is_told(tiny):
    told, before = [], torch.get_num_threads()
    system = tiny()
    system.index(DOCS, Env(threads=1, progress=lambda fraction, note: told.append((fraction, note))))
    system.search(QUERIES, 3)
    assert torch.get_num_threads() == before
    assert told[-1] == (1.0, "150 of 150 documents encoded")
    assert system.search((), 3).positions.shape == (0, 3)


def test_a_second_index_does_not_load_again(tiny, monkeypatch):
    system = indexed(tiny())
    monkeypatch.setattr("retrievers.sentence_transformer.load", None)
    assert indexed(system, DOCS[:3]).search(QUERIES, 9).positions.shape == (20, 3)


def test_the_harness_counts_weights_and_vectors_once(tiny):
    system = indexed(tiny())
    weights = sum(one.numel() for one in load_file(f"{system.model}/model.safetensors").values())
    system._index = CosineIndex(torch.zeros(50_000, 32), similarity="dot")
    rounded = 50_000 * (32 + 4)  # to int8, with a unit for each, for one question
    held = 4 * (weights + 50_000 * 32) + rounded
    assert parameter_count(system) == weights
    assert held < held_bytes(system) < held + 500_000  # configuration and the like
    assert held < stored_bytes(system) < held + 500_000


def test_another_model_under_the_same_name_is_another_system(tmp_path, models):
    folder = tmp_path / "tiny"
    shutil.copytree(models / "tiny", folder)
    system = SentenceTransformer(str(folder))
    before = system.content()
    assert before == SentenceTransformer(str(models / "tiny")).content()
    (folder / "README.md").write_text("another card", encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_bytes(b"x")
    assert system.content() == before
    weights = load_file(folder / "model.safetensors")
    weights["pooler.dense.bias"][0] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    changed = system.content()
    assert changed != before
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    assert system.content() not in (before, changed)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model": "./none"}, r"there is no folder \./none$"),
        ({"model": "."}, "neither OWNER/NAME on the hub nor a folder"),
        ({"model": "a b"}, "neither OWNER/NAME on the hub nor a folder"),
        ({"model": "./empty"}, r"\./empty holds no model: neither modules.json nor config.json"),
        ({"model": "empty"}, r"empty is a folder here: give model=\./empty"),
        ({"model": "tiny", "max_length": 0}, "max_length must be at least 1"),
        ({}, "needs model"),
    ],
)
def test_what_can_be_no_model_is_refused_at_once(tmp_path, monkeypatch, options, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match=why):
        build(Unit.of("sentence-transformer", **options), find())


def test_a_revision_belongs_to_the_hub(tiny):
    with pytest.raises(ValueError, match="revision belongs to a model on the hub"):
        tiny(revision="main")


@pytest.mark.parametrize("name", ["sentence-transformer", "cross-encoder"])
def test_a_missing_package_names_the_extra(models, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SpecError, match=r"not installed: pip install 'retrieverbench\[sentence-transformers\]'$"):
        build(Unit.of(name, model=models / "tiny"), find())


@pytest.fixture
def broken(tmp_path, models):
    """Folders that look like models, by what is wrong with them."""
    for name in ("garbage", "lacking", "pickled", "euclidean"):
        shutil.copytree(models / "tiny", tmp_path / name)
    (tmp_path / "garbage" / "model.safetensors").write_bytes(b"garbage")
    weights = load_file(tmp_path / "lacking" / "model.safetensors")
    weights.pop("encoder.layer.1.output.dense.weight")
    save_file(weights, tmp_path / "lacking" / "model.safetensors", {"format": "pt"})
    (tmp_path / "pickled" / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pickled" / "pytorch_model.bin")
    settings = tmp_path / "euclidean" / "config_sentence_transformers.json"
    settings.write_text(settings.read_text(encoding="utf-8").replace("cosine", "euclidean"), encoding="utf-8")
    write_cross_encoder(tmp_path / "reranker")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("garbage", {}, "cannot load .*garbage as a SentenceTransformer: SafetensorError"),
        ("lacking", {}, r"its files lack encoder\.layer\.1\.output\.dense\.weight$"),
        ("pickled", {}, "cannot load .*pickled as a SentenceTransformer: .*safetensors"),
        ("euclidean", {}, "compares by euclidean distance: give similarity=cosine or dot$"),
        ("reranker", {}, "is a cross-encoder: give it as cross-encoder:model="),
        ("euclidean", {"max_length": LIMIT + 1}, "max_length=65: .* has positions for 64 tokens$"),
        ("euclidean", {"similarity": "dot", "truncate_dim": 33}, "have 32 dimensions$"),
    ],
)
def test_a_broken_model_is_one_line(broken, name, options, why):
    system = SentenceTransformer(str(broken / name), **options)
    for _ in range(2):  # the second time it must not take a model for loaded that was refused
        with pytest.raises(DataError, match=why) as caught:
            indexed(system, DOCS[:2])
        assert "\n" not in str(caught.value)


def test_a_bare_transformer_is_pooled_as_the_library_does(tmp_path):
    folder = write_bert(tmp_path / "bert")
    from sentence_transformers import SentenceTransformer as Library

    asked, found = encoded(Library(str(folder), device="cpu"))
    np.testing.assert_allclose(scores(indexed(SentenceTransformer(str(folder)))), cosines(asked, found), atol=1e-5)


@pytest.mark.cuda
def test_cuda_scores_as_the_cpu_does(tiny):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there = tiny()
    there.index(DOCS, Env(device="cuda"))
    np.testing.assert_allclose(scores(there), scores(indexed(tiny())), atol=5e-3)
    assert len(check_retriever(tiny(), MATERIAL, device="cuda")) == len(CHECKS)
