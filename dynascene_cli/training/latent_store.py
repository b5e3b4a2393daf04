"""Latents of pictures that come again, kept on disk by what is in the picture."""

import hashlib
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.errors import DynasceneError, InputError, StageError

_TABLE = "create table if not exists latents (picture blob primary key, crc integer, latent blob)"


class LatentStore:
    """One process's file of latents; what a picture is named by is its content.

    Raises:
        InputError: the file is damaged.
        StageError: the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path)
        # After a crash of the machine some are missing; after one of the process none is.
        self._ask("pragma synchronous = off")
        self._ask(_TABLE)

    def read(self, pictures: NDArray[np.uint8]) -> list[Tensor | None]:
        """The latents (C, h, w) in 32 bits of pictures (F, H, W, 3); None where none are kept."""
        return [self._one(name) for name in map(_name, pictures)]

    def add(self, pictures: NDArray[np.uint8], latents: Sequence[Tensor]) -> None:
        """Keep the latents (C, h, w) of pictures (F, H, W, 3), all of them or none."""
        rows = []
        for picture, latent in zip(pictures, latents, strict=True):
            values = latent.float().cpu().numpy()
            content = np.array(values.shape, np.int32).tobytes() + values.tobytes()
            rows.append((_name(picture), zlib.crc32(content), content))
        try:
            with self._file:
                self._file.executemany("insert or replace into latents values (?, ?, ?)", rows)
        except sqlite3.DatabaseError as error:
            raise self._as_error(error) from error

    def _one(self, name: bytes) -> Tensor | None:
        found = self._ask("select crc, latent from latents where picture = ?", name)
        if found is None or zlib.crc32(found[1]) != found[0]:
            return None
        shape = np.frombuffer(found[1], np.int32, 3)
        return torch.from_numpy(
            np.frombuffer(found[1], np.float32, offset=12).reshape(shape).copy()
        )

    def _ask(self, query: str, *values: object) -> tuple[Any, ...] | None:
        try:
            found: tuple[Any, ...] | None = self._file.execute(query, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._as_error(error) from error
        return found

    def _as_error(self, error: sqlite3.DatabaseError) -> DynasceneError:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            return StageError(f"{self._path}: no space is left on the disk", "free some, and go on")
        return InputError(f"{self._path} cannot be used: {error}", "delete it: it is made again")


def _name(picture: NDArray[np.uint8]) -> bytes:
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.digest()
