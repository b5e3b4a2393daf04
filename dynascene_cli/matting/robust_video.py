"""The matting network with the best edges, for those who have its weights: Robust Video Matting."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.onnx_network import Network, Tensor
from dynascene_cli.shot import Image

MEMORIES = tuple(f"r{i}i:0" for i in range(1, 5))


class RobustVideoNetwork:
    """Robust Video Matting (Lin et al. 2021), MobileNetV3, recurrent; the user's own weights.

    Raises:
        InputError: the file is another network.
    """

    name = "rvm"
    memory_strides: Mapping[str, int] = MappingProxyType(
        dict(zip(MEMORIES, (2, 4, 8, 16), strict=True))
    )
    long_side = 512
    channels = (16, 20, 40, 64)
    outputs = ("Identity_1:0", *(f"Identity_{i}:0" for i in range(2, 6)))

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        takes, gives = self._network.inputs().keys(), self._network.outputs().keys()
        if not ({"src:0", *MEMORIES} <= takes and {*self.outputs} <= gives):
            raise InputError(
                f"{path} is not the expected Robust Video Matting network",
                "it must take src and r1i to r4i, channels last: see docs/mattes.md",
            )
        self.identity = f"rvm-{weights.sha256_of(path)[:12]}"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) at which it wants a picture of that size."""
        scale = min(1.0, self.long_side / max(height, width))
        return max(16, round(width * scale)), max(16, round(height * scale))

    def initial_memory(self) -> dict[str, Tensor]:
        """Nothing is remembered: one pixel of zeros an array."""
        return {
            name: np.zeros((1, 1, 1, channels), np.float32)
            for name, channels in zip(MEMORIES, self.channels, strict=True)
        }

    def alpha(self, image: Image, memory: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The alpha (H, W) in 0..1 of an RGB picture of its size, and what to remember."""
        source = np.asarray(image[None] / np.float32(255), np.float32)
        alpha, *remembered = self._network.run(list(self.outputs), {"src:0": source, **memory})
        return np.clip(alpha[0, ..., 0], 0, 1), dict(zip(MEMORIES, remembered, strict=True))
