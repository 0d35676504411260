from pathlib import Path

import pytest
import torch

from bench.api import Env
from bench.errors import DeviceError
from retrievers.neural.runtime import autocast, half_precision, pinned, portion, seeded
from retrievers.neural.training import Schedule, train

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with pinned(Env(threads=before + 1)):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_seed_decides_and_the_outside_is_left_alone():
    outside = torch.get_rng_state()
    draws = []
    for seed in (1, 1, 2):
        with seeded(Env(seed=seed)) as rng:
            draws.append((torch.rand(1).item(), rng.random()))
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[2][0]
    assert draws[0][1] != draws[2][1]
    assert torch.equal(torch.get_rng_state(), outside)


def test_a_portion_has_its_share_of_the_progress_and_folders_of_its_own():
    told = []
    env = Env(progress=lambda fraction, note: told.append((fraction, note)), checkpoints=Path("c"), logs=Path("l"))
    part = portion(portion(env, 0.5, 1.0, "fold"), 0.0, 0.5, "inner")
    part.progress(0.5, "half")
    assert told == [(0.625, "half")]
    assert part.checkpoints == Path("c/fold/inner")
    assert part.logs == Path("l/fold/inner")
    assert portion(Env(), 0, 1, "fold").checkpoints is None


def product(device, precision):
    with autocast(device, precision):
        return (torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)).dtype


def test_products_have_the_format_asked_for():
    assert product("cpu", "float32") == torch.float32
    assert product("cpu", "bfloat16") == torch.bfloat16
    assert product("cpu", "auto") == (torch.bfloat16 if half_precision("cpu") else torch.float32)


def test_float16_needs_cuda():
    with pytest.raises(DeviceError, match=r"precision=float16 needs a CUDA device.*bfloat16"):
        autocast("cpu", "float16")


@pytest.mark.cuda
@NEEDS_CUDA
@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_on_cuda_every_precision_learns_the_same(precision, dtype):
    assert product("cuda", precision) == dtype
    env = Env(device="cuda")
    with seeded(env) as rng:
        model = torch.nn.Linear(8, 1).to("cuda")
        batches = [torch.from_numpy(rng.random((64, 8))).float().to("cuda") for _ in range(20)]

        def loss_of(batch):
            with autocast("cuda", precision):
                told = model(batch)
            return 1e-4 * (told[:, 0].float() - batch.sum(1)).square().mean()  # its gradients need the scale in float16

        schedule = Schedule(15, 0.05, optimiser="adamw")
        train(model, lambda: [(at / 20, batch) for at, batch in enumerate(batches)], loss_of, lambda: None,
              schedule=schedule, env=env, precision=precision)  # fmt: skip
    assert (model.weight - 1).abs().max().item() < 0.05


@pytest.mark.cuda
@NEEDS_CUDA
def test_a_step_that_overflows_in_float16_is_left_out():
    model = torch.nn.Linear(1, 1, bias=False).to("cuda")
    before = model.weight.item()
    train(model, lambda: [(0.0, None)], lambda _: model.weight.sum() * 1e36, lambda: None,
          schedule=Schedule(1, 0.1, kind="constant"), env=Env(device="cuda"), precision="float16")  # fmt: skip
    assert model.weight.item() == before
