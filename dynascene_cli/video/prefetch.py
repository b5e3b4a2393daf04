"""Frames made ahead of where they are used, on a thread of their own."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

DEPTH = 2
"""Items that wait at most: one evens out costs, the other lets a slow taker find work done."""

LARGE_FRAME = 4_000_000
"""Of frames of more pixels only one waits: each takes tens of megabytes at every step."""

_CHECK_SECONDS = 0.1
"""How often a thread whose queue is full looks whether anybody still takes from it."""

Item = TypeVar("Item")


class _End:
    """What comes after the last item; ``failure`` is what the source raised, if anything."""

    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure


@contextmanager
def prefetch(source: Iterable[Item], pixels: int = 0) -> Iterator[Iterator[Item]]:
    """The items of ``source``, in order, of which a thread makes the next few while one is used.

    ``pixels`` is how many the frames that an item holds have, where they may be many.
    What the source raises is raised to the taker, after the items before it. When the block ends
    the source is closed, on the thread that ran it, and that thread is waited for: give no source
    an item of which takes long, since an interruption waits for it.
    """
    queue: Queue[Item | _End] = Queue(1 if pixels > LARGE_FRAME else DEPTH)
    stopped = Event()
    maker = Thread(target=_make_items, args=(source, queue, stopped), daemon=True)
    maker.start()
    try:
        yield _take_items(queue)
    finally:
        stopped.set()
        with suppress(Empty):
            while True:
                queue.get_nowait()
        maker.join()


def _take_items(queue: "Queue[Item | _End]") -> Iterator[Item]:
    while not isinstance(item := queue.get(), _End):
        yield item
    if item.failure is not None:
        raise item.failure


def _make_items(source: Iterable[Item], queue: "Queue[Item | _End]", stopped: Event) -> None:
    failure = None
    try:
        items = iter(source)
        try:
            for item in items:
                if not _offer(queue, item, stopped):
                    break
        finally:
            if isinstance(items, Generator):
                items.close()
    except BaseException as raised:
        failure = raised
    _offer(queue, _End(failure), stopped)


def _offer(queue: "Queue[Item | _End]", item: Item | _End, stopped: Event) -> bool:
    """Wait until the queue takes an item; False where nobody takes from it any more."""
    while not stopped.is_set():
        with suppress(Full):
            queue.put(item, timeout=_CHECK_SECONDS)
            return True
    return False
