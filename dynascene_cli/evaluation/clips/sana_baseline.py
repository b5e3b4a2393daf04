"""Camera-controlled image-to-video with the person put back at every step (Eq. 4), by SANA-WM.

As ``render --renderer sana-wm`` makes a plate, but of a manifest's clip, whose person stays where
they were filmed and whose camera is known.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.diffusion.image_processor import resize_image
from dynascene_cli.diffusion.kept_pixels import cover_copy
from dynascene_cli.diffusion.latent_frames import latent_count, whole_frames
from dynascene_cli.diffusion.person_input import generate_mask, move_coverage, move_person
from dynascene_cli.diffusion.sana import Foreground, SanaModel, generate_cells
from dynascene_cli.diffusion.sana_prompts import ready_sana_prompts
from dynascene_cli.diffusion.sana_renderer import sana_cameras
from dynascene_cli.diffusion.sana_settings import (
    FRAMES_PER_LATENT,
    LATENT_STRIDE,
    ResolvedSana,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.evaluation.baselines import projection
from dynascene_cli.evaluation.held_out_shots import UNCHANGED, HeldOutShot
from dynascene_cli.evaluation.metrics import Pictures
from dynascene_cli.shot import Image

MEDIAN_DEPTH = 1.0
"""Of a clip's first frame, in the unit of its camera."""


def sana_answers(
    checkpoint: VideoCheckpoint,
    name: str,
    settings: ResolvedSana,
    clips: Sequence[TrainingClip],
    shots: Sequence[HeldOutShot],
) -> Iterator[Pictures]:
    """The backgrounds (F, H, W, 3) of clips, each from its photo and camera.

    Raises:
        InputError: the weights are damaged.
        MissingError: the prompt's embedding is not there, and neither is a text encoder.
    """
    prompts = ready_sana_prompts(checkpoint, name, settings.prompt)
    model = SanaModel(checkpoint, settings, choose_device(None))
    for clip, shot in zip(clips, shots, strict=True):
        frames, path = len(clip.frames), shot.path
        plates = projection(shot.photo, path)
        plates[0] = shot.photo
        video, masks = _person_in_plates(plates, clip, settings.size)
        first = model.encode([resize_image(shot.photo, *settings.size)])
        foreground = Foreground(model.encode_clip(video, frames), generate_cells(masks))
        state = model.start(first, latent_count(frames, FRAMES_PER_LATENT))
        more = whole_frames(frames, FRAMES_PER_LATENT) - frames
        indices = [*range(frames), *[frames - 1] * more]
        cameras = sana_cameras(path, indices, settings, MEDIAN_DEPTH)
        latents = model.denoise(
            state, cameras, prompts, foreground if settings.reinsert else None, lambda _: None
        )
        yield _without_copies(islice(model.decode(latents), frames), plates, clip, settings)


def _person_in_plates(
    plates: Pictures, clip: TrainingClip, size: tuple[int, int]
) -> tuple[list[Image], list[NDArray[np.float32]]]:
    """The plates in the network's size with the filmed person in them, and where to generate."""
    height, width = plates.shape[1:3]
    to_sampled = np.array([[size[0] / width], [size[1] / height]]) * UNCHANGED
    video, masks = [], []
    for plate, frame, alpha in zip(plates, clip.frames, clip.alphas, strict=True):
        colours, coverage = move_person(frame, alpha, to_sampled, size)
        mixed = colours + resize_image(plate, *size) * (1 - coverage[..., None])
        video.append(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))
        masks.append(generate_mask(coverage, LATENT_STRIDE))
    return video, masks


def _without_copies(
    painted: Iterator[Image], plates: Pictures, clip: TrainingClip, settings: ResolvedSana
) -> Pictures:
    """What was painted in the clip's size, the projection where the network drew the person."""
    height, width = plates.shape[1:3]
    fringe = round(LATENT_STRIDE / 2 * width / settings.size[0])
    return np.stack(
        [
            cover_copy(
                resize_image(picture, width, height),
                plate,
                move_coverage(alpha, UNCHANGED, (width, height)),
                fringe,
            )
            for picture, plate, alpha in zip(painted, plates, clip.alphas, strict=True)
        ]
    )
