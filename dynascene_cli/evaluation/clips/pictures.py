"""L1, PSNR and SSIM of frames, as they should be and as the paper's tables have them.

No code of the paper is public; its numbers have the scale of the public DisCo evaluation (Wang et
al. 2023), whose arithmetic the protocol "paper" repeats, overflows and all. Numbers of one protocol
say nothing beside numbers of the other.
"""

from typing import Literal

import cv2
import numpy as np

from dynascene_cli.dataset.filmed.motion import grey_ssim
from dynascene_cli.evaluation.metrics import WINDOW, Where, similarity_map
from dynascene_cli.shot import Image

Protocol = Literal["standard", "paper"]

PERFECT = 100.0
"""Decibels of pictures without any error, which would be infinitely many."""


def l1(made: Image, truth: Image, protocol: Protocol) -> float:
    """Mean absolute difference: of 0..1, or of 0..255 over the number of pixels (paper)."""
    difference = float(cv2.absdiff(made, truth).mean())
    if protocol == "standard":
        return difference / 255
    height, width = truth.shape[:2]
    return difference / (height * width)


def psnr(made: Image, truth: Image, protocol: Protocol) -> float:
    """Decibels; in "paper" the squares of differences have wrapped around at 256."""
    if protocol == "standard":
        return decibels(float(np.mean((made.astype(float) - truth) ** 2)))
    squares = (made.astype(np.int64) - truth) ** 2 % 256
    return decibels(float(squares.mean()))


def ssim(made: Image, truth: Image, protocol: Protocol) -> float:
    """Structural similarity (Wang et al. 2004).

    Standard: a Gaussian window, colour by colour, over the windows inside the picture. Paper:
    scikit-image's without options, on grey: uniform windows of 7 × 7.
    """
    if protocol == "paper":
        grey = (np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), np.uint8)
                for each in (made, truth))  # fmt: skip
        return grey_ssim(*grey)
    edge = WINDOW // 2
    return float(similarity_map(made[None], truth[None])[0, edge:-edge, edge:-edge].mean())


def decibels(error: float) -> float:
    """PSNR of a mean squared error of 0..255; PERFECT at most."""
    return min(PERFECT, 10 * float(np.log10(255**2 / error))) if error else PERFECT


def background_errors(made: Image, truth: Image, where: Where) -> dict[str, float]:
    """L1, PSNR and SSIM (standard) of the pixels (H, W) that show nothing of the person."""
    difference = made[where].astype(float) - truth[where]
    return {
        "background_l1": float(np.abs(difference).mean()) / 255,
        "background_psnr": decibels(float(np.mean(difference**2))),
        "background_ssim": float(
            similarity_map(np.where(where[..., None], made, truth)[None], truth[None])[0][
                where
            ].mean()
        ),
    }


def foreground_errors(made: Image, truth: Image, where: Where) -> dict[str, float]:
    """How well the person is kept: mean absolute difference of 0..255, and PSNR."""
    difference = made[where].astype(float) - truth[where]
    return {
        "foreground_mae": float(np.abs(difference).mean()),
        "foreground_psnr": decibels(float(np.mean(difference**2))),
    }


def surely_person(alpha: Image) -> Where:
    """Where (H, W) a matte is person (α > 0.95) with everything around it."""
    return np.asarray(cv2.erode(alpha, np.ones((5, 5), np.uint8)) > 0.95 * 255)
