"""USD's binary layers and packages, turned into text and back by usd-core.

https://openusd.org/release/api/class_sdf_layer.html
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.video.outputs import check_writable

MARKS = (b"PXR-USDC", b"PK\x03\x04")
"""How binary layers and packages (.usdc, .usdz, .usd) begin."""

LONGEST_SECONDS = 300

FLATTEN = """
import sys
from pxr import Usd
layer = Usd.Stage.Open(sys.argv[1]).Flatten(addSourceFileComment=False)
sys.stdout.buffer.write(layer.ExportToString().encode())
"""
"""What is run in a process of its own: a damaged file can end usd-core's process."""


def is_binary(path: Path) -> bool:
    """Whether a file is a binary layer or a package."""
    with path.open("rb") as stream:
        return stream.read(8).startswith(MARKS)


def require_usd_core(path: Path, otherwise: str) -> None:
    """Make sure that usd-core is here; ``otherwise`` says how ``path`` does without it.

    Raises:
        MissingError: it is not installed.
    """
    if importlib.util.find_spec("pxr") is None:
        raise MissingError(
            f"{path}: binary USD needs usd-core",
            f"pip install 'dynascene-cli[usd]'; {otherwise}",
        )


def read_as_text(path: Path) -> str:
    """A binary layer or package as text, with what it refers to, sublayers and variants, in it.

    Raises:
        InputError: usd-core cannot read it.
        MissingError: usd-core is not installed.
    """
    require_usd_core(path, f"or usdcat {path.name} -o {path.stem}.usda")
    try:
        run = subprocess.run(
            [sys.executable, "-c", FLATTEN, str(path)], capture_output=True, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{path}: usd-core does not finish reading it", "export it again"
        ) from error
    if run.returncode:
        raise InputError(f"{path}: usd-core cannot read it", "export it again")
    return run.stdout.decode("utf-8", errors="replace")


def write_binary(path: Path, text: str) -> None:
    """Write a layer given as text in binary; the file appears whole or not at all.

    Raises:
        InputError: the folder is missing or cannot be written to.
        MissingError: usd-core is not installed.
    """
    require_usd_core(path, f"or write {path.stem}.usda")
    from pxr import Sdf

    check_writable(path)
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.ImportFromString(text)
    with publish_file(path) as temporary:
        layer.Export(str(temporary))
