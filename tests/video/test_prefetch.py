"""Frames made ahead: in order, with what their source fails with, and nothing left running."""

import threading
import time

import pytest

from dynascene_cli.errors import StageError
from dynascene_cli.video import prefetch


def test_items_come_in_order_and_from_another_thread():
    makers = set()

    def squares():
        for number in range(50):
            makers.add(threading.current_thread())
            yield number * number

    with prefetch(squares()) as items:
        assert list(items) == [number * number for number in range(50)]
    assert threading.current_thread() not in makers
    assert not any(maker.is_alive() for maker in makers)


def test_an_empty_source_gives_nothing():
    with prefetch([]) as items:
        assert list(items) == []


def test_a_failure_comes_after_the_items_before_it():
    def two_then_failure():
        yield 1
        yield 2
        raise StageError("the third frame is damaged", "copy the file again")

    taken = []
    with (
        pytest.raises(StageError, match="the third frame is damaged"),
        prefetch(two_then_failure()) as items,
    ):
        for item in items:
            taken.append(item)
    assert taken == [1, 2]


def test_a_source_that_is_not_used_up_is_closed_where_it_ran():
    closed_by = []

    def endless():
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed_by.append(threading.current_thread())

    with prefetch(endless()) as items:
        assert [next(items) for _ in range(3)] == [0, 1, 2]
    assert len(closed_by) == 1
    assert closed_by[0] is not threading.current_thread()
    assert not closed_by[0].is_alive()


def test_a_failure_of_the_taker_ends_nested_threads():
    before = threading.active_count()

    def doubled(numbers):
        for number in numbers:
            yield 2 * number

    with (
        pytest.raises(StageError, match="the disk is full"),
        prefetch(iter(range(1000))) as numbers,
        prefetch(doubled(numbers)) as doubles,
    ):
        assert next(doubles) == 0
        raise StageError("the disk is full", "free some room")
    assert threading.active_count() == before


def test_no_more_than_a_few_items_are_made_before_they_are_taken():
    made = []

    def numbers():
        for number in range(100):
            made.append(number)
            yield number

    with prefetch(numbers()) as items:
        for taken, item in enumerate(items, start=1):
            assert item == taken - 1
            assert len(made) <= taken + 3


@pytest.mark.parametrize(("pixels", "ahead"), [(1920 * 1080, 3), (3840 * 2160, 1)])
def test_fewer_large_frames_wait(pixels, ahead):
    made = []

    def numbers():
        for number in range(50):
            made.append(number)
            yield number

    with prefetch(numbers(), pixels):
        deadline = time.monotonic() + 10
        while len(made) < ahead and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert len(made) == ahead
