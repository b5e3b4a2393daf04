"""Whether something before the person hides a part of them, or they changed their shape.

Where the whole person is expected in a frame, and what is seen is not like them, that part is
followed through the frames around. What hides somebody moves with the place, not with them, and
stays as it is wherever they come to be behind it: neither is so of a body that bends or turns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.whole_motion import UNLIKE, Pixels, Whereabouts, look_for, pixels_of
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

EXPECTED = 0.6
"""The alpha from which the whole person is expected to be seen."""
LIKE, OTHER = 12.0, 24.0
"""Levels by which what is seen is like the person at the most, and from which it is something else,
each within two pixels."""
SQUARE = np.ones((5, 5), np.uint8)
LEAST_PART, MOST_PARTS = 0.03, 3
"""Share of the person from which a part that is not seen is followed; how many of a frame are."""
DEEP = 0.4
"""How far inside the person, per their deepest pixel, what hides them reaches: limbs also move."""
LEAST_HIDDEN = 2
"""Frames in which something surely hides the person."""
AROUND = 12
"""Frames before and after one in which such a part is followed."""
PART_REACH = 0.15
"""How far it may be from where its last step leads, as a share of the person's longer side."""
STILL_THERE = 32.0
"""Levels by which it may change in these frames, as by a shadow or a blur."""
LEAST_TIMES = 0.8
"""How often it must stay the same where the person is expected, over those frames."""
MOST_GONE = 0.4
"""How much of that may look otherwise in other frames, where the person is seen after all."""
CLEARED, LEAST_CLEARED, MOST_STILL = 1.1, 0.15, 0.4
"""How far they must have gone past it for what it hid to be seen again, as a share of its width and
at least of their longer side, and how much of that may still be missing: a ducked head stays so."""
MOST_MOVED = 0.5
"""How far it may have moved before the place, per the person: a tree is nearer than the wall, but
somebody who crosses goes as far as they."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A reduced frame in which somebody is expected.

    ``image`` (h, w, 3); where they are; the ``expected`` alpha (h, w) in 0..1; by how many levels
    what is seen there is ``unlike`` them (h, w); the place's ``step`` (2,) since the frame before.
    """

    image: Image
    place: Whereabouts
    expected: FloatArray
    unlike: FloatArray
    step: NDArray[np.float64]

    @property
    def hidden(self) -> Mask:
        """Where (h, w) they are expected and something else is seen."""
        other = (self.expected > EXPECTED) & (self.unlike > OTHER)
        return np.asarray(cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, disc(2)) > 0)


def levels_apart(image: Image, expected: Image) -> FloatArray:
    """By how many levels (h, w) an image (h, w, 3) differs from another within two pixels."""
    low, high = cv2.erode(expected, SQUARE), cv2.dilate(expected, SQUARE)
    apart = cv2.max(cv2.subtract(low, image), cv2.subtract(image, high))
    return np.asarray(apart.max(axis=2), np.float32)


def place_step(before: Image, after: Image, person: Mask) -> NDArray[np.float64]:
    """How far (2,) what is not the person (h, w) moved from one image (h, w, 3) to the next."""
    first, second = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, after))
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = finder.calc(first, second, np.zeros((*first.shape, 2), np.float32))
    return np.asarray(np.median(flow[~person], axis=0), float)


def find_occluders(sights: Sequence[Sight], frames: range, length: float) -> dict[int, Mask] | None:
    """Where (h, w) something hides the person in some of consecutive frames.

    None where it is not sure that anything does. ``length`` is the person's longer side in pixels.
    What surely hides them in one frame also does where it hardly covers them yet.
    """
    sure = set()
    found = {index: np.zeros(sights[index].expected.shape, bool) for index in frames}
    for index in frames:
        for part in _parts(sights[index]):
            places = _hiding_places(sights, index, part, length)
            if places and _is_deep(part, sights[index]):
                sure.add(index)
            for there in found.keys() & places.keys():
                shift = np.round(places[there] - places[index]).astype(int)
                found[there] |= _shifted(part, shift)
    if len(sure) < LEAST_HIDDEN:
        return None
    return {index: _covering(found[index], sights[index]) for index in frames}


def _parts(sight: Sight) -> Iterator[Mask]:
    """The largest parts (h, w) of the person that are not seen."""
    count, labels, table, _ = cv2.connectedComponentsWithStats(sight.hidden.astype(np.uint8))
    areas = table[:, cv2.CC_STAT_AREA]
    least = LEAST_PART * float((sight.expected > EXPECTED).sum())
    for part in sorted(range(1, count), key=lambda each: -areas[each])[:MOST_PARTS]:
        if areas[part] >= least:
            yield labels == part


def _is_deep(part: Mask, sight: Sight) -> bool:
    """Whether what hides somebody reaches far into them."""
    inside = (sight.expected > EXPECTED).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    return bool(depth[part].max() > DEEP * float(depth.max()))


def _shifted(mask: Mask, shift: NDArray[np.int_]) -> Mask:
    """A mask (h, w) so many pixels (2,) right and down."""
    onto = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    moved = cv2.warpAffine(mask.astype(np.uint8), onto, mask.shape[::-1], flags=cv2.INTER_NEAREST)
    return np.asarray(moved > 0)


def _covering(found: Mask, sight: Sight) -> Mask:
    """Where (h, w) what surely hides the person elsewhere does so in this frame."""
    near = cv2.dilate(found.astype(np.uint8), disc(2)) > 0
    return np.asarray(near & sight.hidden)


def _hiding_places(
    sights: Sequence[Sight], index: int, part: Mask, length: float
) -> dict[int, NDArray[np.float64]]:
    """Where (2,) a part (h, w) of a frame is in those around; none where it hides nobody.

    What hides the person is before them, and they go past it unseen.
    """
    rows, columns = np.nonzero(part)
    start = Whereabouts(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5)
    pixels = pixels_of(sights[index].image, part, start)
    places = {index: np.array([start.x, start.y])}
    kept = gone = 0.0
    person, moved = np.zeros(2), np.zeros(2)
    missing = []
    for way in (-1, 1):
        own, its = np.zeros(2), np.zeros(2)
        for there, place in _followed(sights, index, pixels, start, way, length):
            drift = _step_between(sights, index, there)
            was, now = sights[index].place, sights[there].place
            own = np.array([now.x - was.x, now.y - was.y]) - drift
            its = np.array([place.x - start.x, place.y - start.y]) - drift
            stays, goes = _covered(sights[there], pixels, place)
            kept, gone = kept + stays, gone + goes
            places[there] = np.array([place.x, place.y])
            if _clears(own - its, pixels, length):
                missing.append(_still_missing(sights, index, there, pixels, start))
                break
        person, moved = person + way * own, moved + way * its
    hides = (
        kept >= LEAST_TIMES
        and gone <= MOST_GONE * kept
        and missing
        and max(missing) <= MOST_STILL
        and np.hypot(*moved) <= MOST_MOVED * np.hypot(*person)
    )
    return places if hides else {}


def _clears(passed: NDArray[np.float64], pixels: Pixels, length: float) -> bool:
    """Whether somebody who has ``passed`` by (2,) a part shows again what it hid."""
    distance = float(np.hypot(*passed))
    along = pixels.offsets @ (passed / max(distance, 1e-6))
    width = float(np.ptp(np.quantile(along, [0.05, 0.95])))
    return distance > max(CLEARED * width, LEAST_CLEARED * length)


def _step_between(sights: Sequence[Sight], first: int, last: int) -> NDArray[np.float64]:
    """How far (2,) the place moved from one frame to another."""
    low, high = sorted((first, last))
    steps = [sights[each].step for each in range(low + 1, high + 1)]
    return np.asarray(np.sum(steps, axis=0) * (1 if first < last else -1), float)


def _followed(
    sights: Sequence[Sight],
    index: int,
    pixels: Pixels,
    start: Whereabouts,
    way: int,
    length: float,
) -> Iterator[tuple[int, Whereabouts]]:
    """The frames after one, or before it, and where a part of it is in them, while it is seen."""
    before, place = None, start
    for there in range(index + way, index + way * (AROUND + 1), way):
        if not 0 <= there < len(sights):
            return
        step = _step_between(sights, there - way, there)
        led = Whereabouts(place.x + step[0], place.y + step[1])
        guess = led if before is None else place.after(before)
        reach = PART_REACH * length
        before, place = place, look_for(pixels, sights[there].image, guess, reach, (1.0,))
        yield there, place
        stays, goes = _covered(sights[there], pixels, place)
        if goes > stays:
            return


def _still_missing(
    sights: Sequence[Sight], index: int, there: int, pixels: Pixels, start: Whereabouts
) -> float:
    """The share of what a part hides of the person that is not seen in another frame either."""
    was, now = sights[index].place, sights[there].place
    body = (pixels.offsets + np.array([start.x - was.x, start.y - was.y])) / was.size * now.size
    inside, at = _pixels_at(body + np.array([now.x, now.y]), sights[there])
    other = sights[there].unlike[at] > OTHER
    return float(other.mean()) if inside.any() else 1.0


def _pixels_at(points: Floats, sight: Sight) -> tuple[Mask, tuple[NDArray[np.int_], ...]]:
    """Which of some points (n, 2) lie in a frame, and the rows and columns of those."""
    height, width = sight.expected.shape
    x, y = np.floor(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return inside, (y[inside], x[inside])


def _covered(sight: Sight, pixels: Pixels, place: Whereabouts) -> tuple[float, float]:
    """The shares of a part where the person is expected, that stay as they were and that change."""
    inside, at = _pixels_at(pixels.offsets + np.array([place.x, place.y]), sight)
    unlike = np.abs(sight.image[at] - pixels.colours[inside]).max(axis=1)
    expected = sight.expected[at] > EXPECTED
    count = len(pixels.offsets)
    return (
        float((expected & (unlike < STILL_THERE)).sum() / count),
        float((expected & (unlike >= UNLIKE)).sum() / count),
    )
