"""Where in a photo feet can stand, and whom or what somebody there would cover wrongly."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Mask

NEARER = 0.02
"""What stands so much lower in the picture, as a share of its height, is nearer to the camera."""

COVERED = 0.02
"""Share of the person's box within which nobody sees that it lies over what is nearer."""


@dataclass(frozen=True, eq=False)
class StandingGround:
    """The free ground of a photo.

    ``clearance`` (H, W) is how far, in pixels, each pixel lies inside the free ground, 0 outside
    it. ``named`` says in plain words what the photo shows at a pixel (x, y). ``feet_rows`` (H, W)
    has, at the pixels of people and things that stand about, the row of their feet, else −1;
    None where they are not known.
    """

    clearance: NDArray[np.float32]
    named: Callable[[int, int], str]
    feet_rows: NDArray[np.int32] | None = None

    @classmethod
    def of(
        cls,
        free: Mask,
        named: Callable[[int, int], str],
        feet_rows: NDArray[np.int32] | None = None,
    ) -> "StandingGround":
        """The ground that a mask (H, W) says is free; below the picture it goes on."""
        below = np.pad(free, ((0, free.shape[0] // 4), (0, 0)), mode="edge").astype(np.uint8)
        clearance = cv2.distanceTransform(below, cv2.DIST_L2, 5)[: len(free)]
        return cls(np.asarray(clearance, np.float32), named, feet_rows)

    def is_covered_wrongly(self, boxes: Floats, feet: Floats) -> bool:
        """Whether people in any of the boxes (N, 4), their feet in the rows (N,), cover what is
        nearer to the camera than they are."""
        if self.feet_rows is None:
            return False
        height, width = self.feet_rows.shape
        corners = np.clip(np.nan_to_num(boxes), 0, [width, height, width, height]).astype(int)
        for (x0, y0, x1, y1), foot in zip(corners, feet, strict=True):
            behind = self.feet_rows[y0:y1, x0:x1] > foot + NEARER * height
            if behind.size and behind.mean() > COVERED:
                return True
        return False

    def bears(self, feet: Floats, reach: float) -> bool:
        """Whether the ground is free for ``reach`` pixels around each of the feet (N, 2).

        What lies outside the picture is not looked at; no feet inside it are not borne.
        """
        borne = self._borne(feet, reach)
        return bool(borne.size and borne.all())

    def share_not_borne(self, feet: Floats, reach: float) -> float:
        """The share of the feet (N, 2) inside the picture around which that is not so."""
        borne = self._borne(feet, reach)
        return 1 - float(borne.mean()) if borne.size else 0.0

    def _borne(self, feet: Floats, reach: float) -> Mask:
        """Of each of the feet (N, 2) inside the picture, whether the ground is free around it."""
        height, width = self.clearance.shape
        inside = np.all((feet >= 0) & (feet < [width, height + reach]), axis=1)
        columns, rows = np.minimum(feet[inside].astype(int), [width - 1, height - 1]).T
        return np.asarray(self.clearance[rows, columns] >= min(reach, 0.04 * width))

    def occupied_at(self, feet: Floats) -> str | None:
        """What the photo shows under the first of the feet (N, 2) in it that nothing free bears."""
        height, width = self.clearance.shape
        for foot in feet[np.all((feet >= 0) & (feet < [width, height]), axis=1)]:
            if not self.bears(foot[None], 1.0):
                return self.what_is_at(foot)
        return None

    def mostly_under(self, feet: Floats) -> str | None:
        """What the photo shows under most of the feet (N, 2) in it that nothing free bears."""
        height, width = self.clearance.shape
        inside = feet[np.all((feet >= 0) & (feet < [width, height]), axis=1)]
        found = Counter(self.what_is_at(foot) for foot in inside if not self.bears(foot[None], 1.0))
        return found.most_common(1)[0][0] if found else None

    def what_is_at(self, foot: Floats) -> str:
        """What the photo shows at a foot (2,)."""
        height, width = self.clearance.shape
        x, y = np.clip(foot.astype(int), 0, [width - 1, height - 1]).tolist()
        return self.named(x, y)
