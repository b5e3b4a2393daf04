"""The model that needs nothing: several small networks' masks, fused, steadied and refined."""

from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MatteFrame, MattingState, Quality, empty_matte
from dynascene_cli.matting.crop_resampling import boxes_in_crop, crop_picture, mask_in_crop
from dynascene_cli.matting.edge_refinement import ReducedPart, reduce_part, refine_alpha
from dynascene_cli.matting.faded_parts import decide_faded_parts
from dynascene_cli.matting.fusion import (
    Opinions,
    attached_part,
    fuse_masks,
    keep_plausible,
    nearness,
    share_at_once,
)
from dynascene_cli.matting.known_place import (
    no_place,
    place_of_state,
    remove_known_place,
    state_of_place,
)
from dynascene_cli.matting.pose import (
    BODY,
    SIDE,
    crop_of_pose,
    crop_to_picture,
    crop_with_box,
    landmarks_of,
    mask_of_pose,
    mask_seen_twice,
    remove_specks,
)
from dynascene_cli.matting.pose_tracking import (
    CHANGED_MUCH,
    NOWHERE,
    PersonView,
    cut_by_frame,
    follow_person,
    following_state,
)
from dynascene_cli.matting.props import (
    Props,
    add_props,
    follow_props,
    no_props,
    props_of_state,
    state_of_props,
)
from dynascene_cli.matting.segmentation import salient_mask, selfie_mask
from dynascene_cli.matting.temporal import (
    CarriedMasks,
    carry_masks,
    resample_between_crops,
    steady_mask,
)
from dynascene_cli.numerics.threads import call_in_threads
from dynascene_cli.shot import LANDMARKS, Image

CUT_MEMORY = 0.6
"""How much of the last frame's share of being cut is kept, so that nothing pops."""
LEAST_CUT = 0.05
MOSTLY_CUT = 0.5
"""Shares below which only the pose's mask is taken, and from which the box alone is cropped."""
BOX_MARGIN = 1.3
AROUND = 0.12
"""How far beyond the box the person may reach, as a share of the crop."""
WIDER, MOST_WIDENED = 1.4, 2
"""By how much, and how often, a crop is enlarged whose edge cuts the person."""
CUT_LENGTH = 0.02
"""Length of such a cut, as a share of the crop's side."""
SALIENT_EVERY, PROP_EVERY = 3, 2
"""Frames after which U²-Netp looks again at the person, and at what they hold."""
SALIENT_SIDE, FAST_SALIENT_SIDE, BEST_SALIENT_SIDE = 256, 192, 320
"""At what size: where it looks at every frame, since nothing can be carried along, at a smaller."""
KEPT_AREA = 0.4
"""Share of the last mask's area that must be seen again where nobody was detected."""
MOST_FAILURES = 8
"""Frames in a row that are filled from the one before: a matte that keeps failing is believed."""
AREA_STEP, STEADY_STEP = 0.6, 1.3


@dataclass(frozen=True, eq=False)
class _Sight:
    """What the networks see of the person in a crop (4,), all of it (256, 256).

    ``image`` is the crop of the picture's ``part``, ``carried`` what the last frame says,
    ``changed`` the share of the person that looks different, ``salient`` what stands out, as of
    ``salient_age`` frames ago, ``mask`` the person.
    """

    crop: Floats
    part: ReducedPart
    image: Image
    carried: CarriedMasks | None
    changed: float
    salient: FloatArray | None
    salient_age: int
    mask: FloatArray


class BundledMattingModel:
    """NanoDet and BlazePose follow a person, three networks mask them, colours find the edge."""

    name = "bundled"

    def __init__(self, quality: Quality = "default", props: bool = True) -> None:
        self._props = props
        self._best = quality == "best"
        names = ("nanodet", "blazepose", "selfie-segmentation", "rembg:u2netp")
        used = [weights.find(name).sha256[:12] for name in names]
        self.identity = "-".join(["bundled", quality, "props" if props else "no-props", *used])

    def initial_state(self, box: Floats) -> MattingState:
        """Nothing is known but the chosen person's box (4,), NaN if unknown."""
        return {
            **following_state(box),
            "cut": np.array(0.0),
            "failures": np.array(0),
            "changed": np.array(0.0),
            "box_beyond_mask": np.zeros(4),
            "past_crop": NOWHERE,
            "past_mask": np.zeros((SIDE, SIDE), np.float32),
            "past_image": np.zeros((SIDE, SIDE, 3), np.uint8),
            "salient": np.zeros((SIDE, SIDE), np.float32),
            "salient_age": np.array(-1),
            **state_of_props(no_props()),
            **state_of_place(no_place()),
            "prop_look": np.array(0),
        }

    def _lost(self, state: MattingState) -> MattingState:
        """What is left to know where nobody is seen: whom to look for, and what they held."""
        held = no_props(state["prop_known"])
        place = state_of_place(place_of_state(state))
        return {**self.initial_state(state["box"]), **state_of_props(held), **place}

    def step(self, frame: Image, state: MattingState) -> tuple[MatteFrame, MattingState]:
        """The next frame's matte, and what to remember for the frame after it."""
        height, width = frame.shape[:2]
        view = follow_person(frame, state)
        if view is None:
            return empty_matte(height, width), self._lost(state)
        cut = cut_by_frame(view, width, height)
        if np.isfinite(state["past_crop"]).all():
            cut += CUT_MEMORY * (float(state["cut"]) - cut)
        sight = self._look(frame, view, state, cut, _crop_of_view(view, cut))
        for _ in range(MOST_WIDENED):
            if sight is None or cut < MOSTLY_CUT or not _is_cut_by_crop(sight, width, height):
                break
            sight = self._look(frame, view, state, cut, sight.crop * [1, 1, WIDER, 1])
        if sight is None:
            return empty_matte(height, width), self._lost(state)
        crop, part, carried = sight.crop, sight.part, sight.carried
        mask, doubted = _settled(sight.mask, view, crop, carried, state)
        if (
            not view.detected
            and view.pose is None
            and not _still_there(mask, carried, boxes_in_crop(view.box[None], crop))
        ):
            return empty_matte(height, width), self._lost(state)
        body = alpha = refine_alpha(frame, mask, crop, part)
        props, ridden = no_props(), None
        if self._props:
            alpha, ridden, props = _hold_props(frame, body, view, state)
        whole = alpha if ridden is None else np.maximum(alpha, ridden)
        whole, place = remove_known_place(frame, whole, place_of_state(state))
        alpha, faded = decide_faded_parts(whole if ridden is None else np.minimum(alpha, whole))
        if ridden is not None:
            # Spokes are half-transparent in truth: they are not decided.
            alpha = np.maximum(alpha, np.minimum(ridden, whole))
        remembered = {
            **state_of_props(props),
            **state_of_place(place),
            "prop_look": state["prop_look"] + 1,
            **_next_following(view, mask, crop, state),
            "cut": np.array(cut),
            "failures": (state["failures"] + 1) * doubted,
            "changed": np.array(sight.changed),
            "past_crop": crop,
            "past_mask": mask,
            "past_image": sight.image,
            "salient": np.zeros_like(mask) if sight.salient is None else sight.salient,
            "salient_age": np.array(sight.salient_age),
        }
        made = _matte_frame(alpha, view, props)
        came = 0.0 if carried is None else share_at_once(mask, carried.masks[0])
        held = body if len(props.boxes) else None
        return replace(made, filled=doubted, faded=faded, came=came, body=held), remembered

    def _look(
        self, frame: Image, view: PersonView, state: MattingState, cut: float, crop: Floats
    ) -> "_Sight | None":
        """What the networks see in a crop of the frame; None where it misses the frame."""
        known = view.part if view.pose is not None and crop is view.pose.crop else None
        part = known or reduce_part(frame, crop)
        if part is None:
            return None
        image = crop_picture(part, crop)

        def carry() -> tuple[CarriedMasks | None, float, FloatArray | None, int]:
            carried = None
            if np.isfinite(state["past_crop"]).all():
                past = (state["past_mask"], state["salient"])
                carried = carry_masks(image, crop, state["past_image"], state["past_crop"], past)
            changed = 0.0 if carried is None else _changed_share(carried)
            age = int(state["salient_age"])
            return carried, changed, *self._salient(part, crop, cut, carried, age, changed)

        mask, (carried, changed, salient, age) = call_in_threads(
            partial(_pose_mask, view, crop, cut), carry
        )
        if mask is None or (cut > 0 and (cut >= LEAST_CUT or salient is not None)):
            mask = fuse_masks(_opinions(view, mask, part, crop, cut, carried, salient, age), cut)
        return _Sight(crop, part, image, carried, changed, salient, age, mask)

    def _salient(
        self,
        part: ReducedPart,
        crop: Floats,
        cut: float,
        carried: CarriedMasks | None,
        age: int,
        changed: float,
    ) -> tuple[FloatArray | None, int]:
        """What stands out (256, 256), seen anew or carried along, and its age in frames."""
        if cut < LEAST_CUT and not self._best:
            return None, -1
        fast = changed > CHANGED_MUCH
        if carried is not None and 0 <= age < SALIENT_EVERY - 1 and not (self._best or fast):
            return carried.masks[1], age + 1
        side = FAST_SALIENT_SIDE if fast else SALIENT_SIDE
        if self._best:
            side = BEST_SALIENT_SIDE
        return mask_in_crop(salient_mask(part.image, side), part, crop), 0


def _is_cut_by_crop(sight: _Sight, width: int, height: int) -> bool:
    """Whether an edge of a crop cuts the person inside the picture."""
    corners = np.array([[0.5, 0.5], [SIDE - 0.5, SIDE - 0.5]])
    to_picture = crop_to_picture(sight.crop)
    (x0, y0), (x1, y1) = corners @ to_picture[:, :2].T + to_picture[:, 2]
    person = sight.mask > 0.5
    sides = (
        (person[:, 0], x0 > 0),
        (person[0], y0 > 0),
        (person[:, -1], x1 < width),
        (person[-1], y1 < height),
    )
    return any(goes_on and edge.sum() > CUT_LENGTH * SIDE for edge, goes_on in sides)


def _settled(
    mask: FloatArray,
    view: PersonView,
    crop: Floats,
    carried: CarriedMasks | None,
    state: MattingState,
) -> tuple[FloatArray, bool]:
    """A fused mask (256, 256) steadied and rid of specks, and whether it fails and was filled."""
    if carried is not None:
        mask = steady_mask(mask, carried.masks[0], carried.similarity)
    points = np.zeros((0, 2)) if view.pose is None else view.pose.points[BODY]
    mask = remove_specks(mask, crop, points)
    if carried is None or int(state["failures"]) >= MOST_FAILURES:
        return mask, False
    steady = view.detected and _alike(view.box, state["box"])
    plausible = keep_plausible(mask, carried.masks[0], carried.similarity, steady)
    return plausible, plausible is not mask


def _matte_frame(alpha: Image, view: PersonView, props: Props) -> MatteFrame:
    """The matte of a frame in which the person was seen."""
    landmarks, visibility = np.full((len(LANDMARKS), 2), np.nan), np.zeros(len(LANDMARKS))
    if view.pose is not None:
        landmarks, visibility = landmarks_of(view.pose, alpha)
    detection = view.box if view.detected else NOWHERE
    return MatteFrame(alpha, landmarks, visibility, True, detection, props.boxes, held=props.kinds)


def _changed_share(carried: CarriedMasks) -> float:
    """How much of the person looks different from the last frame, 0..1."""
    person = carried.masks[0] > 0.5
    return 1 - float(carried.similarity[person].mean()) if person.any() else 1.0


def _crop_of_view(view: PersonView, cut: float) -> Floats:
    """The crop (4,) in which the masks are fused: the pose's, or one around a cut body's box."""
    if view.pose is not None and cut < MOSTLY_CUT:
        return view.pose.crop
    x0, y0, x1, y1 = view.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, BOX_MARGIN * max(x1 - x0, y1 - y0, 16.0), 0.0])


def _hold_props(
    frame: Image, alpha: Image, view: PersonView, state: MattingState
) -> tuple[Image, Image | None, Props]:
    """The alpha with what the person holds, that of what they ride, and what these are."""
    known = props_of_state(state)
    props = follow_props(known, view.things, view.pose, view.box, alpha)
    fresh = int(state["prop_look"]) % PROP_EVERY == 0
    return add_props(frame, alpha, props, view.box, fresh)


def _pose_mask(view: PersonView, crop: Floats, cut: float) -> FloatArray | None:
    """BlazePose's mask (256, 256) in a crop, None where no landmarks fit."""
    if view.pose is None:
        return None
    mask = mask_seen_twice(view.pose) if cut < 1 else mask_of_pose(view.pose)
    if view.pose.crop is crop:
        return mask
    between = resample_between_crops(view.pose.crop, crop)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask, between, (SIDE, SIDE), flags=flags), np.float32)


def _opinions(
    view: PersonView,
    pose: FloatArray | None,
    part: ReducedPart,
    crop: Floats,
    cut: float,
    carried: CarriedMasks | None,
    salient: FloatArray | None,
    age: int,
) -> Opinions:
    """What every network that is asked about the person says."""
    asked = cut >= LEAST_CUT or salient is not None
    selfie = mask_in_crop(selfie_mask(part.image), part, crop) if asked else None
    trust = np.ones((SIDE, SIDE), np.float32)
    if age > 0 and carried is not None:
        trust = np.asarray(carried.similarity, np.float32)
    elsewhere = boxes_in_crop(view.others, crop) * (1 - boxes_in_crop(view.box[None], crop))
    body = boxes_in_crop(view.box[None], crop)
    around = nearness(body > 0, AROUND)
    unforeseen = carried is None or _changed_share(carried) > CHANGED_MUCH
    if unforeseen and selfie is not None and salient is not None and age == 0:
        agreed = attached_part(selfie * (1 - elsewhere), salient, body)
        around = np.maximum(around, nearness(agreed, AROUND / 4))
    if carried is not None:
        around = np.maximum(around, nearness(carried.masks[0] > 0.5, AROUND / 2))
    known = None if carried is None else carried.masks[0]
    return Opinions(pose, selfie, salient, trust, known, elsewhere, around)


def _alike(box: Floats, past: Floats) -> bool:
    """Whether two boxes are of like size."""
    sizes = (box[2:] - box[:2]) / np.maximum(past[2:] - past[:2], 1.0)
    return bool((sizes > 1 / STEADY_STEP).all() and (sizes < STEADY_STEP).all())


def _still_there(mask: FloatArray, carried: CarriedMasks | None, box: FloatArray) -> bool:
    """Whether a mask of somebody undetected covers enough of the last one, or else of the box."""
    before = (box if carried is None else carried.masks[0]) > 0.5
    return bool((mask[before] > 0.5).sum() >= KEPT_AREA * max(int(before.sum()), 1))


def _next_following(
    view: PersonView, mask: FloatArray, crop: Floats, state: MattingState
) -> MattingState:
    """Where the person will be looked for in the next frame.

    Between detections the box moves with the mask's, unless that shrinks or grows at once.
    """
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    box, beyond = view.box, state["box_beyond_mask"]
    if len(rows):
        corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], float)
        square = np.array([[x, y] for x in corners[:, 0] for y in corners[:, 1]])
        turned = square @ crop_to_picture(crop)[:, :2].T + crop_to_picture(crop)[:, 2]
        around = np.concatenate([turned.min(axis=0), turned.max(axis=0)])
        if view.looked == 0 and view.detected:
            beyond = box - around
        else:
            moved = around + beyond
            sizes = (moved[2:] - moved[:2]) / np.maximum(box[2:] - box[:2], 1.0)
            if (sizes > AREA_STEP).all() and (sizes < 1 / AREA_STEP).all():
                box = moved
    next_crop = NOWHERE
    if view.pose is not None:
        next_crop = crop_of_pose(view.pose)
        if np.isfinite(box).all():
            next_crop = crop_with_box(next_crop, box)
    return {
        "box": box,
        "box_beyond_mask": beyond,
        "crop": next_crop,
        "others": view.others,
        "looked": np.array(view.looked),
        "detected": np.array(view.detected),
    }
