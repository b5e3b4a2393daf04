"""SANA-WM as a renderer of plates: the projection's first frame, taken along the camera path.

Nothing of the photo but that frame is kept: the network shows the place as it imagines it. It is
the family of camera-controlled models that the paper compares with, the person put back at every
step.
"""

import time
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli import geometry as maths
from dynascene_cli.diffusion.image_processor import resize_image
from dynascene_cli.diffusion.kept_pixels import cover_copy
from dynascene_cli.diffusion.latent_frames import latent_count, shorter_window, whole_frames
from dynascene_cli.diffusion.out_of_memory import Burden
from dynascene_cli.diffusion.person_input import generate_mask, move_person
from dynascene_cli.diffusion.preview import Previewer
from dynascene_cli.diffusion.sampled_plate import Frames, StreamedPlate, Work
from dynascene_cli.diffusion.sampling_size import select_sampled_frames, smaller_size
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.diffusion.sana import (
    Cameras,
    Foreground,
    SanaModel,
    SanaPrompts,
    generate_cells,
)
from dynascene_cli.diffusion.sana_settings import (
    FRAMES_PER_LATENT,
    LATENT_STRIDE,
    NATIVE_RATE,
    SIZES,
    ResolvedSana,
    sana_fingerprint,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.shot import CameraPath, Image, Shot
from dynascene_cli.video import decode_frames


class SanaRenderer(StreamedPlate):
    """Plate frames of a shot, any of them at any time.

    ``plate`` is the projection's, of which the first frame is given to the network, and whose
    frames cover its copies of the person. What is sampled is kept in the work's folder, from which
    a killed render continues to the same result.

    Raises:
        InputError: the shot's parts do not fit each other, or the device.
        MissingError: the device is not on this machine.
    """

    def __init__(
        self,
        shot: Shot,
        plate: Frames,
        checkpoint: VideoCheckpoint,
        work: Work,
        settings: ResolvedSana,
        prompts: Callable[[], SanaPrompts],
    ) -> None:
        self.settings, self._plate, self._prompts = settings, plate, prompts
        self._checkpoint = checkpoint
        indices = select_sampled_frames(shot.path.frame_count, shot.path.frame_rate, NATIVE_RATE)
        burden = Burden(
            window=min(settings.window, whole_frames(len(indices), FRAMES_PER_LATENT)),
            size=settings.size,
            shorter=shorter_window(settings.window, FRAMES_PER_LATENT),
            smaller=smaller_size(settings.size, SIZES),
            optimisations=settings.optimisations,
            halves_on_cpu=False,
        )
        super().__init__(
            shot, work, indices, sana_fingerprint(settings, checkpoint), burden, settings.steps
        )
        self._model: SanaModel | None = None

    def _pictures(self) -> Iterator[Image]:
        return self._network().decode(self._whole_latents())

    def _finish(self, index: int, painted: Image) -> Image:
        if not self.settings.reinsert:
            return painted
        fringe = round(LATENT_STRIDE / 2 * self.path.width / self.settings.size[0])
        return cover_copy(painted, self._plate.frame(index), self._coverage(index), fringe)

    def _network(self) -> SanaModel:
        if self._model is None:
            self._model = SanaModel(self._checkpoint, self.settings, self._device)
        return self._model

    def _sample(self, state: SamplingState | None) -> Tensor:
        prompts, model, steps = self._prompts(), self._network(), self.settings.steps
        count = len(self._indices)
        masks: list[NDArray[np.float32]] = []
        video = self._video(masks)
        picture = next(video)
        first, foreground = model.encode([picture]), None
        if self.settings.reinsert:
            latents = model.encode_clip(chain([picture], video), count)
            foreground = Foreground(latents, generate_cells(masks))
        self._say_which()
        state = state or model.start(first, latent_count(count, FRAMES_PER_LATENT))
        began, left = time.perf_counter(), steps - state.step
        show = self._previews(lambda: Previewer(first[:, :, 0], picture))

        def after_step(reached: SamplingState) -> None:
            if reached.step == steps - left + 1:
                pace = time.perf_counter() - began
                self._tell(left, lambda: pace * left)
            show(reached.step, reached.latents)
            self._keep_step(reached)

        more = whole_frames(count, FRAMES_PER_LATENT) - count
        cameras = sana_cameras(
            self.path,
            [*self._indices, *[self._indices[-1]] * more],
            self.settings,
            self._shot.scene.median_depth,
        )
        return model.denoise(state, cameras, prompts, foreground, after_step)

    def _video(self, masks: list[NDArray[np.float32]]) -> Iterator[Image]:
        """The sampled frames of the plate with the person in them, where they are put back.

        Where to generate is added to ``masks`` as the frames pass.
        """
        (width, height), shot = self.settings.size, self._shot
        to_sampled = np.array([[width / self.path.width], [height / self.path.height]])
        wanted = set(self._indices.tolist())
        streams = zip(decode_frames(shot.clip), shot.matte.alpha.frames(), strict=True)
        for index, (frame, alpha) in enumerate(streams):
            if index not in wanted:
                continue
            picture = resize_image(self._plate.frame(index), width, height)
            carried = to_sampled * shot.placement.clip_to_frame[index]
            colours, coverage = move_person(np.asarray(frame), alpha, carried, (width, height))
            if self.settings.reinsert:
                mixed = colours + picture * (1 - coverage[..., None])
                picture = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
            masks.append(generate_mask(coverage, LATENT_STRIDE))
            yield picture


def sana_cameras(
    path: CameraPath, frames: list[int], settings: ResolvedSana, median_depth: float
) -> Cameras:
    """Some frames' cameras as SANA-WM reads them: the first is at the origin.

    The median depth of the scene is ``translation_scale`` of the network's units.
    """
    width, height = settings.size
    relative = maths.compose(path.extrinsics[frames], maths.inverse(path.extrinsics[frames[0]]))
    to_world = np.tile(np.eye(4), (len(frames), 1, 1))
    to_world[:, :3] = maths.inverse(relative)
    to_world[:, :3, 3] *= settings.translation_scale / median_depth
    scale = np.diag([width / path.width, height / path.height, 1.0])
    return Cameras(to_world, scale @ path.intrinsics[frames])
