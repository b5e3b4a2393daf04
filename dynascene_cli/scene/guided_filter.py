"""The guided filter (He, Sun & Tang 2010): coarse values brought to a picture's own edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Guide:
    """A picture whose edges others take over, in 8-bit levels, and its local moments.

    ``radius`` is in pixels; ``epsilon`` (levels²) is the variance below which there is no edge.
    """

    grey: Values
    mean: Values
    variance: Values
    radius: int
    epsilon: float

    @classmethod
    def of(cls, photo: Image, radius: int, epsilon: float) -> "Guide":
        """The guide that an RGB photo (H, W, 3) is."""
        grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32)
        mean = _box_mean(grey, radius)
        return cls(grey, mean, _box_mean(grey * grey, radius) - mean * mean, radius, epsilon)

    def filter(self, values: Values) -> Values:
        """Values (H, W) smoothed along the guide's edges."""
        mean_values = _box_mean(values, self.radius)
        covariance = _box_mean(self.grey * values, self.radius) - self.mean * mean_values
        slope = np.asarray(covariance / (self.variance + self.epsilon), np.float32)
        offset = np.asarray(mean_values - slope * self.mean, np.float32)
        return _box_mean(slope, self.radius) * self.grey + _box_mean(offset, self.radius)


def _box_mean(array: Values, radius: int) -> Values:
    return np.asarray(cv2.boxFilter(array, -1, (2 * radius + 1, 2 * radius + 1)), np.float32)
