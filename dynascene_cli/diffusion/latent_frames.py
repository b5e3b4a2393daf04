"""Frames and latents of a video VAE: its first latent holds one frame, every other several."""

import math

from dynascene_cli.errors import InputError

FEWEST = 2
"""Latents after the first of the shortest window."""


def latent_count(frames: int, per_latent: int) -> int:
    """How many latents so many frames are, the last one filled up."""
    return 1 + math.ceil((frames - 1) / per_latent)


def frame_count(latents: int, per_latent: int) -> int:
    """How many frames so many latents are: ``per_latent`` · k + 1."""
    return 1 + (latents - 1) * per_latent


def whole_frames(frames: int, per_latent: int) -> int:
    """How many frames so many are filled up to."""
    return frame_count(latent_count(frames, per_latent), per_latent)


def shorter_window(frames: int, per_latent: int) -> int:
    """A window of about half as many frames."""
    return max(frames // (2 * per_latent), FEWEST) * per_latent + 1


def usual_overlap(latents: int) -> int:
    """How many latents windows of so many share with their neighbours: a quarter, at least two."""
    return min(max(latents // 4, 2), latents - 1)


def check_window(frames: int, per_latent: int, network: str) -> None:
    """Make sure that a window of so many frames is whole latents, and long enough.

    Raises:
        InputError: it is not.
    """
    shortest = FEWEST * per_latent + 1
    if frames < shortest or frames % per_latent != 1:
        nearest = max(FEWEST, round((frames - 1) / per_latent))
        raise InputError(
            f"a window of {frames} frames is none of {network}'s, which are {per_latent}k + 1 "
            f"from {shortest} on",
            f"the nearest is {nearest * per_latent + 1}",
        )


def frames_of(latents: range, per_latent: int) -> range:
    """The frames of a clip that a run of its latents holds when it is encoded by itself.

    Its first latent is then one frame, the last of those that it holds within the clip.
    """
    first = latents.start * per_latent
    return range(first, first + frame_count(len(latents), per_latent))
