"""Files of tensors, written so that what goes wrong is said as of any other file."""

import json
import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dynascene_cli.errors import InputError

_CHECKED = "checked"
"""All metadata as one JSON text: of several, safetensors writes the order by chance."""


def write_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file with the permissions of any new file.

    Raises:
        OSError: it cannot be written; safetensors' own error has no number to tell a full disk by.
    """
    path.touch()
    usual = path.stat().st_mode
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        save_file(whole, path, metadata)
    except SafetensorError as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        if found is None:
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number), str(path)) from error
    path.chmod(usual)


def write_checked_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]
) -> None:
    """Write a safetensors file that tells whether it is still as it was written.

    Raises:
        OSError: it cannot be written.
    """
    checked = {"checksum": _checksum(tensors, metadata), "metadata": dict(metadata)}
    write_tensors(tensors, path, {_CHECKED: json.dumps(checked, sort_keys=True)})


def read_checked_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """The tensors and metadata of ``write_checked_tensors``; None where there is no such file.

    Raises:
        InputError: it is not as it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            checked = json.loads((file.metadata() or {})[_CHECKED])
        metadata: dict[str, str] = checked["metadata"]
        is_whole = checked["checksum"] == _checksum(tensors, metadata)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        is_whole = False
    if not is_whole:
        raise InputError(f"{path} is damaged", "delete it: it is made again")
    return tensors, metadata


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The CRC-32 of tensors by name, and of what is said of them."""
    told = repr([(name, str(tensors[name].dtype), tensors[name].shape) for name in sorted(tensors)])
    checksum = zlib.crc32((told + repr(sorted(metadata.items()))).encode())
    for name in sorted(tensors):
        content = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        checksum = zlib.crc32(content.numpy().data, checksum)
    return f"{checksum:08x}"
