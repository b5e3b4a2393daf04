"""Networks that matte one picture at a time: MODNet and PP-MattingV2, as ONNX files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import Image

SHORT_SIDE = 512
LONGEST_SIDE = 768
"""The side at which these networks learnt people, and what a tall region may take at most."""
MULTIPLE = 32


@dataclass(frozen=True)
class PictureNetworkFile:
    """What a network's file must be: the names of its picture (1, 3, H, W) and alpha (1, 1, H, W).

    An empty name stands for the only one there is. The picture is RGB in −1..1.
    """

    title: str
    input: str = ""
    output: str = ""


FILES = {
    "modnet": PictureNetworkFile("MODNet (Ke et al. 2022)", "input", "output"),
    "pp-mattingv2": PictureNetworkFile("PP-MattingV2 (PaddleSeg)"),
}


class PictureNetwork:
    """One of FILES, from the user's own copy of its weights.

    Raises:
        InputError: the file is another network.
    """

    memory_strides: Mapping[str, int] = MappingProxyType({})

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._network = OnnxNetwork(path)
        self._input, self._output = self._check_names(path)
        shape, self._type = self._network.inputs()[self._input]
        self._fixed = tuple(side if isinstance(side, int) else None for side in shape[2:])
        self.identity = f"{name}-{weights.sha256_of(path)[:12]}"

    def _check_names(self, path: Path) -> tuple[str, str]:
        expected = FILES[self.name]
        inputs = {name: shape for name, (shape, _) in self._network.inputs().items()}
        outputs = self._network.outputs()
        names = expected.input or next(iter(inputs)), expected.output or next(iter(outputs))
        if (
            len(inputs) != 1
            or (expected.output == "" and len(outputs) != 1)
            or names[0] not in inputs
            or names[1] not in outputs
            or not _has_channels(inputs[names[0]], 3)
            or not _has_channels(outputs[names[1]], 1)
        ):
            found = ", ".join(f"{name} {shape}" for name, shape in (inputs | outputs).items())
            raise InputError(
                f"{path} is not {expected.title}: it has {found}",
                f"one input{_input_named(expected.input)} of 1×3×H×W and "
                f"an output{_input_named(expected.output)} of 1×1×H×W are expected",
            )
        return names

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) at which it wants a picture of that size."""
        scale = min(SHORT_SIDE / min(width, height), LONGEST_SIDE / max(width, height))
        wide, high = (max(1, round(side * scale / MULTIPLE)) * MULTIPLE for side in (width, height))
        fixed_height, fixed_width = self._fixed
        return fixed_width or wide, fixed_height or high

    def initial_memory(self) -> dict[str, FloatArray]:
        """It remembers nothing."""
        return {}

    def alpha(
        self, image: Image, memory: dict[str, FloatArray]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The alpha (H, W) in 0..1 of an RGB picture of its size."""
        planes = image.transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1)
        alpha = self._network.run([self._output], {self._input: planes.astype(self._type)})[0]
        resized = cv2.resize(alpha[0, 0].astype(np.float32), image.shape[1::-1])
        return np.clip(resized, 0, 1).astype(np.float32), memory


def _has_channels(shape: list[object], channels: int) -> bool:
    """Whether a shape may be 1 × channels × H × W; sides that are free are no numbers."""
    return len(shape) == 4 and (shape[1] == channels or not isinstance(shape[1], int))


def _input_named(name: str) -> str:
    return f" {name!r}" if name else ""
