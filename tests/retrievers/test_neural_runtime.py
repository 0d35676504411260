import torch

from bench.api import Env
from retrievers.neural.runtime import pinned, seeded


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
