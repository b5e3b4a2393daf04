"""Standard streams that take any text: file names in any script, on any terminal or on none."""

import io
import os
import sys


def open_standard_streams() -> None:
    """Make standard output and error take whatever is printed, also where they are closed.

    What a stream's encoding lacks (and what of a file name is no text) is told by escapes such as
    ``\\u65e5``. A closed stream is replaced by one that swallows everything, at its own descriptor
    too: else the next file that is opened would get that number, and a library's warning with it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given: this one, since those below are open by now.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
