"""Warping error (Lai et al. 2018): how much the picture changes along the truth's own motion."""

import cv2
import numpy as np

from dynascene_cli.evaluation.metrics import Where
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

AGREEMENT = 0.01, 0.5
"""Share of the flows' squares, and pixels², within which forward and backward flow agree
(Sundaram et al. 2010)."""


class WarpingError:
    """Σ V‖Iₜ − W(Iₜ₊₁)‖² / ΣV over a clip, of colours in 0..1.

    W follows the optical flow of the truth (DIS, Kroeger et al. 2016), V is where it agrees
    forward and backward.
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: tuple[Image, Image] | None = None
        self._sums = np.zeros(3)

    def add(self, made: Image, truth: Image) -> None:
        """The next frame."""
        if self._before is not None:
            made_before, truth_before = self._before
            flow, valid = self._motion(truth_before, truth)
            errors = [
                _squares(before, after, flow)[valid].sum()
                for before, after in ((made_before, made), (truth_before, truth))
            ]
            self._sums += [*errors, valid.sum()]
        self._before = made, truth

    def finish(self) -> dict[str, float]:
        """The made clip's error and the truth's own, which is the floor; NaN for one frame."""
        made, truth, count = self._sums
        if not count:
            return {"warping_error": float("nan"), "warping_error_truth": float("nan")}
        return {
            "warping_error": float(made / count),
            "warping_error_truth": float(truth / count),
        }

    def _motion(self, first: Image, second: Image) -> tuple[Floats, Where]:
        """The flow (H, W, 2) from a frame to the next, and where it can be relied on."""
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
        there, back = (
            np.asarray(self._flow.calc(a, b, np.zeros((*a.shape, 2), np.float32)), np.float64)
            for a, b in (grey, grey[::-1])
        )
        x, y = _targets(there)
        height, width = first.shape[:2]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        returned = cv2.remap(back.astype(np.float32), x, y, cv2.INTER_LINEAR)
        share, constant = AGREEMENT
        lengths = (there**2).sum(axis=2) + (returned**2).sum(axis=2)
        closes = ((there + returned) ** 2).sum(axis=2) < share * lengths + constant
        return there, np.asarray(inside & closes)


def _squares(before: Image, after: Image, flow: Floats) -> Floats:
    """(H, W): squared distance of colours from a frame to where the next shows the same."""
    x, y = _targets(flow)
    moved = cv2.remap(after, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray((((before.astype(float) - moved) / 255) ** 2).sum(axis=2))


def _targets(flow: Floats) -> tuple[np.ndarray, np.ndarray]:
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return (x + flow[..., 0]).astype(np.float32), (y + flow[..., 1]).astype(np.float32)
