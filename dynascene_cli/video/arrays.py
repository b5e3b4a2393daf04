"""NumPy files from anywhere: one array, whose size is known before it is read."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError, reading

LARGEST_ARRAY = 2**29
"""Bytes; a header that claims more is refused before anything is read."""


def read_array(path: Path, kind: str, hint: str, most_bytes: int = LARGEST_ARRAY) -> NDArray[Any]:
    """The array in a ``.npy`` file, or the first one in a ``.npz``.

    Raises:
        InputError: it cannot be read as ``kind``, holds Python objects, or is too large.
    """
    with reading(path, kind, hint):
        if path.suffix.lower() == ".npy":
            # Mapped, so that the file has to be as long as its header claims.
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            _check_size(path, mapped.nbytes, most_bytes)
            return np.array(mapped)
        with zipfile.ZipFile(path) as archive:
            member = next(
                (one for one in archive.infolist() if one.filename.endswith(".npy")), None
            )
            if member is None:
                raise InputError(f"{path} holds no array", hint)
            _check_size(path, member.file_size, most_bytes)
            with archive.open(member) as stream:
                _check_size(path, _count_claimed_bytes(stream), most_bytes)
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays[member.filename.removesuffix(".npy")])


def _count_claimed_bytes(stream: Any) -> int:
    """The bytes that an array's header claims; the stream is left behind it."""
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(stream)
    count = 1
    for side in shape:
        count *= int(side)
    return count * dtype.itemsize


def _check_size(path: Path, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise InputError(
            f"{path} claims an array of {size} bytes", f"at most {most_bytes // 2**20} MiB"
        )
