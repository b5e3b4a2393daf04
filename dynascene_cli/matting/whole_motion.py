"""How somebody who was seen whole moves on while something hides a part of them.

Landmarks, boxes and mattes follow what is left of them. So the whole person's picture is looked for
in the frames that hide it, by a cost that does not ask what hides it: from some levels on every
pixel that is not theirs costs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.shot import Image

UNLIKE = 48.0
"""Levels from which a pixel is not the one that is looked for, however much more it differs."""
REACH = 0.14
"""How far from where their last step leads somebody is looked for: a share of their longer side."""
STEP = 2
"""Pixels between the places that are tried first; then those around the best one are."""
MOST_PIXELS = 600
"""Pixels of theirs that are compared."""
RESIZED = 0.97, 1.0, 1.03
"""By what the person's size may change from one frame to the next."""
STRETCHES = (0.76, 0.82, 0.88, 0.94, 1.0, 1.06, 1.14, 1.22, 1.32), (0.94, 1.0, 1.06)
"""By what a person's width and height may change beside their size: a bicycle that turns away is
foreshortened."""
STRETCH_REACH = 8
"""How far, in pixels, the middle may have moved with that: outlines have other middles."""
INERTIA = 4.0
"""Levels that a place at the end of the reach costs more than the one to which the last step leads:
a tie, as of a wheel before grass, goes to the steady motion."""


@dataclass(frozen=True)
class Whereabouts:
    """Where the middle of something is, in pixels, and its size per that of where it is from."""

    x: float
    y: float
    size: float = 1.0

    def after(self, before: "Whereabouts") -> "Whereabouts":
        """Where the step from one before leads next, at the same size."""
        return replace(self, x=2 * self.x - before.x, y=2 * self.y - before.y)

    def similarity_from(self, start: "Whereabouts") -> Floats:
        """The similarity (2, 3) of pixels from one place to this one."""
        size = self.size / start.size
        return np.array([[size, 0, self.x - size * start.x], [0, size, self.y - size * start.y]])


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some pixels: where they are around a middle (n, 2), and their colours (n, 3) float32."""

    offsets: Floats
    colours: FloatArray

    @property
    def length(self) -> float:
        """Their longer side in pixels."""
        return float(np.ptp(self.offsets, axis=0).max()) + 1


def pixels_of(image: Image, shown: NDArray[np.bool_], place: Whereabouts) -> Pixels:
    """The pixels of an image (h, w, 3) that a mask (h, w) shows, around a place."""
    rows, columns = np.nonzero(shown)
    every = max(1, len(rows) // MOST_PIXELS)
    rows, columns = rows[::every], columns[::every]
    offsets = np.stack([columns, rows], axis=1) + 0.5 - [place.x, place.y]
    return Pixels(offsets, image[rows, columns].astype(np.float32))


def look_for(
    pixels: Pixels,
    image: Image,
    guess: Whereabouts,
    reach: float,
    resized: Sequence[float] = RESIZED,
) -> Whereabouts:
    """Where in an image (h, w, 3) some pixels are, ``reach`` pixels around a guess at the most."""
    radius = max(1, round(reach / STEP))
    steps = STEP * np.arange(-radius, radius + 1)
    costs = [
        _costs(pixels, image, replace(guess, size=guess.size * factor), steps)
        + INERTIA * (steps[:, None] ** 2 + steps**2) / max(reach, 1.0) ** 2
        for factor in resized
    ]
    size, row, column = np.unravel_index(int(np.argmin(costs)), (len(resized), *costs[0].shape))
    best = Whereabouts(
        guess.x + float(steps[column]), guess.y + float(steps[row]), guess.size * resized[int(size)]
    )
    near = np.arange(-STEP, STEP + 1)
    costs_near = _costs(pixels, image, best, near)
    row, column = np.unravel_index(int(np.argmin(costs_near[1:-1, 1:-1])), (3, 3))
    around = costs_near[row : row + 3, column : column + 3]
    return replace(
        best,
        x=best.x + float(near[column + 1]) + _lowest(around[1]),
        y=best.y + float(near[row + 1]) + _lowest(around[:, 1]),
    )


def _costs(
    pixels: Pixels, image: Image, around: Whereabouts, steps: NDArray[np.int_]
) -> FloatArray:
    """By how many levels, 0..UNLIKE, pixels differ a number of steps (n,) down and right (n, n)."""
    margin = int(steps[-1]) + 1
    # What is outside the picture is like nothing.
    padded = cv2.copyMakeBorder(
        image.astype(np.float32), *(margin,) * 4, cv2.BORDER_CONSTANT, value=(1e3, 1e3, 1e3)
    )
    height, width = image.shape[:2]
    at = around.size * pixels.offsets + [around.x, around.y]
    x, y = np.clip(np.floor(at), -1, [width, height]).astype(np.intp).T + margin
    shifts = (steps[:, None] * (width + 2 * margin) + steps)[..., None]
    seen = padded.reshape(-1, 3)[shifts + (y * (width + 2 * margin) + x)]
    unlike = np.abs(seen - pixels.colours).max(axis=3)
    return np.asarray(np.minimum(unlike, UNLIKE).mean(axis=2), np.float32)


def _lowest(costs: FloatArray) -> float:
    """Where between −½ and ½ a parabola through three costs (3,) is the lowest."""
    bend = float(costs[0] - 2 * costs[1] + costs[2])
    return float(np.clip((costs[0] - costs[2]) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0


def follow(pixels: Pixels, start: Whereabouts, images: Sequence[Image]) -> list[Whereabouts]:
    """Where pixels that are at ``start`` are in each of the next images (h, w, 3).

    Their size changes evenly: it is tried in steps, which would be seen.
    """
    reach = REACH * pixels.length
    places = [start]
    for image in images:
        first = len(places) == 1
        guess = start if first else places[-1].after(places[-2])
        places.append(look_for(pixels, image, guess, (1 + first) * reach))
    times = np.arange(len(places))
    sizes = np.log([place.size for place in places])
    rate = float((times * sizes).sum() / max(float((times**2).sum()), 1.0))
    even = [
        replace(place, size=float(np.exp(rate * time)))
        for time, place in zip(times, places, strict=True)
    ]
    return [
        look_for(pixels, image, place, STEP, (1.0,))
        for place, image in zip(even[1:], images, strict=True)
    ]


def stretch(pixels: Pixels, image: Image, place: Whereabouts) -> Floats:
    """By what the width and height (2,) of pixels at a place in an image (h, w, 3) have changed."""
    steps = np.arange(-STRETCH_REACH, STRETCH_REACH + 1)
    least, best = np.inf, np.ones(2)
    for across in STRETCHES[0]:
        for down in STRETCHES[1]:
            changed = replace(pixels, offsets=pixels.offsets * [across, down])
            cost = float(_costs(changed, image, place, steps).min())
            if cost < least:
                least, best = cost, np.array([across, down])
    return best
