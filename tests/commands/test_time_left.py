"""The time left that progress tells: late rather than wrong."""

from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.console import TimeLeft


def told(total, seconds_of):
    """What is told after each step of a task, and what was really left."""
    clock = [0.0]
    left = TimeLeft(total, lambda: clock[0])
    pairs = []
    whole = sum(seconds_of(step) for step in range(total))
    for step in range(total):
        clock[0] += seconds_of(step)
        pairs.append((step + 1, left.after(step + 1), whole - clock[0]))
    return pairs


@given(st.integers(20, 500), st.floats(1e-3, 10))
def test_an_even_task_is_told_from_a_tenth_on(total, pace):
    for done, seconds, really in told(total, lambda step: pace):
        if done < max(2, total / 10):
            assert seconds is None
        else:
            assert abs(seconds - really) <= 1e-6 * total * pace


@given(st.integers(100, 400), st.floats(0, 60), st.floats(0.01, 1))
def test_a_slow_start_never_makes_it_wrong_by_more_than_twice(total, compiling, pace):
    for done, seconds, really in told(total, lambda step: pace + compiling * (step == 0)):
        if seconds is not None and done < total:
            assert really / 2 <= seconds <= really * 2


def test_what_grows_slower_is_not_told_too_early():
    pairs = told(100, lambda step: 1.0 if step < 20 else 5.0)
    at_30 = next(seconds for done, seconds, _ in pairs if done == 30)
    assert at_30 is None or at_30 > 70 * 3
