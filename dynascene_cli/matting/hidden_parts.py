"""The person whole where something before them hides a part for a moment.

They are carried on from the last frame that shows them whole and back from the next one. What the
frame itself shows of them stays: all of it where its matte holds, elsewhere what looks like what is
carried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.hidden_runs import HiddenRun
from dynascene_cli.matting.occluders import (
    LIKE,
    Sight,
    find_occluders,
    levels_apart,
    place_step,
)
from dynascene_cli.matting.whole_motion import Whereabouts, follow, pixels_of, stretch
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

LENGTH = 96
"""The person's longer side, in pixels, at which they are looked for."""
BESIDE_RUN = 3
"""Frames at either side of a run that are looked at too."""
SOLID, SURE = 150, 0.8
"""The alpha of what is surely the person: of 255 in a matte, of 1 where they are expected."""
AGREED = 0.06
"""How far, per their longer side, the way on and the way back may differ for them to be believed:
each knows nothing of the other."""
HOLDS = 0.85
"""Share of what surely looks like the person that the matte of a frame has, if it holds."""
MIXED = 0.4, 0.6
"""Between which shares of the time the way back counts more and more, and the way on less."""
SURROUNDINGS = 0.06
"""How much background is carried along, from which the person's own colours are told apart, per
their longer side."""
SEAM = 0.02
"""The softness of the edge of what is completed, per their longer side."""
STIRRED = 0.02
"""How far the outline may be from where other frames have it, per their longer side."""
GAPS = 10
"""Half the width of the gaps in a wheel, at the most, at that size."""
NEAR = 0.05
"""How far around what surely hides the person it may go on unseen, per their longer side."""


BACK = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, eq=False)
class HiddenPart:
    """What a box of a frame shows instead, its upper left corner at x, y: colours and alpha."""

    x: int
    y: int
    colours: Image
    alpha: Image

    def laid_over(self, frame: Image, alpha: Image) -> tuple[Image, Image]:
        """A frame (H, W, 3) and its alpha (H, W), completed."""
        frame, alpha = frame.copy(), alpha.copy()
        height, width = self.alpha.shape
        box = slice(self.y, self.y + height), slice(self.x, self.x + width)
        frame[box], alpha[box] = self.colours, self.alpha
        return frame, alpha

    def resized(self, scale: float) -> "HiddenPart":
        """The same of a resized frame."""
        x, y = round(self.x * scale), round(self.y * scale)
        size = tuple(max(1, round(side * scale)) for side in self.alpha.shape[1::-1])
        colours, alpha = (
            np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8)
            for each in (self.colours, self.alpha)
        )
        return HiddenPart(x, y, colours, alpha)


@dataclass(frozen=True, eq=False)
class Passage:
    """How somebody goes past what hides them.

    In each frame from some before the run to some after it: where those of the whole frame before
    it and after it are, in reduced pixels, by what width and height of each (2,) have changed at
    the other beside their size. In those of the run: the reduced sight of them, and where
    (h, w) something surely hides them.
    """

    run: HiddenRun
    length: float
    reduction: Floats
    starts: tuple[Whereabouts, Whereabouts]
    stretches: tuple[Floats, Floats]
    places: Mapping[int, tuple[Whereabouts, Whereabouts]]
    sights: Mapping[int, Sight]
    occluded: Mapping[int, Mask]

    def onto(self, index: int, source: int) -> Floats:
        """The affine map (2, 3) from the whole frame before (0) or after (1), full pixels."""
        place, start = self.places[index][source], self.starts[source]
        gone = float(np.clip((index - self.run.before) / (self.run.after - self.run.before), 0, 1))
        across, down = self.stretches[source] ** (1 - gone if source else gone)
        onto = place.similarity_from(start) @ np.diag([across, down, 1.0])
        onto[:, 2] = [place.x, place.y] - onto[:, :2] @ [start.x, start.y]
        onto[:, 2] /= self.reduction
        return onto


def reduction_for(alpha: Image) -> float:
    """By what a frame is reduced to look for the person of a whole matte (H, W)."""
    rows, columns = np.nonzero(alpha > SOLID)
    if len(rows) == 0:
        return 1.0
    return min(1.0, LENGTH / float(max(np.ptp(rows), np.ptp(columns)) + 1))


def reduce_image(image: Image, reduction: float) -> Image:
    """A frame or an alpha, reduced."""
    height, width = image.shape[:2]
    size = max(8, round(width * reduction)), max(8, round(height * reduction))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def without_gaps(alpha: Image) -> Image:
    """A reduced alpha (h, w) without the gaps between spokes, which move with nobody."""
    return np.asarray(cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, disc(GAPS)), np.uint8)


def find_passage(
    run: HiddenRun,
    first: int,
    images: Sequence[Image],
    alphas: Sequence[Image],
    full_size: tuple[int, int],
) -> Passage | None:
    """How somebody passes behind something; None where it is not sure that they do.

    ``images`` (h, w, 3) and ``alphas`` (h, w) are reduced, from frame ``first`` on.
    """
    whole = run.before - first, run.after - first
    starts = tuple(_start(alphas[each]) for each in whole)
    walks = [_walk(images, alphas, each, start) for each, start in zip(whole, starts, strict=True)]
    lengths = [length for _, length in walks]
    ways = _joined(walks[0][0], walks[1][0], (whole[0], whole[1]), AGREED * lengths[0])
    if ways is None:
        return None
    size = images[0].shape[1::-1]
    sights = _sights(images, alphas, whole, (starts[0], starts[1]), ways)
    hidden = range(whole[0] + 1, whole[1])
    found = find_occluders(sights, hidden, lengths[0])
    if found is None:
        return None
    pixels = pixels_of(images[whole[0]], alphas[whole[0]] > SOLID, starts[0])
    changed = stretch(pixels, images[whole[1]], ways[whole[1]][0])
    return Passage(
        run,
        lengths[0],
        np.array(size) / full_size,
        (starts[0], starts[1]),
        (changed, 1 / (changed * ways[whole[1]][0].size * ways[whole[0]][1].size)),
        {first + index: way for index, way in enumerate(ways)},
        {first + index: sights[index] for index in hidden},
        {first + index: found[index] for index in hidden},
    )


def _start(alpha: Image) -> Whereabouts:
    rows, columns = np.nonzero(alpha > SOLID)
    return Whereabouts(
        float(columns.min() + columns.max() + 1) / 2, float(rows.min() + rows.max() + 1) / 2
    )


def _walk(
    images: Sequence[Image], alphas: Sequence[Image], whole: int, start: Whereabouts
) -> tuple[list[Whereabouts], float]:
    """Where somebody who is whole in one of some images is in all of them, and their length."""
    pixels = pixels_of(images[whole], alphas[whole] > SOLID, start)
    earlier = follow(pixels, start, images[:whole][::-1])[::-1]
    return [*earlier, start, *follow(pixels, start, images[whole + 1 :])], pixels.length


def _joined(
    on: list[Whereabouts], back: list[Whereabouts], whole: tuple[int, int], apart: float
) -> list[tuple[Whereabouts, Whereabouts]] | None:
    """Both ways as one, the nearer whole frame's counting more: either alone may slip aside.

    None where they are mostly more than so many pixels ``apart``.
    """
    offsets = np.array([[b.x - a.x, b.y - a.y] for a, b in zip(on, back, strict=True)])
    between = offsets[whole[0] : whole[1] + 1]
    x, y = np.median(between, axis=0)
    if float(np.median(np.hypot(*(between - [x, y]).T))) > apart:
        return None
    joined = []
    for index, (sooner, later) in enumerate(zip(on, back, strict=True)):
        share = share_of_later(index, *whole)
        middle = (
            (1 - share) * sooner.x + share * (later.x - x),
            (1 - share) * sooner.y + share * (later.y - y),
        )
        joined.append(
            (
                replace(sooner, x=middle[0], y=middle[1]),
                replace(later, x=middle[0] + x, y=middle[1] + y),
            )
        )
    return joined


def share_of_later(index: int, before: int, after: int) -> float:
    """The share, 0..1, of what is carried back from the whole frame after."""
    low, high = MIXED
    share = np.clip(((index - before) / (after - before) - low) / (high - low), 0, 1)
    return float(share * share * (3 - 2 * share))


def _sights(
    images: Sequence[Image],
    alphas: Sequence[Image],
    whole: tuple[int, int],
    starts: tuple[Whereabouts, Whereabouts],
    ways: list[tuple[Whereabouts, Whereabouts]],
) -> list[Sight]:
    """Each of some images, with where the person is expected in it."""
    size = images[0].shape[1::-1]
    sights: list[Sight] = []
    for index, image in enumerate(images):
        share = share_of_later(index, *whole)
        expected = np.zeros(image.shape[:2], np.float32)
        unlike = np.full(image.shape[:2], 255, np.float32)
        for source, weight in enumerate((1 - share, share)):
            onto = ways[index][source].similarity_from(starts[source])
            alpha = cv2.warpAffine(alphas[whole[source]], onto, size)
            expected += np.float32(weight / 255) * alpha
            colours = cv2.warpAffine(images[whole[source]], onto, size)
            unlike = np.minimum(unlike, levels_apart(image, np.asarray(colours, np.uint8)))
        around = cv2.dilate((expected > 0.3).astype(np.uint8), disc(3)) > 0
        step = np.zeros(2) if index == 0 else place_step(images[index - 1], image, around)
        sights.append(Sight(image, ways[index][0], expected, unlike, step))
    return sights


@dataclass(frozen=True, eq=False)
class WholePerson:
    """Somebody whole: the frame (H, W, 3) and their alpha (H, W)."""

    frame: Image
    alpha: Image


def whole_person(
    way: Passage,
    source: int,
    seen: WholePerson,
    others: Mapping[int, Image],
    wheels_from: int | None = None,
) -> WholePerson:
    """The person as the whole frame before (0) or after (1) shows them, with their usual alpha.

    ``others`` are the alphas (H, W) of two frames beside it: what only one of three mattes has is a
    piece of the place, unless it is as near to what another has as limbs move. From the row on from
    which there are wheels the frame's own counts: tyres are thin, and do not lie on each other.
    """
    size = seen.alpha.shape[1::-1]
    over = [
        cv2.warpAffine(other, way.onto(index, source), size, flags=BACK)
        for index, other in others.items()
    ]
    if len(over) < 2:
        return seen
    usual = np.asarray(np.median(np.stack([seen.alpha, *over]), axis=0), np.uint8)
    near = disc(max(1, round(STIRRED * way.length / float(way.reduction[0]))))
    usual = np.clip(seen.alpha, cv2.erode(usual, near), cv2.dilate(usual, near))
    if wheels_from is not None:
        usual[wheels_from:] = seen.alpha[wheels_from:]
    return WholePerson(seen.frame, usual)


def complete_hidden(
    way: Passage,
    index: int,
    people: tuple[WholePerson, WholePerson],
    seen: WholePerson,
    rides: bool = False,
) -> HiddenPart | None:
    """What completes a frame ``seen`` with its matte; None where nothing is hidden.

    Whoever ``rides`` is carried whole: mattes of a bicycle are torn by what hides it in part.
    """
    height, width = seen.alpha.shape
    carried, colours = _carried(way, index, people)
    sight, small = way.sights[index], way.occluded[index]
    alpha = seen.alpha.astype(np.float32)
    small_alpha = reduce_to_size_of(seen.alpha, sight.image)
    near = _near(small, way.length)
    own = cv2.resize(_own(sight, small_alpha, near), (width, height))
    length = way.length / float(way.reduction[0])
    if not rides and _holds(sight, near, small_alpha):
        if not small.any():
            return None
        missing = (sight.expected > 0.05) & (small_alpha < 127)
        where = cv2.dilate((small | (near & missing)).astype(np.uint8), disc(2))
        share = cv2.resize(where.astype(np.float32), (width, height))
        share = cv2.GaussianBlur(share, (0, 0), max(0.5, SEAM * length))
    else:
        share = np.ones((height, width), np.float32)
    painted = share * (1 - own * (not rides)) * _around(carried, length)
    return changed_part(
        seen.frame + painted[..., None] * (colours - seen.frame),
        alpha + share * (carried - alpha),
        (share > 0) & ((alpha > 0) | (painted > 0)),
    )


def reduce_to_size_of(alpha: Image, image: Image) -> Image:
    """An alpha (H, W) of the size of an image (h, w, 3)."""
    return np.asarray(cv2.resize(alpha, image.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)


def changed_part(frame: NDArray[Any], alpha: NDArray[Any], changed: Mask) -> HiddenPart | None:
    """The box of a frame (H, W, 3) and its alpha (H, W) in which something is ``changed``."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if len(rows) == 0:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return HiddenPart(
        int(columns[0]),
        int(rows[0]),
        np.clip(frame[box] + 0.5, 0, 255).astype(np.uint8),
        np.clip(alpha[box] + 0.5, 0, 255).astype(np.uint8),
    )


def _carried(
    way: Passage, index: int, people: tuple[WholePerson, WholePerson]
) -> tuple[FloatArray, FloatArray]:
    """The alpha (H, W), 0..255, and the colours (H, W, 3) that the nearer whole frame carries in.

    Both at once would show two positions of a leg, each half-transparent.
    """
    source = int(share_of_later(index, way.run.before, way.run.after) >= 0.5)
    onto, person = way.onto(index, source), people[source]
    size = person.alpha.shape[1::-1]
    flags = cv2.INTER_CUBIC if np.linalg.det(onto[:, :2]) > 0.5 else cv2.INTER_AREA
    alpha = cv2.warpAffine(person.alpha, onto, size, flags=cv2.INTER_LINEAR)
    colours = cv2.warpAffine(person.frame, onto, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return alpha.astype(np.float32), colours.astype(np.float32)


def _own(sight: Sight, alpha: Image, hidden: Mask) -> FloatArray:
    """1 where (h, w) a frame and its matte show the person inside their outline, else 0, softly."""
    inside = cv2.erode((sight.expected > 0.95).astype(np.uint8), disc(1)) > 0
    like = (sight.unlike < LIKE) & (alpha > 127) & inside & ~hidden
    opened = cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_OPEN, disc(2))
    return np.asarray(cv2.GaussianBlur(opened.astype(np.float32), (0, 0), 1.0) * inside, np.float32)


def _holds(sight: Sight, hidden: Mask, alpha: Image) -> bool:
    """Whether a frame's matte (h, w) has what surely looks like the person."""
    sure = (sight.expected > SURE) & (sight.unlike < LIKE) & ~hidden
    return bool(sure.any()) and float((alpha[sure] > 127).mean()) >= HOLDS


def _near(found: Mask, length: float) -> Mask:
    """Where (h, w) somebody may be hidden by what surely hides them here and there."""
    hull = np.zeros(found.shape, np.uint8)
    if found.any():
        points = np.argwhere(found)[:, ::-1].astype(np.int32)
        cv2.fillConvexPoly(hull, np.asarray(cv2.convexHull(points), np.int32), 1)
    return np.asarray(cv2.dilate(hull, disc(max(1, round(NEAR * length)))) > 0)


def _around(alpha: FloatArray, length: float) -> FloatArray:
    """1 where (H, W) somebody is and around them, falling to 0 softly."""
    radius = max(2, round(SURROUNDINGS * length))
    grown = cv2.dilate((alpha > 8).astype(np.float32), disc(radius))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), radius / 4), np.float32)
