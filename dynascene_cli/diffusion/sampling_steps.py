"""How many steps a network may be sampled in, and under how much guidance."""

from dynascene_cli.errors import InputError

MOST_STEPS = 1000
MOST_GUIDANCE = 30


def check_steps(steps: int, guidance: float) -> None:
    """Make sure that a network can be sampled so.

    Raises:
        InputError: a value is out of its range.
    """
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"{steps} steps cannot be sampled", f"1 to {MOST_STEPS}")
    if not 1 <= guidance <= MOST_GUIDANCE:
        raise InputError(f"guidance is {guidance}", f"1 (none) to {MOST_GUIDANCE}")
