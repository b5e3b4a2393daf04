"""The matter with the best edges, for those who have its weights: Robust Video Matting."""

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting.following import following_state
from dynascene_cli.matting.given import matte_of_given_alpha
from dynascene_cli.matting.matter import MatteFrame, MatterState
from dynascene_cli.onnx_network import Network
from dynascene_cli.shot import Image


class RobustVideoMatter:
    """Robust Video Matting (Lin et al. 2021), MobileNetV3, recurrent; the user's own weights.

    Raises:
        MissingError: its weights were not added.
    """

    name = "rvm"
    long_side = 512
    channels = (16, 20, 40, 64)
    outputs = ("Identity_1:0", *(f"Identity_{i}:0" for i in range(2, 6)))

    def __init__(self) -> None:
        path = weights.path_of("rvm")
        self._network = Network(path)
        if not {"src:0", "r1i:0", "r4i:0"} <= self._network.input_names():
            raise InputError(
                f"{path} is not the expected Robust Video Matting network",
                "it must take src and r1i to r4i, channels last: see docs/mattes.md",
            )
        self.identity = f"rvm-{weights.verify('rvm')[:12]}"

    def initial_state(self, box: Floats) -> MatterState:
        """An empty memory, and the chosen person's box (4,), NaN if unknown."""
        memory = {
            f"r{i}i:0": np.zeros((1, 1, 1, c), np.float32) for i, c in enumerate(self.channels, 1)
        }
        return {**following_state(box), **memory}

    def step(self, frame: Image, state: MatterState) -> tuple[MatteFrame, MatterState]:
        """The next frame's matte, and what to remember for the frame after it."""
        height, width = frame.shape[:2]
        scale = min(1.0, self.long_side / max(height, width))
        size = (max(16, round(width * scale)), max(16, round(height * scale)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        memory = {name: state[name] for name in (f"r{i}i:0" for i in range(1, 5))}
        result, *remembered = self._network.run(
            list(self.outputs),
            {"src:0": np.asarray(small[None] / np.float32(255), np.float32), **memory},
        )
        alpha = cv2.resize(result[0, ..., 0], (width, height), interpolation=cv2.INTER_LINEAR)
        alpha = np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)
        matte, followed = matte_of_given_alpha(frame, alpha, state)
        return matte, {**followed, **dict(zip(memory, remembered, strict=True))}
