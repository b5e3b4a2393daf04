"""The noun of training and evaluation: a clip of a person with what is known of its world."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import CameraPath, Image


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """F frames of one shot, all pictures of one size, and the truth about them where it is known.

    ``frames`` RGB uint8 (F, H, W, 3); ``alphas`` uint8 (F, H, W), 255 = person, all zero where
    there is none; ``camera``: the filmed path at this size, its world the first frame's camera, 1
    the median depth of what is not sky in that frame. ``scene`` (H, W, 3) is the place without
    the person as the first frame's camera sees it, ``plates`` (F, H, W, 3) the same for every
    frame, and ``depths`` float32 (F, H, W) along the optical axis in the camera's unit, infinite
    in the sky: synthetic shots have them, filmed ones do not. ``name`` says where it came from.
    """

    name: str
    frames: NDArray[np.uint8]
    alphas: NDArray[np.uint8]
    camera: CameraPath
    scene: Image | None = None
    plates: NDArray[np.uint8] | None = None
    depths: NDArray[np.float32] | None = None
