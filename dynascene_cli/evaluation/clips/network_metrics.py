"""LPIPS, FID and FVD: frames of clips on their way through the metric networks."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.evaluation.clips.pictures import Protocol
from dynascene_cli.evaluation.frechet import FrechetScore, frechet_score
from dynascene_cli.evaluation.networks import i3d, inception, resnet3d
from dynascene_cli.evaluation.networks.lpips import Lpips
from dynascene_cli.evaluation.networks.weight_files import load
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

Extract = Callable[[NDArray[np.uint8]], Floats]
"""The features (N, D) of a clip's frames (F, H, W, 3)."""

TOGETHER = 8


class LpipsMeans:
    """LPIPS of frames: AlexNet as its library means it, or the paper's VGG on colours in 0..1."""

    def __init__(self, protocol: Protocol) -> None:
        self._of_paper = protocol == "paper"
        self._distance = Lpips("vgg" if self._of_paper else "alex")

    def __call__(self, made: Image, truth: Image) -> dict[str, float]:
        """The distance of two frames."""
        pictures = [self._tensor(image) for image in (made, truth)]
        return {"lpips": self._distance(*pictures)}

    def _tensor(self, image: Image) -> Tensor:
        values = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32)) / 255
        return values if self._of_paper else values * 2 - 1


class FrechetMetric:
    """A Fréchet distance over clips, by a network's features of each clip's frames.

    ``side``: the square that frames are squashed to; ``shortest``: how many frames a clip needs.
    """

    def __init__(self, extract: Extract, side: int) -> None:
        self._extract, self._side = extract, side
        self._frames: tuple[list[Image], list[Image]] = [], []
        self._features: tuple[list[Floats], list[Floats]] = [], []

    def add(self, made: Image, truth: Image) -> None:
        """The next frames of a clip."""
        for frames, image in zip(self._frames, (made, truth), strict=True):
            size = self._side, self._side
            frames.append(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)))

    def end_clip(self) -> None:
        """The features of the clip whose frames were added."""
        for frames, features in zip(self._frames, self._features, strict=True):
            features.append(self._extract(np.stack(frames)))
            frames.clear()

    def score(self) -> FrechetScore | None:
        """The distance over all clips; None of a single sample, which has no spread."""
        made, truth = (np.concatenate(features) for features in self._features)
        if len(truth) < 2:
            return None
        clips = np.repeat(np.arange(len(self._features[1])), [len(f) for f in self._features[1]])
        return frechet_score(made, truth, clips)


def fid_metric() -> FrechetMetric:
    """FID: Inception's features of every frame."""
    network = load(inception.Inception(), "inception-fid").to(choose_device(None))

    def extract(frames: NDArray[np.uint8]) -> Floats:
        parts = [frames[start : start + TOGETHER] for start in range(0, len(frames), TOGETHER)]
        return np.concatenate([_ask(network, _to_tensor(part)) for part in parts])

    return FrechetMetric(extract, inception.SIDE)


def fvd_i3d_metric() -> FrechetMetric:
    """FVD by I3D's logits of whole clips."""
    network = load(i3d.I3D(), "i3d-kinetics400").to(choose_device(None))

    def extract(frames: NDArray[np.uint8]) -> Floats:
        return _ask(network, _to_tensor(frames).transpose(0, 1)[None])

    return FrechetMetric(extract, i3d.SIDE)


def fvd_3dres_metric() -> FrechetMetric:
    """FVD by 3D-ResNet's pooled features, averaged over a clip's segments."""
    network = load(resnet3d.ResNet3D(), "resnet3d50-kinetics").to(choose_device(None))
    mean = torch.tensor(resnet3d.MEAN_COLOUR)[None, :, None, None]

    def extract(frames: NDArray[np.uint8]) -> Floats:
        values = torch.from_numpy(frames.transpose(0, 3, 1, 2).astype(np.float32)) - mean
        found = [_ask(network, part.transpose(0, 1)[None]) for part in segments(values)]
        return np.asarray(np.mean(found, axis=0))

    return FrechetMetric(extract, resnet3d.SIDE)


def segments(frames: Tensor) -> Sequence[Tensor]:
    """Consecutive segments of resnet3d.SEGMENT frames; what is left at the end is not seen."""
    count = len(frames) // resnet3d.SEGMENT
    return [frames[i * resnet3d.SEGMENT : (i + 1) * resnet3d.SEGMENT] for i in range(count)]


def _to_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """(F, 3, H, W) in −1..1."""
    return torch.from_numpy(frames.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


@torch.no_grad()
def _ask(network: torch.nn.Module, values: Tensor) -> Floats:
    return np.asarray(network(values.to(choose_device(None))).double().cpu().numpy())
