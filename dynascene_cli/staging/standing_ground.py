"""Where in a photo feet can stand."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Mask


@dataclass(frozen=True, eq=False)
class StandingGround:
    """The free ground of a photo.

    ``clearance`` (H, W) is how far, in pixels, each pixel lies inside the free ground, 0 outside
    it. ``named`` says in plain words what the photo shows at a pixel (x, y).
    """

    clearance: NDArray[np.float32]
    named: Callable[[int, int], str]

    @classmethod
    def of(cls, free: Mask, named: Callable[[int, int], str]) -> "StandingGround":
        """The ground that a mask (H, W) says is free; below the picture it goes on."""
        below = np.pad(free, ((0, free.shape[0] // 4), (0, 0)), mode="edge").astype(np.uint8)
        clearance = cv2.distanceTransform(below, cv2.DIST_L2, 5)[: len(free)]
        return cls(np.asarray(clearance, np.float32), named)

    def bears(self, feet: Floats, reach: float) -> bool:
        """Whether the ground is free for ``reach`` pixels around each of the feet (N, 2).

        What lies outside the picture is not looked at; no feet inside it are not borne.
        """
        height, width = self.clearance.shape
        inside = np.all((feet >= 0) & (feet < [width, height + reach]), axis=1)
        if not inside.any():
            return False
        columns, rows = np.minimum(feet[inside].astype(int), [width - 1, height - 1]).T
        return bool((self.clearance[rows, columns] >= min(reach, 0.04 * width)).all())

    def occupied_at(self, feet: Floats) -> str | None:
        """What the photo shows under the first of the feet (N, 2) in it that nothing free bears."""
        height, width = self.clearance.shape
        for foot in feet[np.all((feet >= 0) & (feet < [width, height]), axis=1)]:
            if not self.bears(foot[None], 1.0):
                return self.what_is_at(foot)
        return None

    def what_is_at(self, foot: Floats) -> str:
        """What the photo shows at a foot (2,)."""
        height, width = self.clearance.shape
        x, y = np.clip(foot.astype(int), 0, [width - 1, height - 1]).tolist()
        return self.named(x, y)
