"""Independent computations side by side."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``function`` of every item, in order, on as many threads as there are cores.

    It is worth while where most of the work is done by NumPy, OpenCV or compiled loops, which
    release the interpreter. What a call raises is raised here, once the others have ended.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))
