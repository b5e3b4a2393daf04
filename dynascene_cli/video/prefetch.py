"""Frames made ahead of where they are used, on a thread of their own."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

AHEAD = 3
"""Items at most that are made before they are taken: one is in the making, one evens out costs, the
other lets a slow taker find work done."""

LARGE_FRAME = 4_000_000
"""Of frames of more pixels only one is made while another is used: each takes tens of megabytes at
every step."""

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
    queue: SimpleQueue[Item | _End] = SimpleQueue()
    room = Semaphore(1 if pixels > LARGE_FRAME else AHEAD)
    stopped = Event()
    maker = Thread(target=_make_items, args=(source, queue, room, stopped), daemon=True)
    maker.start()
    try:
        yield _take_items(queue, room)
    finally:
        stopped.set()
        room.release()
        maker.join()


def _take_items(queue: "SimpleQueue[Item | _End]", room: Semaphore) -> Iterator[Item]:
    while not isinstance(item := queue.get(), _End):
        room.release()
        yield item
        # Nothing holds it while the next one is waited for.
        del item
    if item.failure is not None:
        raise item.failure


def _make_items(
    source: Iterable[Item], queue: "SimpleQueue[Item | _End]", room: Semaphore, stopped: Event
) -> None:
    failure = None
    try:
        items = iter(source)
        try:
            with suppress(StopIteration):
                while room.acquire() and not stopped.is_set():
                    queue.put(next(items))
        finally:
            if isinstance(items, Generator):
                items.close()
    except BaseException as raised:
        failure = raised
    queue.put(_End(failure))
