"""Segment Anything 2 and 3 as matters: the person and clicked things, followed through a clip."""

from pathlib import Path

import cv2
import numpy as np
import torch
import transformers
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import (
    Sam3TrackerVideoInferenceSession,
)

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import MIN_SCORE
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import CLICKS, MatteFrame, MattingState
from dynascene_cli.matting.edge_refinement import reduce_part, refine_alpha
from dynascene_cli.matting.external import alpha_box, matte_of_given_alpha
from dynascene_cli.matting.person_detector import most_alike, people_boxes
from dynascene_cli.matting.pose import SIDE, crop_of_box
from dynascene_cli.matting.pose_tracking import FAINT_SCORE, following_state
from dynascene_cli.matting.prompted.sam_session import (
    BOX_HIGH,
    BOX_LOW,
    POINT,
    Prompt,
    masks_of_frame,
    memory_of,
    session_of,
)
from dynascene_cli.matting.prompted.vitmatte import VitMatte
from dynascene_cli.matting.prompted.weights_folder import read_network
from dynascene_cli.shot import Image

NETWORKS = {
    "sam2": (transformers.Sam2VideoModel, Sam2VideoInferenceSession),
    "sam3": (transformers.Sam3TrackerVideoModel, Sam3TrackerVideoInferenceSession),
}
MEAN_AND_DEVIATION = {
    "sam2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "sam3": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
OWN = "sam/"
"""What the names of this module's own arrays begin with in a state."""
PERSON = 0
"""The number of the followed person; the click of number n is thing n + 1."""
EDGE_PIXELS = 2.0
"""Half-width of what is unsure around a mask's edge, in the mask's pixels."""


class SamVideoModel:
    """The person whom the detector sees, and clicked things, by Segment Anything on video.

    The networks' masks have a quarter of the resolution that the pictures are looked at in; their
    edges are found by ViTMatte where its folder is given, and by colour as in the bundled model
    otherwise.

    Raises:
        InputError: a folder holds another network, or less than it needs.
    """

    def __init__(self, name: str, folder: Path, edges: Path | None) -> None:
        self.name = name
        network, self._session_class = NETWORKS[name]
        self._network = read_network(network, folder, name)
        self._edges = None if edges is None else VitMatte(edges)
        used = [weights.sha256_of(path)[:12] for path in (folder, edges) if path is not None]
        self.identity = "-".join([name, *used])

    def initial_state(self, box: Floats) -> MattingState:
        """The chosen person's box (4,), NaN if unknown; CLICKS may be added to it."""
        return {**following_state(box), f"{OWN}frame": np.array(0)}

    def step(self, frame: Image, state: MattingState) -> tuple[MatteFrame, MattingState]:
        """The next frame's matte, and what to remember for the frame after it."""
        own = {name.removeprefix(OWN): a for name, a in state.items() if name.startswith(OWN)}
        following = {name: a for name, a in state.items() if not name.startswith(OWN)}
        clicks = following.pop(CLICKS, np.zeros((0, 4)))
        number = int(own.pop("frame"))
        session = session_of(self._network, self._session_class, own)
        prompts = _prompts_of(clicks, number)
        if (
            PERSON not in session.obj_ids
            and (box := _person_box(frame, following["box"])) is not None
        ):
            corners = box[:4].reshape(2, 2) / frame.shape[1::-1]
            points = [(float(x), float(y)) for x, y in corners]
            prompts.append(Prompt(PERSON, ((*points[0], BOX_LOW), (*points[1], BOX_HIGH))))
        masks = masks_of_frame(self._network, session, self._pixels(frame), number, prompts)
        alpha = self._alpha(frame, masks, clicks)
        matte, followed = matte_of_given_alpha(frame, alpha, following)
        memory = memory_of(self._network, session, number)
        return matte, {
            **followed,
            f"{OWN}frame": np.array(number + 1),
            CLICKS: clicks,
            **{OWN + name: array for name, array in memory.items()},
        }

    def _pixels(self, frame: Image) -> torch.Tensor:
        side = self._network.config.image_size
        mean, deviation = MEAN_AND_DEVIATION[self.name]
        small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
        planes = (small / 255.0 - np.array(mean)) / np.array(deviation)
        return torch.from_numpy(planes.astype(np.float32).transpose(2, 0, 1)[None].copy())

    def _alpha(self, frame: Image, masks: dict[int, FloatArray], clicks: Floats) -> Image:
        """The alpha (H, W) of the person and what was added, without what was taken away."""
        empty = np.zeros(frame.shape[:2], np.uint8)
        taken = {index + 1 for index, click in enumerate(clicks) if click[3] < 0}
        shown = [logits for thing, logits in masks.items() if thing not in taken]
        if not shown:
            return empty
        logits = np.max(shown, axis=0)
        for thing in taken & masks.keys():
            logits = np.minimum(logits, -masks[thing])
        mask = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
        unit = np.array(frame.shape[1::-1]) / mask.shape[::-1]
        box = alpha_box((mask * 255).astype(np.uint8)) * [*unit, *unit]
        if not np.isfinite(box).all():
            return empty
        if self._edges is not None:
            return self._by_network(self._edges, frame, mask, box, float(unit.max()))
        return _by_colour(frame, mask, box)

    def _by_network(
        self, edges: VitMatte, frame: Image, mask: FloatArray, box: Floats, unit: float
    ) -> Image:
        height, width = frame.shape[:2]
        room = 4 * EDGE_PIXELS * unit
        x0, y0 = np.floor(np.maximum(box[:2] - room, 0)).astype(int)
        x1, y1 = np.ceil(np.minimum(box[2:] + room, [width, height])).astype(int)
        whole = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)[y0:y1, x0:x1]
        alpha = np.zeros((height, width), np.uint8)
        found = edges.alpha(frame[y0:y1, x0:x1], whole, EDGE_PIXELS * unit)
        alpha[y0:y1, x0:x1] = np.clip(found * 255 + 0.5, 0, 255)
        return alpha


def _prompts_of(clicks: Floats, frame: int) -> list[Prompt]:
    return [
        Prompt(index + 1, ((float(x), float(y), POINT),))
        for index, (number, x, y, _) in enumerate(clicks)
        if number == frame
    ]


def _person_box(frame: Image, known: Floats) -> Floats | None:
    """The box (4+,) of the person to follow; None where nobody like them is seen."""
    score = FAINT_SCORE if np.isfinite(known).all() else MIN_SCORE
    people = people_boxes(frame, score)
    found = most_alike(known, people)
    return people[0] if found is None and len(people) == 1 else found


def _by_colour(frame: Image, mask: FloatArray, box: Floats) -> Image:
    """The alpha (H, W) of a frame from a mask of it all, by the colours on the edge's two sides."""
    crop = crop_of_box(box)
    part = reduce_part(frame, crop)
    if part is None:
        return np.zeros(frame.shape[:2], np.uint8)
    corner, step = crop[:2] - crop[2] / 2, crop[2] / SIDE
    height, width = mask.shape
    scale = np.array([width, height]) / frame.shape[1::-1]
    places = corner[:, None] + (np.arange(SIDE) + 0.5) * step
    x, y = np.meshgrid(*(places * scale[:, None] - 0.5).astype(np.float32))
    in_crop = cv2.remap(mask, x, y, cv2.INTER_LINEAR)
    return refine_alpha(frame, np.asarray(in_crop, np.float32), crop, part)
