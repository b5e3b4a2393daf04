"""Independent computations side by side."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def call_in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """What independent calls return, in order, one of them on this thread (see map_in_threads)."""
    with ThreadPoolExecutor(max(len(calls) - 1, 1)) as pool:
        others = [pool.submit(call) for call in calls[1:]]
        return [calls[0](), *(other.result() for other in others)]


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``function`` of every item, in order, on as many threads as there are cores.

    It is worth while where most of the work is done by NumPy, OpenCV or compiled loops, which
    release the interpreter. What a call raises is raised here, once the others have ended.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))
