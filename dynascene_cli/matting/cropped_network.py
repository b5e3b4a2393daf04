"""Any network as a matting model: shown the followed person's part of the picture, steadied."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import MIN_SCORE
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MatteFrame, MattingState
from dynascene_cli.matting.external import alpha_box, matte_of_given_alpha
from dynascene_cli.matting.person_detector import most_alike, people_boxes
from dynascene_cli.matting.person_region import (
    SOLID,
    has_separate_pieces,
    other_people,
    person_region_around,
    remove_other_people,
    resample_region,
    touches_inner_edge,
    whole_region,
)
from dynascene_cli.matting.pose_tracking import FAINT_SCORE, NOWHERE, following_state
from dynascene_cli.matting.temporal import move_masks, steady_mask
from dynascene_cli.shot import Image

LOOK_EVERY = 8
"""Frames after which the person is looked for again, though nothing seems amiss."""
OWN = "network/"
"""What the names of this module's own arrays begin with in a state."""


class AlphaNetwork(Protocol):
    """A network that turns pictures of a person into alphas, one after the other.

    ``identity`` tells its weights, for cache keys. ``memory_strides``: the pictures' pixels per
    pixel of each array (1, H, W, C) that a recurrent network remembers; empty for the others,
    whose alphas need steadying.
    """

    name: str
    identity: str
    memory_strides: Mapping[str, int]

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) at which it wants a picture of that size."""
        ...

    def initial_memory(self) -> dict[str, FloatArray]:
        """What it remembers before the first picture; arrays of one pixel fit any size."""
        ...

    def alpha(
        self, image: Image, memory: dict[str, FloatArray]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The alpha (H, W) in 0..1 of an RGB picture of its size, and what to remember."""
        ...


class CroppedMattingModel:
    """A network's alphas of one followed person.

    The network sees the part of the picture around the person, which is looked for anew now and
    then and whenever the alpha reaches an edge of that part; pieces of the alpha that are other
    people are dropped; what flickers is steadied along the motion, as in the bundled model.
    """

    def __init__(self, network: AlphaNetwork) -> None:
        self._network = network
        self.name = network.name
        self.identity = f"{network.identity}-cropped"

    def initial_state(self, box: Floats) -> MattingState:
        """The chosen person's box (4,), NaN if unknown, and an empty memory."""
        memory = self._network.initial_memory()
        return {
            **following_state(box),
            f"{OWN}region": np.full(4, np.nan),
            f"{OWN}alpha_box": np.full(4, np.nan),
            f"{OWN}age": np.array(LOOK_EVERY),
            f"{OWN}alpha": np.zeros((1, 1), np.float32),
            f"{OWN}image": np.zeros((1, 1, 3), np.uint8),
            **{f"{OWN}memory/{name}": array for name, array in memory.items()},
        }

    def step(self, frame: Image, state: MattingState) -> tuple[MatteFrame, MattingState]:
        """The next frame's matte, and what to remember for the frame after it."""
        height, width = frame.shape[:2]
        own = {name.removeprefix(OWN): a for name, a in state.items() if name.startswith(OWN)}
        following = {name: a for name, a in state.items() if not name.startswith(OWN)}
        sight = _Sight(frame, own["alpha_box"], following["box"])
        region = _chosen_region(sight, own)
        made = self._made(frame, region, own)
        if not (made["alpha"] >= SOLID).any() and region.tolist() != [0, 0, width, height]:
            region = whole_region(height, width)
            made = self._made(frame, region, own)
        alpha = made["alpha"]
        if has_separate_pieces(alpha) and (ours := sight.person) is not None:
            alpha = remove_other_people(alpha, region, ours, other_people(ours, sight.people))
        x0, y0, x1, y1 = region.astype(int)
        whole = np.zeros((height, width), np.uint8)
        whole[y0:y1, x0:x1] = np.clip(_enlarge(alpha, (x1 - x0, y1 - y0)) * 255 + 0.5, 0, 255)
        remembered = {
            **made,
            "region": region,
            "alpha": alpha,
            "alpha_box": alpha_box(whole),
            "age": np.array(0 if sight.looked else own["age"] + 1),
        }
        matte, followed = matte_of_given_alpha(frame, whole, following)
        detection = sight.person[:4] if sight.looked and sight.person is not None else NOWHERE
        return replace(matte, detection=detection), {
            **followed,
            **{OWN + name: array for name, array in remembered.items()},
        }

    def _made(self, frame: Image, region: Floats, own: MattingState) -> MattingState:
        """The steadied ``alpha`` of a region, the ``image`` that the network saw, its memory."""
        x0, y0, x1, y1 = region.astype(int)
        size = self._network.input_size(x1 - x0, y1 - y0)
        image = _resize(frame[y0:y1, x0:x1], size)
        memory = _resample_memory(region, size, own, self._network.memory_strides)
        alpha, memory = self._network.alpha(image, memory)
        if not self._network.memory_strides and np.isfinite(own["region"]).all():
            known = resample_region(own["alpha"], own["region"], region, size)
            before = resample_region(own["image"], own["region"], region, size)
            moved = move_masks(image, before, (known,))
            alpha = steady_mask(alpha, moved.masks[0], moved.similarity)
        kept = {f"memory/{name}": array for name, array in memory.items()}
        return {"alpha": alpha, "image": image, **kept}


class _Sight:
    """The people in one frame, looked for at most once and only when somebody asks."""

    def __init__(self, frame: Image, alpha_box: Floats, followed_box: Floats) -> None:
        self.frame = frame
        self.last_box = alpha_box
        self._box = alpha_box if np.isfinite(alpha_box).all() else followed_box
        self._known = bool(np.isfinite(self._box).all())
        self._people: Floats | None = None

    @property
    def looked(self) -> bool:
        return self._people is not None

    @property
    def people(self) -> Floats:
        if self._people is None:
            self._people = people_boxes(self.frame, FAINT_SCORE if self._known else MIN_SCORE)
        return self._people

    @property
    def person(self) -> Floats | None:
        """The box of the followed person; None where nobody is like them."""
        found = most_alike(self._box, self.people)
        return self.people[0] if found is None and len(self.people) == 1 else found


def _chosen_region(sight: _Sight, own: MattingState) -> Floats:
    height, width = sight.frame.shape[:2]
    held, box = own["region"], sight.last_box
    known = np.isfinite(box).all()
    due = not known or int(own["age"]) >= LOOK_EVERY
    if due or touches_inner_edge(box, held, height, width):
        person = sight.person
        if person is not None:
            box = _union_box(box, person[:4]) if known else person[:4]
    if not np.isfinite(box).all():
        return whole_region(height, width)
    return person_region_around(box, height, width, held)


def _union_box(box: Floats, other: Floats) -> Floats:
    return np.concatenate([np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])])


def _resample_memory(
    region: Floats, size: tuple[int, int], own: MattingState, strides: Mapping[str, int]
) -> dict[str, FloatArray]:
    """A network's memory of pictures of that size, moved with the region where that moved."""
    memory = {name: own[f"memory/{name}"] for name in strides}
    held = own["region"]
    if not np.isfinite(held).all() or np.array_equal(held, region):
        return memory
    moved = {}
    for name, stride in strides.items():
        width, height = (-(-side // stride) for side in size)
        moved[name] = resample_region(memory[name][0], held, region, (width, height))[None]
    return moved


def _resize(part: Image, size: tuple[int, int]) -> Image:
    shrinks = size[0] * size[1] < part.shape[0] * part.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(part, size, interpolation=interpolation).astype(np.uint8, copy=False)


def _enlarge(alpha: FloatArray, size: tuple[int, int]) -> FloatArray:
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR), np.float32)
