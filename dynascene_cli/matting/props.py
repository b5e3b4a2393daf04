"""Things that the followed person holds, wears, rides, throws or kicks.

NanoDet names them. One is taken up where a hand or a foot touches it, and followed from then on,
through the air too; furniture, vehicles and animals belong to the place. U²-Netp, looking at a
crop around the thing, makes its box into pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import COCO, intersection_over_union
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MattingState
from dynascene_cli.matting.crop_resampling import crop_picture, mask_in_crop
from dynascene_cli.matting.edge_refinement import ReducedPart, reduce_part, refine_alpha
from dynascene_cli.matting.pose import SIDE, Pose, crop_to_picture
from dynascene_cli.matting.prop_evidence import is_truncated, looks_like_place, sample_crop
from dynascene_cli.matting.ridden_things import is_ridden, ridden_mask
from dynascene_cli.matting.segmentation import salient_mask
from dynascene_cli.matting.temporal import carry_masks, steady_mask
from dynascene_cli.shot import Image

MAX_PROPS = 3
PROPS = (
    "bicycle",
    "backpack",
    "umbrella",
    "handbag",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "laptop",
    "remote",
    "cell phone",
    "book",
    "teddy bear",
    "hair drier",
    "toothbrush",
)
KINDS = frozenset(COCO[name] for name in PROPS)
BALLS = frozenset(COCO[name] for name in ("frisbee", "sports ball"))
ON_FEET = frozenset(COCO[name] for name in ("skis", "snowboard", "skateboard", "surfboard"))
EASILY_MISTAKEN = ON_FEET | frozenset(
    COCO[name] for name in ("backpack", "handbag", "suitcase", "umbrella", "laptop", "book")
)
TAKEN_SCORE, TAKEN_IF_DOUBTFUL_SCORE, FOLLOWED_SCORE = 0.35, 0.5, 0.25
"""Scores for a thing to be taken up, for one of EASILY_MISTAKEN to be, and to be followed on."""
HANDS_AND_FEET = (15, 16, 17, 18, 19, 20, 21, 22, 27, 28, 29, 30, 31, 32)
FACE, MOST_OF_FACE = range(11), 0.6
"""BlazePose's landmarks of the face, and the share of them that a box around a head holds."""
SEEN = 0.3
TOUCH = 0.04
"""Distance from a hand or foot, as a share of the person's size, that is a touch."""
LARGEST = 1.6
"""Area of a thing per the person's box beyond which it is none of theirs."""
FORGOTTEN_AFTER = 5
"""Frames for which a thing that is not seen is moved on as it last moved."""
DRAWN_UNSEEN = 2
"""Frames for which what is not seen stays in the matte: where it went is a guess."""
FARTHEST = 1.0
"""Distance from the person's box, per its height, at which a thing is let go."""
MARGIN = 1.6
UNSEEN_MARGIN = 2.6
"""How far around a ball that is not seen it is looked for, per its size."""
SALIENT_SIDE = 128
FILLED_SHARE = 0.2
"""Share of its box below which what stands out there is not the thing."""
RESHAPED = 1.5
"""How unlike a ball is of twice the height per width that was expected."""
COVERED = 0.6
"""Share of a followed thing's box within another box, from which that is no new thing."""
SAME_PLACE = 0.3
"""Overlap of boxes from which a thing of another name is still the same one."""


@dataclass(frozen=True, eq=False)
class Props:
    """The things followed: ``boxes`` (n, 4), ``kinds`` COCO's classes, ``unseen`` frames (n,),
    ``motions`` (n, 2) pixels a frame; what each looked like: ``masks``, ``images``, ``crops``.
    ``known`` are the classes (k,) of all that was ever followed.
    """

    boxes: Floats
    kinds: NDArray[np.int_]
    unseen: NDArray[np.int_]
    motions: Floats
    masks: FloatArray
    images: Image
    crops: Floats
    known: NDArray[np.int_]


def props_of_state(state: MattingState) -> Props:
    """The things that a matting model remembers."""
    return Props(*(state[f"prop_{name}"] for name in Props.__dataclass_fields__))


def state_of_props(props: Props) -> MattingState:
    """What a matting model remembers of things."""
    return {f"prop_{name}": getattr(props, name) for name in Props.__dataclass_fields__}


def no_props(known: NDArray[np.int_] | None = None) -> Props:
    """Nothing is held; ``known`` classes (k,) were."""
    return Props(
        np.zeros((0, 4)),
        np.zeros(0, int),
        np.zeros(0, int),
        np.zeros((0, 2)),
        np.zeros((0, SIDE, SIDE), np.float32),
        np.zeros((0, SIDE, SIDE, 3), np.uint8),
        np.zeros((0, 4)),
        np.zeros(0, int) if known is None else known,
    )


def follow_props(
    props: Props, things: Floats | None, pose: Pose | None, person: Floats, alpha: Image
) -> Props:
    """The things of the next frame, before their pixels are looked for.

    ``things`` (n, 6) are the detector's box, score and class, best first, None where it did not
    look; ``person`` (4,) the person's box and ``alpha`` (H, W) their matte.
    """
    candidates = np.zeros((0, 6)) if things is None else _drop_duplicates(things)
    size = float(max(person[2] - person[0], person[3] - person[1], 1.0))
    kept: list[tuple[Floats, int, int, Floats, int]] = []
    free = np.ones(len(candidates), bool)
    for i, box in enumerate(props.boxes):
        expected = box + np.tile(props.motions[i], 2)
        best = _match(expected, int(props.kinds[i]), candidates, free)
        if best is None:
            moved, unseen, motion = expected, int(props.unseen[i]) + 1, props.motions[i]
        else:
            free[best] = False
            moved, unseen = candidates[best, :4], 0
            step = (moved[:2] + moved[2:] - box[:2] - box[2:]) / 2 / (props.unseen[i] + 1)
            motion = step if props.unseen[i] == 0 else (step + props.motions[i]) / 2
        if unseen <= FORGOTTEN_AFTER and _gap(moved, person) <= FARTHEST * size:
            kept.append((moved, int(props.kinds[i]), unseen, motion, i))
    for candidate in candidates[free]:
        if any(_covers(candidate, each[0]) for each in kept):
            continue
        if len(kept) < MAX_PROPS and _is_taken(candidate, props.known, pose, person, alpha, size):
            kept.append((candidate[:4], int(candidate[5]), 0, np.zeros(2), -1))
    if not kept:
        return no_props(props.known)
    boxes, kinds, unseen_for, motions, sources = zip(*kept, strict=True)
    was = np.array(sources)

    def remembered(values: NDArray[np.generic], blank: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.stack([values[k] if k >= 0 else blank for k in was])

    return Props(
        np.stack(boxes),
        np.array(kinds),
        np.array(unseen_for),
        np.stack(motions),
        np.asarray(remembered(props.masks, np.zeros((SIDE, SIDE), np.float32)), np.float32),
        np.asarray(remembered(props.images, np.zeros((SIDE, SIDE, 3), np.uint8)), np.uint8),
        np.asarray(remembered(props.crops, np.full(4, np.nan)), float),
        np.union1d(props.known, kinds).astype(int),
    )


def _drop_duplicates(things: Floats) -> Floats:
    """Things of KINDS, best first, one where the detector gives several names to one place."""
    chosen: list[int] = []
    for i, thing in enumerate(things):
        if thing[4] < FOLLOWED_SCORE or int(thing[5]) not in KINDS:
            continue
        if not chosen or intersection_over_union(thing, things[chosen]).max() < 0.4:
            chosen.append(i)
    return things[chosen]


def _match(expected: Floats, kind: int, candidates: Floats, free: NDArray[np.bool_]) -> int | None:
    """The free candidate nearest to where a thing is expected, of like size.

    The detector may give one thing many names, but elsewhere another name is another thing.
    """
    if not free.any():
        return None
    size = float(max(expected[2] - expected[0], expected[3] - expected[1], 1.0))
    middles = (candidates[:, :2] + candidates[:, 2:4]) / 2
    distance = np.hypot(*(middles - (expected[:2] + expected[2:]) / 2).T) / size
    sides = np.maximum((candidates[:, 2:4] - candidates[:, :2]).max(axis=1), 1.0)
    unlike = distance + np.abs(np.log2(sides / size))
    same_kind = candidates[:, 5] == kind
    if kind in BALLS:
        same_kind = np.isin(candidates[:, 5], list(BALLS))
        # One box around ball and shoe is no ball: it keeps its shape, but for its blur.
        shapes = (candidates[:, 3] - candidates[:, 1]) / (candidates[:, 2] - candidates[:, 0])
        shape = (expected[3] - expected[1]) / (expected[2] - expected[0])
        unlike += RESHAPED * np.abs(np.log2(np.maximum(shapes, 0.1) / shape))
    unlike[~free | ~(same_kind | (intersection_over_union(expected, candidates) >= SAME_PLACE))] = (
        np.inf
    )
    best = int(np.argmin(unlike))
    return best if unlike[best] < 1.5 else None


def _covers(thing: Floats, other: Floats) -> bool:
    """Whether a thing's box covers most of another's: a thing and what it touches in one box."""
    shared = np.minimum(thing[2:4], other[2:4]) - np.maximum(thing[:2], other[:2])
    area = np.prod(np.maximum(other[2:4] - other[:2], 1.0))
    return bool(np.prod(np.maximum(shared, 0)) > COVERED * area)


def _gap(box: Floats, other: Floats) -> float:
    """Pixels between two boxes."""
    apart = np.maximum(np.maximum(other[:2] - box[2:4], box[:2] - other[2:4]), 0)
    return float(np.hypot(*apart))


def _is_taken(
    thing: Floats,
    known: NDArray[np.int_],
    pose: Pose | None,
    person: Floats,
    alpha: Image,
    size: float,
) -> bool:
    """Whether the person touches a thing that can be theirs; what they had before needs less."""
    kind = int(thing[5])
    extent = thing[2:4] - thing[:2]
    least = TAKEN_IF_DOUBTFUL_SCORE if kind in EASILY_MISTAKEN else TAKEN_SCORE
    if kind in known:
        least = FOLLOWED_SCORE
    if thing[4] < least or np.prod(extent) > LARGEST * np.prod(person[2:] - person[:2]):
        return False
    if pose is not None and kind in BALLS and _holds_head(thing, pose):
        return False
    if pose is not None:
        limbs = [i for i in HANDS_AND_FEET if pose.visibility[i] > SEEN]
        points = pose.points[limbs]
        away = np.maximum(np.maximum(thing[:2] - points, points - thing[2:4]), 0)
        if len(points) and np.hypot(*away.T).min() <= TOUCH * size:
            return True
    x0, y0, x1, y1 = (max(int(v), 0) for v in thing[:4])
    covered = alpha[y0:y1, x0:x1] >= 128
    return bool(covered.size and 0.05 < covered.mean() < 0.9 and kind in BALLS)


def _holds_head(thing: Floats, pose: Pose) -> bool:
    """Whether a box is around the person's head: a bathing cap is round as well."""
    face = pose.points[list(FACE)]
    inside = ((face >= thing[:2]) & (face <= thing[2:4])).all(axis=1)
    return bool(inside.mean() >= MOST_OF_FACE)


def add_props(
    frame: Image, alpha: Image, props: Props, person: Floats, asked: bool
) -> tuple[Image, Image | None, Props]:
    """The alpha (H, W) with the things in it, that of what is ridden, and how the things look.

    ``person`` (4,) is the person's box; ``asked`` says whether U²-Netp looks in this frame, or the
    last masks are carried along.
    """
    result = alpha.copy()
    ridden = np.zeros_like(alpha) if is_ridden(props.kinds).any() else None
    masks, images, crops = [], [], []
    for i, box in enumerate(props.boxes):
        x0, y0, x1, y1 = box
        crop = np.array([(x0 + x1) / 2, (y0 + y1) / 2, MARGIN * max(x1 - x0, y1 - y0, 12.0), 0.0])
        part = reduce_part(frame, crop)
        if part is None:
            masks.append(props.masks[i])
            images.append(props.images[i])
            crops.append(np.full(4, np.nan))
            continue
        image = crop_picture(part, crop)
        known = bool(np.isfinite(props.crops[i]).all())
        carried = None
        if known:
            past = (props.masks[i],)
            carried = carry_masks(image, crop, props.images[i], props.crops[i], past)
        rides = bool(is_ridden(props.kinds)[i])
        unseen = int(props.unseen[i]) > 0 and not rides
        if carried is None or rides or (asked and not unseen):
            if rides:
                mask = ridden_mask(frame, box, person, crop)
            else:
                is_ball = int(props.kinds[i]) in BALLS and not unseen
                was_seen = bool(props.masks[i].any())
                apart = _elsewhere_in_crop(alpha, crop)
                mask = _mask_in_box(part, image, crop, box, apart, (is_ball, was_seen))
            if carried is not None and mask is not None:
                mask = steady_mask(mask, carried.masks[0], carried.similarity)
        else:
            mask = None if unseen else carried.masks[0]
        if mask is None:
            mask = np.zeros((SIDE, SIDE), np.float32)
            if carried is not None:
                mask = np.asarray(carried.masks[0] * carried.similarity, np.float32)
        if rides or props.unseen[i] <= DRAWN_UNSEEN:
            layer = result if ridden is None or not rides else ridden
            np.maximum(layer, refine_alpha(frame, mask, crop, part), out=layer)
        if unseen and int(props.kinds[i]) in BALLS and props.unseen[i] <= DRAWN_UNSEEN:
            np.maximum(result, _ball_nearby(frame, box, alpha), out=result)
        masks.append(mask)
        images.append(image)
        crops.append(crop)
    if not masks:
        return result, ridden, props
    seen = np.stack(masks), np.stack(images), np.stack(crops)
    return (
        result,
        ridden,
        Props(props.boxes, props.kinds, props.unseen, props.motions, *seen, props.known),
    )


def _ball_nearby(frame: Image, box: Floats, alpha: Image) -> Image:
    """What stands out (H, W) about where a ball is expected that turned unseen, at the person.

    Nothing where it does not adjoin their ``alpha`` (H, W), or is much larger than a ball.
    """
    side = max(box[2] - box[0], box[3] - box[1], 12.0)
    crop = np.array([*((box[:2] + box[2:]) / 2), UNSEEN_MARGIN * side, 0.0])
    part = reduce_part(frame, crop)
    if part is None:
        return np.zeros_like(alpha)
    mask = mask_in_crop(salient_mask(part.image, SALIENT_SIDE), part, crop)
    person = _elsewhere_in_crop(alpha, crop)
    count, labels = cv2.connectedComponents(((mask > 0.5) & ~person).astype(np.uint8))
    beside = cv2.dilate(person.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    area = np.pi / 4 * (SIDE / UNSEEN_MARGIN) ** 2
    sizes = np.bincount(labels.ravel(), minlength=count)
    kept = np.isin(np.arange(count), labels[beside]) & (sizes < 1.3 * area) & (sizes > 0.1 * area)
    kept[0] = False
    shown = cv2.dilate(kept[labels].astype(np.float32), np.ones((9, 9), np.uint8))
    return refine_alpha(frame, np.asarray(mask * shown, np.float32), crop, part)


def _elsewhere_in_crop(alpha: Image, crop: Floats) -> NDArray[np.bool_]:
    """Where a crop (256, 256) shows the person of a matte (H, W), or lies outside the picture."""
    person = cv2.dilate(sample_crop(alpha, crop, SIDE), np.ones((5, 5), np.uint8)) >= 64
    return np.asarray(person | (sample_crop(np.full_like(alpha, 255), crop, SIDE) < 255))


def _mask_in_box(
    part: ReducedPart,
    image: Image,
    crop: Floats,
    box: Floats,
    elsewhere: NDArray[np.bool_],
    ball: tuple[bool, bool],
) -> FloatArray | None:
    """What stands out (256, 256) inside a thing's box, nothing where that is a piece of the place.

    None where hardly anything stands out. ``ball`` says whether it is one, and whether it was drawn
    before: then, if it blurs or matches the place, its round outline is what is left of it.
    """
    is_ball, was_seen = ball
    to_crop = cv2.invertAffineTransform(crop_to_picture(crop))
    x0, y0 = to_crop[:, :2] @ box[:2] + to_crop[:, 2]
    x1, y1 = to_crop[:, :2] @ box[2:] + to_crop[:, 2]
    inside = np.zeros((SIDE, SIDE), np.float32)
    margin = 0.06 * max(x1 - x0, y1 - y0)
    low = np.round([x0 - margin, y0 - margin]).astype(int)
    high = np.round([x1 + margin, y1 + margin]).astype(int)
    cv2.rectangle(inside, low.tolist(), high.tolist(), 1.0, -1)
    window = inside > 0
    salient = mask_in_crop(salient_mask(part.image, SALIENT_SIDE), part, crop)
    mask = np.asarray(salient * cv2.GaussianBlur(inside, (0, 0), max(margin / 2, 0.5)), np.float32)
    place = ~window & ~elsewhere & (salient < 0.3)
    if is_truncated(salient, window, elsewhere) or looks_like_place(
        image, (mask > 0.5) & ~elsewhere, place
    ):
        mask = np.zeros_like(mask)
        if not is_ball:
            return mask
    if is_ball:
        outline = np.zeros((SIDE, SIDE), np.float32)
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        axes = (max(x1 - x0, 2.0), max(y1 - y0, 2.0))
        cv2.ellipse(outline, (middle, axes, 0.0), 1.0, -1)
        outline = np.asarray(cv2.GaussianBlur(outline, (0, 0), 2.0), np.float32)
        if not was_seen and looks_like_place(image, (outline > 0.5) & ~elsewhere, place):
            return np.zeros_like(mask)
        covered = float((mask * outline).sum() / max(float(outline.sum()), 1.0))
        mask = np.maximum(mask, outline) if covered < 0.75 else mask
    elif float(mask.sum()) < FILLED_SHARE * max((x1 - x0) * (y1 - y0), 1.0):
        return None
    return mask
