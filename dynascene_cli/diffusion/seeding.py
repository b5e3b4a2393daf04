"""Random numbers that follow from a seed, where torch draws them by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seed_torch(seed: int) -> Iterator[None]:
    """Inside it what torch draws on the CPU follows from the seed; then it goes on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
