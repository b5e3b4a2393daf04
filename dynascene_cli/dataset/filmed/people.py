"""Step 4, people: whether a clip shows exactly one person of a suitable size throughout."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import MIN_SCORE
from dynascene_cli.matting.person_detector import Detector
from dynascene_cli.shot import Image

TOLERANCE, LEAST_LOOKS = 0.1, 4
"""Share of the looks that may say otherwise, and of how many looks one always may: the detector
misses people and sees some twice."""

SEEN_SCORE = 0.3
"""Of the detector, from which somebody is seen at all; a second person counts from MIN_SCORE."""

OTHER_HEIGHT = 0.25
"""Of the surest person's height, from which somebody else counts as a second person."""


@dataclass(frozen=True)
class PeopleCheck:
    """``share``: the median share of the picture that the person's box takes, 0 where nobody is.

    ``fault``: why the clip is not of one person of a suitable size; empty where it is.
    """

    share: float
    fault: str


def check_people(
    frames: Iterable[Image], share_range: tuple[float, float], detect: Detector
) -> PeopleCheck:
    """Look for people in sampled frames (H, W, 3)."""
    least, largest = share_range
    faults: Counter[str] = Counter()
    shares = []
    looks = 0
    for frame in frames:
        looks += 1
        boxes = counted_people(detect(frame, SEEN_SCORE))
        if len(boxes) != 1:
            faults["nobody is seen" if len(boxes) == 0 else "several people are seen"] += 1
            continue
        width, height = boxes[0, 2:4] - boxes[0, :2]
        share = float(width * height / (frame.shape[0] * frame.shape[1]))
        shares.append(share)
        if share < least:
            faults["the person is too small"] += 1
        elif share > largest:
            faults["the person is too large"] += 1
    typical = float(np.median(shares)) if shares else 0.0
    allowed = max(TOLERANCE * looks, 1 if looks >= LEAST_LOOKS else 0)
    if sum(faults.values()) <= allowed:
        return PeopleCheck(typical, "")
    fault, count = faults.most_common(1)[0]
    return PeopleCheck(typical, f"{fault} in {count} of {looks} looks")


def counted_people(boxes: Floats) -> Floats:
    """The boxes (N, 5), best first, that count: the surest, and whom else it is sure enough of."""
    if not len(boxes):
        return boxes
    heights = boxes[:, 3] - boxes[:, 1]
    others = (boxes[1:, 4] >= MIN_SCORE) & (heights[1:] >= OTHER_HEIGHT * heights[0])
    return np.concatenate([boxes[:1], boxes[1:][others]])
