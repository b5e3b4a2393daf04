"""Out of memory, told with what takes less."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from dynascene_cli.diffusion.device import has_gpu
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.errors import StageError

_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


@dataclass(frozen=True)
class Burden:
    """What is in memory together: frames of a window at (width, height), and what takes half.

    ``halves_on_cpu``: whether the network runs in bfloat16 on the CPU too.
    """

    window: int
    size: tuple[int, int]
    shorter: int
    smaller: tuple[int, int]
    optimisations: SamplingOptimizations
    halves_on_cpu: bool = True


@contextmanager
def out_of_memory_as_error(burden: Burden) -> Iterator[None]:
    """Turn running out of memory, on the GPU or not, into a StageError with what takes less.

    Raises:
        StageError: the memory did not suffice.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error) for sign in _SIGNS):
            raise
        if has_gpu():
            torch.cuda.empty_cache()
        (width, height), smaller = burden.size, burden.smaller
        what = f"{burden.window} frames of {width}x{height} together"
        raise StageError(
            f"out of memory: {what} do not fit",
            f"--sample-size {smaller[0]}x{smaller[1]} takes half of it, and so does "
            f"--window {burden.shorter}; {_lighter(burden)}"
            "--memory-plan says how much each takes; --renderer projection takes hardly any",
        ) from error


def _lighter(burden: Burden) -> str:
    optimisations = burden.optimisations
    if has_gpu():
        return "" if optimisations.offload else "--offload keeps the weights in main memory; "
    whole = burden.halves_on_cpu and optimisations.precision_on("cpu") == "float32"
    return "--precision bfloat16 takes half, too; " if whole else ""
