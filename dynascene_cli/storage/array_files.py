"""Arrays out of the files that the program keeps in a folder, which a stranger may have made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from dynascene_cli.errors import reading


@contextmanager
def open_arrays(path: Path) -> Iterator[NpzFile]:
    """The arrays in a ``.npz`` file of this program's; Python objects in it are not read.

    Raises:
        InputError: it holds something else than is looked for.
    """
    hint = "its folder was not written by this program: use another --project"
    with reading(path, "what this program keeps", hint), np.load(path) as arrays:
        yield arrays
