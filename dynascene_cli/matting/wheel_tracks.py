"""Where a wheel is in consecutive frames, by what its tyre and rim look like where they are clear.

A wheel looks the same in every frame, whatever grows or stands before a part of it. So what the
clearest frames show of it is looked for in the others, as a ring that is set off from what is
around it, of a size that is expected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.wheels import BESIDE, RIM, SPOKES, Wheel, directions, ringed, samples

CLEAR, FEWEST = 0.5, 3
"""How much of a ring is seen in frames that tell what a wheel looks like, and how many those are at
the least."""
TOLD = np.linspace(0.7, 1.3, 25)
"""Shares of the radius at which it is told where tyre and rim are."""
BAND, SHARES, SPOKED = 0.6, 6, 12
"""The share of the rim's alpha from which tyre and rim are there, at how many radii they are looked
at, and at how many what is within them."""
UNLIKE = 60.0
"""Levels from which what is seen is not a wheel, however much more it differs."""
EDGE, RING = 0.3, 0.5
"""What it counts that a wheel is set off in the picture and in the matte; that it is like the
others counts 1."""
MOST_COST = 0.43
"""The cost up to which a wheel is believed."""
UNEXPECTED = 0.01
"""The cost of a wheel whose size or shape is one deviation from the expected one."""
RESIZED, WIDENED, TURNED, LEANT = 0.03, 0.1, 0.15, 0.3
"""Deviations: of the radius, as a share; of width and tilt from those of a frame beside it; and of
the tilt from upright."""
AROUND = 4
"""Frames to either side by which the size in one is evened."""
REFERENCE = 20.0
"""The radius of a wheel that is moved by whole pixels."""
FAR, STEPS = 6.0, (4.0, 2.0, 1.0, 0.5)
"""Pixels by which a wheel is moved: first, at the most, and then, ever less, while it helps."""
LEAST_WIDTH = 0.4
MOVES = np.concatenate([np.eye(5), [[0.5, 0, 0, 0.5, 0], [0, 0.5, 0.5, 0, 0]]])
MOVES = np.concatenate([MOVES, MOVES[5:] * [-1, -1, 1, 1, 1]])
"""How it is moved: whole, or one of its edges while the other stays."""


@dataclass(frozen=True, eq=False)
class WheelView:
    """What a frame shows about a wheel: levels (h, w, 3) and an alpha (h, w) in 0..1."""

    image: FloatArray
    alpha: FloatArray


@dataclass(frozen=True, eq=False)
class WheelLook:
    """Tyre and rim: at ``shares`` (m,) of the radius, in n directions, ``colours`` (m, n, 3).

    And the usual alpha ``within`` (k, n), 0..1, from the middle to the rim.
    """

    shares: Floats
    colours: FloatArray
    within: FloatArray

    def costs(self, view: WheelView, wheels: Sequence[Wheel]) -> Floats:
        """How little each of some wheels (p,) in a view is like this one, and a ring."""
        radii = np.array([*self.shares, BESIDE, SPOKES])
        points = np.stack([each.points(radii, directions()) for each in wheels])
        seen, shown = samples(view.image, points), samples(view.alpha, points)
        unlike = np.abs(seen[:, :-2] - self.colours).max(axis=3)
        like = 1 - np.minimum(unlike, UNLIKE).mean(axis=1) / UNLIKE
        edge = np.abs(seen[:, len(self.shares) // 2] - seen[:, -2]).max(axis=2)
        edge = np.minimum(edge, UNLIKE) / UNLIKE
        ring = ringed(shown[:, :-2].mean(axis=1), shown[:, -2], shown[:, -1])
        costs = 1 - like - EDGE * edge - RING * ring
        return np.asarray(costs.mean(axis=1), float)


@dataclass(frozen=True, eq=False)
class WheelTrack:
    """What a wheel looks like, and where it is in those frames in which it is believed.

    ``costs`` tell how little it is like that there.
    """

    look: WheelLook
    wheels: Mapping[int, Wheel]
    costs: Mapping[int, float]


def expected_radii(
    found: Mapping[int, Sequence[tuple[Wheel, float]]], frames: Iterable[int]
) -> dict[int, float]:
    """The radius of either wheel in frames, by those in which one is clear; none where none is."""
    clear = [
        (index, wheel.radius)
        for index, wheels in sorted(found.items())
        for wheel, clarity in wheels
        if clarity >= CLEAR
    ]
    if not clear:
        return {}
    times, radii = np.array(clear).T
    even = [float(np.median(radii[np.abs(times - time) <= AROUND])) for time in times]
    return {index: float(np.interp(index, times, even)) for index in frames}


def track_wheel(
    views: Mapping[int, WheelView],
    found: Mapping[int, tuple[Wheel, float]],
    radii: Mapping[int, float],
) -> WheelTrack | None:
    """Follow a wheel that was found, more or less clearly, in some frames of a clip.

    ``radii`` are those to expect in all of them. None where too few frames show it clearly.
    """
    clear = {index: wheel for index, (wheel, clarity) in found.items() if clarity >= CLEAR}
    look = _look(views, clear) if len(clear) >= FEWEST else None
    if look is None:
        return None
    for _ in range(2):
        for index, wheel in clear.items():
            expected = replace(wheel, radius=radii[index])
            clear[index] = _fit(look, views[index], [wheel], expected, 1.0)[0]
        look = _look(views, clear) or look
    rate = float(np.median([wheel.radius / radii[index] for index, wheel in clear.items()]))
    radii = {index: rate * radius for index, radius in radii.items()}
    followed: dict[int, Wheel] = {}
    costs: dict[int, float] = {}
    for index in sorted(views, key=lambda each: min(abs(each - one) for one in clear)):
        near = min(followed or clear, key=lambda each: abs(each - index))
        shape = replace((followed or clear)[near], radius=radii[index])
        starts = [shape]
        if index in found:
            own = found[index][0]
            starts += [own, replace(shape, x=own.x, y=own.y)]
        trust = 1 / max(1, abs(near - index)) ** 2
        followed[index], costs[index] = _fit(look, views[index], starts, shape, trust)
    believed = {index: wheel for index, wheel in followed.items() if costs[index] <= MOST_COST}
    return WheelTrack(look, believed, costs)


def _look(views: Mapping[int, WheelView], clear: Mapping[int, Wheel]) -> WheelLook | None:
    """What a wheel looks like, by the frames in which it is clear; None where it is no ring."""
    angles = directions()
    shown = [
        samples(views[index].alpha, wheel.points(TOLD, angles)) for index, wheel in clear.items()
    ]
    told = np.median(np.median(np.stack(shown), axis=0), axis=1)
    middle = int(np.argmin(np.abs(TOLD - RIM)))
    outside = np.flatnonzero(told <= BAND * float(told[middle]))
    first = int(max(outside[outside < middle], default=-1)) + 1
    last = int(min(outside[outside > middle], default=len(TOLD))) - 1
    if middle in outside:
        return None
    shares = np.linspace(TOLD[first], TOLD[last], SHARES)
    seen = [
        samples(views[index].image, wheel.points(shares, angles)) for index, wheel in clear.items()
    ]
    # What grows before a wheel hides its lower half, which looks like the upper one.
    mirrored = np.where(np.sin(angles) > 0, -np.arange(len(angles)), np.arange(len(angles)))
    colours = np.median(np.stack(seen), axis=0)[:, mirrored]
    around = np.concatenate([colours[:, -2:], colours, colours[:, :2]], axis=1)
    smooth = cv2.GaussianBlur(around, (5, 1), 0)[:, 2:-2]
    spoked = np.linspace(0, shares[0], SPOKED)
    own = [
        samples(views[index].alpha, wheel.points(spoked, angles)) for index, wheel in clear.items()
    ]
    return WheelLook(
        shares, np.asarray(smooth, np.float32), np.asarray(np.median(own, axis=0), np.float32)
    )


def _fit(
    look: WheelLook, view: WheelView, starts: Sequence[Wheel], expected: Wheel, trust: float
) -> tuple[Wheel, float]:
    """The wheel near one of some others that a view shows best, and its cost.

    ``trust``, 0..1, is that in the width and tilt that are expected.
    """

    def costs(wheels: Sequence[Wheel]) -> Floats:
        _, _, radii, widths, tilts = np.array([astuple(each) for each in wheels]).T
        shape = ((widths - expected.width) / WIDENED) ** 2 + ((tilts - expected.tilt) / TURNED) ** 2
        own = ((radii / expected.radius - 1) / RESIZED) ** 2 + (tilts / LEANT) ** 2
        return look.costs(view, wheels) + UNEXPECTED * (own + trust * shape)

    scale = expected.radius / REFERENCE
    away = scale * np.arange(-FAR, FAR + 1, 2.0)
    placed = [replace(one, x=one.x + x, y=one.y + y) for one in starts for x in away for y in away]
    tried = costs(placed)
    best, least = placed[int(np.argmin(tried))], float(tried.min())
    for step in STEPS:
        moves = step * MOVES * [scale, scale, scale, 1 / REFERENCE, 0.03]
        while True:
            moved = np.array(astuple(best)) + np.concatenate([moves, -moves])
            wide = (moved[:, 3] >= LEAST_WIDTH) & (moved[:, 3] <= 1)
            near = [Wheel(*each) for each in moved[wide].tolist()]
            tried = costs(near)
            if float(tried.min()) >= least:
                break
            best, least = near[int(np.argmin(tried))], float(tried.min())
    return best, least
