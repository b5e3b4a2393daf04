"""Arrays out of the files that the program keeps in a folder, which a stranger may have made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

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


def write_array(archive: ZipFile, name: str, array: NDArray[Any]) -> None:
    """Add an array to a ``.npz`` file that is being written, so that none waits in memory."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
