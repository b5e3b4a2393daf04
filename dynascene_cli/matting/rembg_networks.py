"""The networks of rembg, frame by frame, from weights that the user has."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.shot import Image

NEEDING_MORE = frozenset({"sam", "u2net_custom", "dis_custom", "ben_custom", "u2net_cloth_seg"})
"""rembg's models that want prompts or paths, or tell clothes apart."""


def check_rembg_model(model: str) -> None:
    """Accept what rembg mattes with.

    Raises:
        InputError: rembg has no model of that name that mattes by itself.
    """
    offered = sorted(set(_import_rembg().sessions.sessions) - NEEDING_MORE)
    if model not in offered:
        raise InputError(f"rembg has no matting model {model!r}", f"it has {', '.join(offered)}")


def _import_rembg() -> Any:
    """rembg, without compiling the loops of pymatting, which it imports.

    Those take minutes, and nothing here calls them.
    """
    import numba

    compiles_none = numba.config.DISABLE_JIT
    numba.config.DISABLE_JIT = 1
    try:
        import rembg.sessions
    finally:
        numba.config.DISABLE_JIT = compiles_none
    return rembg


class RembgNetwork:
    """Any of rembg's models, frame by frame; never downloaded here.

    Raises:
        InputError: the file is not that model's.
    """

    memory_strides: Mapping[str, int] = MappingProxyType({})
    long_side = 1024

    def __init__(self, model: str, path: Path) -> None:
        self.name = f"{weights.REMBG_PREFIX}{model}"
        self._session: Any = _rembg_session(model, path)
        self.identity = f"{self.name}-{weights.sha256_of(path)[:12]}"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) of what it is given; rembg resizes that to what the model takes."""
        scale = min(1.0, self.long_side / max(width, height))
        return max(16, round(width * scale)), max(16, round(height * scale))

    def initial_memory(self) -> dict[str, FloatArray]:
        """It remembers nothing."""
        return {}

    def alpha(
        self, image: Image, memory: dict[str, FloatArray]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The alpha (H, W) in 0..1 of an RGB picture."""
        from PIL import Image as PillowImage

        mask = self._session.predict(PillowImage.fromarray(image))[0].convert("L")
        return np.asarray(mask, np.float32) / np.float32(255), memory


def _rembg_session(model: str, path: Path) -> Any:
    """rembg's session for a file that is there: with no checksum asked for it fetches nothing.

    rembg would fetch what it does not find under the model's own name, so it is shown the file in
    a folder under that name.
    """
    new_session = _import_rembg().new_session
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / f"{model}.onnx"
        try:
            named.symlink_to(path.resolve())
        except OSError:
            shutil.copyfile(path, named)
        ours = {"U2NET_HOME": folder, "MODEL_CHECKSUM_DISABLED": "1"}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            return new_session(model, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise InputError(
                f"{path} cannot be read as rembg's {model}",
                f"dynascene models add rembg:{model} FILE",
            ) from error
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
