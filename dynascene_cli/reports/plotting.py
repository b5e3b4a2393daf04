"""Whether plots can be drawn: matplotlib is an extra, since no video needs it."""

from importlib.util import find_spec

from dynascene_cli.errors import MissingError


def check_plotting() -> None:
    """Make sure that plots can be drawn, before any work is done.

    Raises:
        MissingError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingError("plots need matplotlib", 'pip install "dynascene-cli[plots]"')
