"""The matter that needs nothing: several small networks' masks, fused, steadied and refined."""

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.matting.following import (
    NOWHERE,
    Sighting,
    cut_by_frame,
    following_state,
    sighted,
)
from dynascene_cli.matting.fusion import Opinions, fused_mask
from dynascene_cli.matting.matter import MatteFrame, MatterState, Quality, empty_matte
from dynascene_cli.matting.pose import (
    BODY,
    SIDE,
    between_indices,
    crop_of_pose,
    crop_to_picture,
    crop_with_box,
    landmarks_of,
    mask_seen_twice,
    without_specks,
)
from dynascene_cli.matting.refinement import ReducedPart, reduced_part, refined_alpha
from dynascene_cli.matting.segmentation import salient_mask, selfie_mask
from dynascene_cli.matting.stability import (
    CarriedMasks,
    carried_masks,
    crop_to_crop,
    steadied_mask,
)
from dynascene_cli.onnx_network import Tensor
from dynascene_cli.shot import LANDMARKS, Image

CUT_MEMORY = 0.6
"""How much of the last frame's share of being cut is kept, so that nothing pops."""
LEAST_CUT = 0.05
MOSTLY_CUT = 0.5
"""Shares below which only the pose's mask is taken, and from which the box alone is cropped."""
BOX_MARGIN = 1.3
SALIENT_EVERY = 3
CHANGED = 0.35
"""Frames after which U²-Netp looks again, and the share of the person that has changed by then."""
KEPT_AREA = 0.4
"""Share of the last mask's area that must be seen again where nobody was detected."""
AREA_STEP = 0.6


class BundledMatter:
    """NanoDet and BlazePose follow a person, three networks mask them, colours find the edge."""

    name = "bundled"

    def __init__(self, quality: Quality = "default") -> None:
        self._best = quality == "best"
        names = ("nanodet", "blazepose", "selfie-segmentation", "rembg:u2netp")
        used = [weights.find(name).sha256[:12] for name in names]
        self.identity = "-".join(["bundled", quality, *used])

    def initial_state(self, box: Floats) -> MatterState:
        """Nothing is known but the chosen person's box (4,), NaN if unknown."""
        return {
            **following_state(box),
            "cut": np.array(0.0),
            "box_beyond_mask": np.zeros(4),
            "past_crop": NOWHERE,
            "past_mask": np.zeros((SIDE, SIDE), np.float32),
            "past_image": np.zeros((SIDE, SIDE, 3), np.uint8),
            "salient": np.zeros((SIDE, SIDE), np.float32),
            "salient_age": np.array(-1),
        }

    def step(self, frame: Image, state: MatterState) -> tuple[MatteFrame, MatterState]:
        """The next frame's matte, and what to remember for the frame after it."""
        height, width = frame.shape[:2]
        sighting = sighted(frame, state)
        if sighting is None:
            return empty_matte(height, width), self.initial_state(state["box"])
        cut = cut_by_frame(sighting, width, height)
        known = bool(np.isfinite(state["past_crop"]).all())
        if known:
            cut += CUT_MEMORY * (float(state["cut"]) - cut)
        crop = _crop_of_sighting(sighting, cut)
        part = reduced_part(frame, crop)
        if part is None:
            return empty_matte(height, width), self.initial_state(state["box"])
        image = _cut_out(part, crop)
        carried = None
        if known:
            past = (state["past_mask"], state["salient"])
            carried = carried_masks(image, crop, state["past_image"], state["past_crop"], past)
        salient, age = self._salient(part, crop, cut, carried, int(state["salient_age"]))
        mask = fused_mask(_opinions(sighting, part, crop, cut, carried, salient, age), cut)
        if carried is not None:
            mask = steadied_mask(mask, carried.masks[0], carried.similarity)
        points = np.zeros((0, 2)) if sighting.pose is None else sighting.pose.points[BODY]
        mask = without_specks(mask, crop, points)
        if not sighting.detected and sighting.pose is None and not _still_there(mask, carried):
            return empty_matte(height, width), self.initial_state(state["box"])
        alpha = refined_alpha(frame, mask, crop, part)
        remembered = {
            **_next_following(sighting, mask, crop, state),
            "cut": np.array(cut),
            "past_crop": crop,
            "past_mask": mask,
            "past_image": image,
            "salient": np.zeros_like(mask) if salient is None else salient,
            "salient_age": np.array(age),
        }
        landmarks, visibility = np.full((len(LANDMARKS), 2), np.nan), np.zeros(len(LANDMARKS))
        if sighting.pose is not None:
            landmarks, visibility = landmarks_of(sighting.pose, alpha)
        detection = sighting.box if sighting.detected else NOWHERE
        return MatteFrame(alpha, landmarks, visibility, True, detection), remembered

    def _salient(
        self, part: ReducedPart, crop: Floats, cut: float, carried: CarriedMasks | None, age: int
    ) -> tuple[Tensor | None, int]:
        """What stands out (256, 256), seen anew or carried along, and its age in frames."""
        if cut < LEAST_CUT and not self._best:
            return None, -1
        if carried is not None and 0 <= age < SALIENT_EVERY - 1 and not self._best:
            person = carried.masks[0] > 0.5
            if person.any() and 1 - carried.similarity[person].mean() < CHANGED:
                return carried.masks[1], age + 1
        return _in_crop(salient_mask(part.image), part, crop), 0


def _crop_of_sighting(sighting: Sighting, cut: float) -> Floats:
    """The crop (4,) in which the masks are fused: the pose's, or one around a cut body's box."""
    if sighting.pose is not None and cut < MOSTLY_CUT:
        return sighting.pose.crop
    x0, y0, x1, y1 = sighting.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, BOX_MARGIN * max(x1 - x0, y1 - y0, 16.0), 0.0])


def _to_part(part: ReducedPart, crop: Floats) -> Floats:
    linear = np.vstack([part.from_picture, [0, 0, 1]]) @ np.vstack(
        [crop_to_picture(crop), [0, 0, 1]]
    )
    return between_indices(linear[:2])


def _cut_out(part: ReducedPart, crop: Floats) -> Image:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(part.image, _to_part(part, crop), (SIDE, SIDE), flags=flags)
    return np.asarray(cut, np.uint8)


def _in_crop(mask: Tensor, part: ReducedPart, crop: Floats) -> Tensor:
    """A mask (h, w) of a part of the picture, where a crop (256, 256) shows it."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        mask, _to_part(part, crop), (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def _opinions(
    sighting: Sighting,
    part: ReducedPart,
    crop: Floats,
    cut: float,
    carried: CarriedMasks | None,
    salient: Tensor | None,
    age: int,
) -> Opinions:
    """What every network that is asked about the person says."""
    pose = None
    if sighting.pose is not None:
        pose = mask_seen_twice(sighting.pose)
        if sighting.pose.crop is not crop:
            between = crop_to_crop(sighting.pose.crop, crop)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            pose = np.asarray(cv2.warpAffine(pose, between, (SIDE, SIDE), flags=flags), np.float32)
    asked = cut >= LEAST_CUT or salient is not None
    selfie = _in_crop(selfie_mask(part.image), part, crop) if asked else None
    trust = np.ones((SIDE, SIDE), np.float32)
    if age > 0 and carried is not None:
        trust = np.asarray(carried.similarity, np.float32)
    elsewhere = _boxes_in_crop(sighting.others, crop) * (1 - _boxes_in_crop([sighting.box], crop))
    return Opinions(
        pose, selfie, salient, trust, None if carried is None else carried.masks[0], elsewhere
    )


def _boxes_in_crop(boxes: Floats | list[Floats], crop: Floats) -> Tensor:
    """1 inside boxes of the picture, 0 elsewhere, where a crop (256, 256) shows them."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    to_crop = cv2.invertAffineTransform(crop_to_picture(crop))
    for x0, y0, x1, y1 in np.asarray(boxes, float).reshape(-1, 4):
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        inside = np.round(corners @ to_crop[:, :2].T + to_crop[:, 2]).astype(np.int32)
        cv2.fillConvexPoly(drawn, inside, 1)
    return drawn.astype(np.float32)


def _still_there(mask: Tensor, carried: CarriedMasks | None) -> bool:
    """Whether a mask of somebody whom nothing detected covers enough of the last one."""
    if carried is None:
        return False
    before = carried.masks[0] > 0.5
    return bool((mask[before] > 0.5).sum() >= KEPT_AREA * max(int(before.sum()), 1))


def _next_following(
    sighting: Sighting, mask: Tensor, crop: Floats, state: MatterState
) -> MatterState:
    """Where the person will be looked for in the next frame.

    Between detections the box moves with the mask's, unless that shrinks or grows at once.
    """
    rows, columns = (
        np.flatnonzero((mask > 0.5).any(axis=1)),
        np.flatnonzero((mask > 0.5).any(axis=0)),
    )
    box, beyond = sighting.box, state["box_beyond_mask"]
    if len(rows):
        corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], float)
        square = np.array([[x, y] for x in corners[:, 0] for y in corners[:, 1]])
        turned = square @ crop_to_picture(crop)[:, :2].T + crop_to_picture(crop)[:, 2]
        around = np.concatenate([turned.min(axis=0), turned.max(axis=0)])
        if sighting.looked == 0:
            beyond = box - around
        else:
            moved = around + beyond
            sizes = (moved[2:] - moved[:2]) / np.maximum(box[2:] - box[:2], 1.0)
            if (sizes > AREA_STEP).all() and (sizes < 1 / AREA_STEP).all():
                box = moved
    next_crop = NOWHERE
    if sighting.pose is not None:
        next_crop = crop_of_pose(sighting.pose)
        if np.isfinite(box).all():
            next_crop = crop_with_box(next_crop, box)
    return {
        "box": box,
        "box_beyond_mask": beyond,
        "crop": next_crop,
        "others": sighting.others,
        "looked": np.array(sighting.looked),
        "detected": np.array(sighting.detected),
    }
