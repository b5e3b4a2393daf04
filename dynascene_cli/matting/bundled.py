"""The matter that needs nothing: BlazePose's mask, steadied and refined."""

import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.matting.following import NOWHERE, followed_pose, following_state, next_state
from dynascene_cli.matting.matter import MatteFrame, MatterState, empty_matte
from dynascene_cli.matting.pose import SIDE, landmarks_of, mask_seen_twice, without_specks
from dynascene_cli.matting.refinement import refined_alpha
from dynascene_cli.matting.stability import steadied_mask
from dynascene_cli.shot import Image


class BundledMatter:
    """NanoDet finds the person, BlazePose follows and masks them, colours find the edge."""

    name = "bundled"

    def __init__(self) -> None:
        used = [weights.find(name).sha256[:12] for name in ("nanodet", "blazepose")]
        self.identity = "-".join(["bundled", *used])

    def initial_state(self, box: Floats) -> MatterState:
        """Nothing is known but the chosen person's box (4,), NaN if unknown."""
        return {
            **following_state(box),
            "past_crop": NOWHERE,
            "past_mask": np.zeros((SIDE, SIDE), np.float32),
            "past_image": np.zeros((SIDE, SIDE, 3), np.uint8),
        }

    def step(self, frame: Image, state: MatterState) -> tuple[MatteFrame, MatterState]:
        """The next frame's matte, and what to remember for the frame after it."""
        followed = followed_pose(frame, state)
        if followed is None:
            return empty_matte(*frame.shape[:2]), self.initial_state(state["box"])
        pose, part = followed
        mask = mask_seen_twice(pose)
        if np.isfinite(state["past_crop"]).all():
            mask = steadied_mask(
                mask,
                pose.image,
                pose.crop,
                state["past_mask"],
                state["past_image"],
                state["past_crop"],
            )
        mask = without_specks(mask, pose)
        alpha = refined_alpha(frame, mask, pose.crop, part)
        points, visibility = landmarks_of(pose, alpha)
        remembered = {
            **next_state(pose),
            "past_crop": pose.crop,
            "past_mask": mask,
            "past_image": pose.image,
        }
        return MatteFrame(alpha, points, visibility, True), remembered
