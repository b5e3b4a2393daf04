"""Wan-VACE as a renderer of plates: the projected plate, what it does not show filled in.

The camera comes from geometry and the realism from the network: the projection says where
everything the photo shows is in each frame, and the network paints what it does not show.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.image_processor import resize_image
from dynascene_cli.diffusion.kept_pixels import (
    Rims,
    cover_copy,
    join,
    open_region,
    solid_person,
)
from dynascene_cli.diffusion.latent_frames import frames_of, latent_count, shorter_window
from dynascene_cli.diffusion.out_of_memory import Burden
from dynascene_cli.diffusion.person_input import move_person
from dynascene_cli.diffusion.preview import Previewer
from dynascene_cli.diffusion.sampled_plate import Frames, StreamedPlate, Work
from dynascene_cli.diffusion.sampling import denoise, initial_state
from dynascene_cli.diffusion.sampling_size import select_sampled_frames, smaller_size
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.diffusion.vace import GREY, Prompts, VaceFrame, VaceModel
from dynascene_cli.diffusion.vace_settings import (
    FRAMES_PER_LATENT,
    NATIVE_RATE,
    SIZES,
    ResolvedVace,
    vace_fingerprint,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.diffusion.windows import blend_weights, blend_windows, items_of, windows
from dynascene_cli.shot import Image, Shot
from dynascene_cli.video import decode_frames, resize_to_cover

RIMS = Rims(seam=8, person=24, copy=8)
"""Pixels at the size that is sampled: one latent, three for contact and shadow, one."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a shot gives besides its clip: the projected plate, and where it is the photo's.

    ``seen`` is white where the photo shows what the plate shows, and black where it is painted in.
    ``photo`` is the whole photo, of any size.
    """

    plate: Frames
    seen: Frames
    photo: Image


class VaceRenderer(StreamedPlate):
    """Plate frames of a shot, any of them at any time.

    What is sampled is kept in the work's folder, from which a killed render continues to the same
    result. ``prompts`` gives the embeddings; it is asked when sampling begins.

    Raises:
        InputError: the shot's parts do not fit each other, or the device.
        MissingError: the device is not on this machine.
    """

    def __init__(
        self,
        shot: Shot,
        given: Given,
        checkpoint: VideoCheckpoint,
        work: Work,
        settings: ResolvedVace,
        prompts: Callable[[], Prompts],
    ) -> None:
        self.settings, self._given, self._prompts = settings, given, prompts
        self._checkpoint = checkpoint
        burden = Burden(
            window=settings.window,
            size=settings.size,
            shorter=shorter_window(settings.window, FRAMES_PER_LATENT),
            smaller=smaller_size(settings.size, SIZES),
            optimisations=settings.optimisations,
        )
        indices = select_sampled_frames(shot.path.frame_count, shot.path.frame_rate, NATIVE_RATE)
        made_by = vace_fingerprint(settings, checkpoint)
        super().__init__(shot, work, indices, made_by, burden, settings.steps)
        latents = latent_count(len(indices), FRAMES_PER_LATENT)
        self._spans = windows(latents, settings.window_latents, settings.overlap_latents)
        self._model: VaceModel | None = None

    def _pictures(self) -> Iterator[Image]:
        return self._network().decode(self._whole_latents()[:, :, 1:])

    def _finish(self, index: int, painted: Image) -> Image:
        """What was painted, joined to the kept pixels of the plate."""
        plate = self._given.plate.frame(index)
        coverage = self._coverage(index)
        rims = RIMS.scale(self.path.width / self.settings.size[0])
        covered = cover_copy(painted, plate, coverage, rims.copy)
        if self.settings.repaint == "background":
            return covered
        seen = self._given.seen.frame(index)[..., 0]
        region = open_region(seen, coverage, rims)
        return join(covered, plate, region, solid_person(coverage), rims)

    def _network(self) -> VaceModel:
        if self._model is None:
            self._model = VaceModel(self._checkpoint, self.settings, self._device)
        return self._model

    def _sample(self, state: SamplingState | None) -> Tensor:
        """The latents (1, C, 1 + T, h, w) of the clip, after those of the photo."""
        prompts, model, steps = self._prompts(), self._network(), self.settings.steps
        reference = resize_to_cover(self._given.photo, *self.settings.size)
        controls = list(self._controls(model, reference))
        self._say_which()
        if state is None:
            height, width = controls[0].shape[-2:]
            count = 1 + latent_count(len(self._indices), FRAMES_PER_LATENT)
            shape = (1, model.latent_channels, count, height, width)
            state = initial_state(model.scheduler, shape, self.settings.seed)
        left = steps - state.step
        started: list[float] = []
        weights = blend_weights(self._spans)
        of_photo_alone = controls[0][:, : model.latent_channels, 0]
        show = self._previews(lambda: Previewer(of_photo_alone, reference))
        numbers = {int(time): step for step, time in enumerate(model.scheduler.timesteps)}

        def predict(latents: Tensor, timestep: int) -> Tensor:
            of_photo: list[Tensor] = []

            def of_window(span: range) -> Tensor:
                began = time.perf_counter()
                own = latents[:, :, 1 + span.start : 1 + span.stop]
                predicted = model.velocity(
                    torch.cat([latents[:, :, :1], own], dim=2),
                    torch.tensor(timestep),
                    controls[self._spans.index(span)],
                    prompts,
                )
                if not started:
                    started.append(time.perf_counter() - began)
                    self._tell(left, lambda: started[0] * len(self._spans) * left)
                of_photo.append(predicted[:, :, :1])
                return predicted[:, :, 1:]

            whole = blend_windows(of_window, self._spans, weights)
            # Every window has its own idea of the photo.
            whole = torch.cat([torch.stack(of_photo).mean(dim=0), whole], dim=2)
            step = numbers[timestep]
            show(step + 1, model.clean(whole, latents, step)[:, :, 1:])
            return whole

        return denoise(predict, model.scheduler, state, self._keep_step)

    def _controls(self, model: VaceModel, reference: Image) -> Iterator[Tensor]:
        """What the denoiser is given of each window, encoded by itself."""
        spans = tuple(frames_of(span, FRAMES_PER_LATENT) for span in self._spans)
        for frames in items_of(spans, self._video()):
            yield model.control(frames, reference)

    def _video(self) -> Iterator[VaceFrame]:
        """The sampled frames as they are given; the last one goes on, to fill the last latent."""
        wanted, shot = set(self._indices.tolist()), self._shot
        streams = zip(decode_frames(shot.clip), shot.matte.alpha.frames(), strict=True)
        for index, (frame, alpha) in enumerate(streams):
            if index in wanted:
                last = self._prepare_frame(index, np.asarray(frame), alpha)
                yield last
        while True:
            yield last

    def _prepare_frame(self, index: int, frame: Image, alpha: NDArray[np.uint8]) -> VaceFrame:
        width, height = self.settings.size
        to_sampled = np.array([[width / self.path.width], [height / self.path.height]])
        carried = to_sampled * self._shot.placement.clip_to_frame[index]
        colours, coverage = move_person(frame, alpha, carried, (width, height))
        plate = resize_image(self._given.plate.frame(index), width, height)
        seen = resize_image(self._given.seen.frame(index)[..., 0], width, height)
        with_person = colours + plate * (1 - coverage[..., None])
        picture = np.clip(with_person + 0.5, 0, 255).astype(np.uint8)
        solid = solid_person(coverage)
        if self.settings.repaint == "background":
            # What the photo shows stays there to be repainted, what it does not is grey.
            region = open_region(seen, np.zeros_like(coverage), RIMS) & ~solid
            generate = ~solid
        else:
            region = generate = open_region(seen, coverage, RIMS) & ~solid
        picture[region] = GREY
        return VaceFrame(picture, generate)
