"""The matting network with the best edges, for those who have its weights: Robust Video Matting."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import Image

STRIDES = (2, 4, 8, 16)
CHANNELS = (16, 20, 40, 64)
"""Of the four arrays that the network remembers: the picture's pixels per pixel, and the depth."""


@dataclass(frozen=True)
class Layout:
    """The names in a file, and whether its arrays have their channels last.

    ``ratio`` is the input that tells how much smaller the network shall look; the picture comes
    here at its size already.
    """

    source: str
    memories: tuple[str, ...]
    alpha: str
    remembered: tuple[str, ...]
    channels_last: bool
    ratio: str = ""


PUBLISHED = Layout(
    "src",
    ("r1i", "r2i", "r3i", "r4i"),
    "pha",
    ("r1o", "r2o", "r3o", "r4o"),
    channels_last=False,
    ratio="downsample_ratio",
)
CONVERTED = Layout(
    "src:0",
    ("r1i:0", "r2i:0", "r3i:0", "r4i:0"),
    "Identity_1:0",
    ("Identity_2:0", "Identity_3:0", "Identity_4:0", "Identity_5:0"),
    channels_last=True,
)
"""The authors' own file, and one converted from TensorFlow."""


class RobustVideoNetwork:
    """Robust Video Matting (Lin et al. 2021), MobileNetV3, recurrent; the user's own weights.

    Raises:
        InputError: the file is another network.
    """

    name = "rvm"
    memory_strides: Mapping[str, int] = MappingProxyType(
        {f"r{number}": stride for number, stride in enumerate(STRIDES, 1)}
    )
    long_side = 512

    def __init__(self, path: Path) -> None:
        self._network = OnnxNetwork(path)
        self._layout = self._find_layout(path)
        self._type = self._network.inputs()[self._layout.source][1]
        self.identity = f"rvm-{weights.sha256_of(path)[:12]}"

    def _find_layout(self, path: Path) -> Layout:
        takes, gives = self._network.inputs().keys(), self._network.outputs().keys()
        for layout in (PUBLISHED, CONVERTED):
            inputs = {layout.source, *layout.memories, *filter(None, [layout.ratio])}
            if inputs == takes and {layout.alpha, *layout.remembered} <= gives:
                return layout
        raise InputError(
            f"{path} is not Robust Video Matting: it takes {', '.join(takes)}",
            "give the authors' rvm_mobilenetv3_fp32.onnx, or one with channels last: "
            "see docs/mattes.md",
        )

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) at which it wants a picture of that size."""
        scale = min(1.0, self.long_side / max(height, width))
        return max(16, round(width * scale)), max(16, round(height * scale))

    def initial_memory(self) -> dict[str, FloatArray]:
        """Nothing is remembered: one pixel of zeros an array."""
        return {
            name: np.zeros((1, 1, 1, channels), np.float32)
            for name, channels in zip(self.memory_strides, CHANNELS, strict=True)
        }

    def alpha(
        self, image: Image, memory: dict[str, FloatArray]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The alpha (H, W) in 0..1 of an RGB picture of its size, and what to remember."""
        layout = self._layout
        past = [memory[name] for name in self.memory_strides]
        arrays: list[NDArray[Any]] = [image[None] / np.float32(255), *past]
        feed = {
            name: self._fed(array)
            for name, array in zip((layout.source, *layout.memories), arrays, strict=True)
        }
        if layout.ratio:
            feed[layout.ratio] = np.ones(1, np.float32)
        alpha, *remembered = (
            self._given(array)
            for array in self._network.run([layout.alpha, *layout.remembered], feed)
        )
        return np.clip(alpha[0, ..., 0], 0, 1), dict(
            zip(self.memory_strides, remembered, strict=True)
        )

    def _fed(self, array: NDArray[Any]) -> NDArray[Any]:
        ordered = array if self._layout.channels_last else array.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(ordered, self._type)

    def _given(self, array: NDArray[Any]) -> FloatArray:
        ordered = array if self._layout.channels_last else array.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(ordered, np.float32)
