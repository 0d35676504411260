"""Batches of a pretrained model: padding changes nothing, memory that runs out halves them; names of the hub; the main job."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from pretrained_examples import write_bi_encoder, write_cross_encoder

from bench.errors import DataError
from bench.run.store import Store
from retrievers.neural import pretrained_batches
from retrievers.neural.pretrained import Origin, _positions, multiplying
from retrievers.neural.pretrained_batches import FEWEST_TOKENS, MOST_TOKENS, Batches, token_budget

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Model:
    """Stands for a model of the library: its output for a text is the sum of its letters' numbers, and their count.

    room: tokens of a batch, padding included, for which there is memory. Tokens may be padded left or not at all.
    """

    config = SimpleNamespace(hidden_size=32)
    dtype = torch.float32

    def __init__(self, padding="right", room=10**6):
        self.padding, self.room, self.batches = padding, room, []

    def preprocess(self, inputs, **options):
        rows = [torch.tensor([ord(letter) for letter in "".join(one)], dtype=torch.int64) for one in inputs]
        if self.padding == "none":
            return {"input_ids": torch.cat(rows), "offsets": torch.tensor([0, *map(len, rows)])[:-1].cumsum(0)}
        ids = torch.zeros((len(rows), max(map(len, rows))), dtype=torch.int64)
        for at, row in enumerate(rows):
            ids[at, (slice(len(row)) if self.padding == "right" else slice(ids.shape[1] - len(row), None))] = row
        return {"input_ids": ids, "attention_mask": (ids > 0).long(), "prompt_length": 2}

    def __call__(self, features, **options):
        ids = features["input_ids"]
        if self.padding == "none":
            ends = torch.cat([features["offsets"][1:], torch.tensor([len(ids)])])
            parts = [ids[a:b] for a, b in zip(features["offsets"], ends, strict=True)]
            return {"out": torch.tensor([[float(part.sum()), len(part)] for part in parts])}
        self.batches.append(tuple(ids.shape))
        if ids.numel() > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"out": torch.stack([ids.sum(1), features["attention_mask"].sum(1)], 1).double()}


WORDS = ["x" * length for length in np.random.default_rng(0).integers(1, 40, 300)] + ["", "a" * 90]
EXPECTED = [[ord(word[0]) * len(word) if word else 0, len(word)] for word in WORDS]


@pytest.mark.parametrize("padding", ["right", "left", "none"])
def test_outputs_come_in_the_order_of_the_texts(monkeypatch, padding):
    monkeypatch.setattr(pretrained_batches, "CHUNK", 70)
    told = []
    outputs, longest = Batches(Model(padding), "out", "cpu").run(WORDS, told.append)
    assert outputs.dtype == torch.float32
    assert outputs.tolist() == EXPECTED
    assert longest == (0 if padding == "none" else 90)
    assert told == sorted(told)
    assert told[-1] == 1


def test_batches_hold_no_more_than_the_budget_and_little_padding():
    model = Model()
    runner = Batches(model, "out", "cpu")
    runner.budget = 200
    runner.run(WORDS)
    used = [rows * columns for rows, columns in model.batches]
    assert max(used) <= 200
    assert sum(used) < 1.05 * sum(map(len, WORDS))


def test_memory_that_runs_out_halves_the_batches_and_the_result_stays():
    model = Model(room=120)
    runner = Batches(model, "out", "cpu")
    runner.budget = 1000
    outputs, _ = runner.run(WORDS)
    assert outputs.tolist() == EXPECTED
    assert 60 <= runner.budget <= 120
    failed = len(model.batches)
    model.batches.clear()
    runner.run(WORDS)
    assert len(model.batches) < failed
    assert max(rows * columns for rows, columns in model.batches) <= 120


def test_a_text_too_large_by_itself_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        Batches(Model(room=80), "out", "cpu").run(WORDS)


def test_the_budget_follows_threads_and_memory(monkeypatch):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert token_budget(Model(), "cpu") == MOST_TOKENS["cpu"]
        torch.set_num_threads(2)
        assert token_budget(Model(), "cpu") == 2 * MOST_TOKENS["cpu"]
    finally:
        torch.set_num_threads(before)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=600 * 16 * 32 * 4 * 8))
    assert token_budget(Model(), "cpu") == 512  # 600 fit
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1))
    assert token_budget(Model(), "cpu") == FEWEST_TOKENS


def test_products_are_rounded_on_cuda_alone_and_put_back():
    before = torch.get_float32_matmul_precision()
    for device, precision, expected in (("cuda", "auto", "high"), ("cuda", "float32", before), ("cpu", "auto", before)):
        with multiplying(device, precision):
            assert torch.get_float32_matmul_precision() == expected
        assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize(
    ("kind", "lost"), [("Bert", 0), ("Roberta", 2), ("XLMRoberta", 2), ("MPNet", 2), ("DistilBert", 0)]
)
def test_positions_that_are_lost_before_the_first_token_are_not_offered(kind, lost):
    """RoBERTa and its relatives read 40 tokens with 42 positions; with one more torch has no vector for the last."""
    import transformers

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    if kind == "DistilBert":
        sizes = {"dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8}
    special = {"pad_token_id": 1 if lost else 0}
    config = getattr(transformers, f"{kind}Config")(vocab_size=30, max_position_embeddings=42, **sizes, **special)
    model = getattr(transformers, f"{kind}Model")(config).eval()
    limit = _positions(model)
    assert limit == 42 - lost
    model(input_ids=torch.full((1, limit), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, limit + 1), 5))


@pytest.mark.parametrize(
    ("stated", "limit"), [(SimpleNamespace(max_position_embeddings=9), 9), (SimpleNamespace(), None)]
)
def test_a_model_without_a_table_of_positions_has_what_its_configuration_says(stated, limit):
    model = torch.nn.Linear(1, 1)
    model.config = stated
    assert _positions(model) == limit


@pytest.fixture
def hub(tmp_path):
    """A local cache of the hub that holds ``me/tiny``."""
    snapshot = tmp_path / "hub" / "models--me--tiny" / "snapshots" / COMMIT
    snapshot.parent.mkdir(parents=True)
    write_bi_encoder(tmp_path / "model").rename(snapshot)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT, encoding="utf-8")
    return tmp_path / "hub"


def test_a_name_stands_for_the_commit_in_the_cache(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert Origin("me/tiny", "", "x").content() == COMMIT
    assert Origin("tiny", "main", "me").commit() == (COMMIT, True)
    assert Origin("me/tiny", COMMIT, "").commit() == (COMMIT, False)
    assert Origin("me/tiny", "other", "").content() == ""
    with pytest.raises(DataError, match=r"me/other is not in the local cache .* give model=\./FOLDER$"):
        Origin("other", "", "me").commit()


def test_what_the_hub_answers_is_one_line(monkeypatch):
    import httpx2
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    def answers(kind):
        def ask(*arguments, **options):
            response = httpx2.Response(404, request=httpx2.Request("GET", "https://example.org"))
            raise kind("404\nand more", response=response)

        monkeypatch.setattr("huggingface_hub.HfApi.model_info", ask)

    answers(RepositoryNotFoundError)
    with pytest.raises(DataError, match=r"shows no model me/none: is it misspelt, private or gated\?$"):
        Origin("me/none", "", "").commit()
    answers(RevisionNotFoundError)
    with pytest.raises(DataError, match="me/none has no revision v9 on"):
        Origin("me/none", "v9", "").commit()


@pytest.mark.slow
@pytest.mark.timeout(900)  # each of its processes imports the library, which takes a busy machine long
def test_the_main_job_sets_pretrained_models_beside_the_others(hub, tmp_path):
    write_cross_encoder(tmp_path / "tiny-ce")
    rows = [{"question": f"how to open alpha{n}", "answer": f"open the file alpha{n} key"} for n in range(60)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = (
        "import sys; import bench.run.rounds as rounds\n"
        "rounds.SINGLE_BUDGET = rounds.BATCH_BUDGET = 0.2; rounds.WARM_UP = 0.02\n"
        "from bench.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "print([name for name in ('sentence_transformers', 'transformers') if name in sys.modules])\n"
        "sys.exit(status)"
    )
    systems = "bm25,sentence-transformer:model=me/tiny,bm25/cross-encoder:model=./tiny-ce:depth=20"
    options = [
        "--dataset=pairs:pairs.jsonl",
        "--out=out",
        "--device=cpu",
        "--threads=1",
        f"--cache={tmp_path / 'cache'}",
    ]
    done = subprocess.run(
        [sys.executable, "-c", command, f"--retrievers={systems}", *options],
        cwd=tmp_path,
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            "HF_HUB_CACHE": str(hub),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[]"  # planning and reporting load no library
    record, stored = Store(Path(tmp_path / "out")).load()
    assert all(passed for passed, _ in record.canaries.values())
    found = {outcome.spec: outcome for outcome in stored}
    assert set(found) == set(systems.split(","))
    encoder = found["sentence-transformer:model=me/tiny"]
    assert encoder.learned["commit"] == COMMIT
    assert encoder.family == "neural"
    assert encoder.sizes.parameters > 20_000
