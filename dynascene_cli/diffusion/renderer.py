"""The network as a renderer of plates: sampled once for the whole shot, decoded frame by frame."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.diffusion.frame_interpolation import interpolate_frame
from dynascene_cli.diffusion.image_processor import resize_image
from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.out_of_memory import out_of_memory_as_error
from dynascene_cli.diffusion.person_input import ForegroundFrame, foreground_frame
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.preview import Previewer
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import (
    STATE_FILE,
    SamplingSettings,
    checkpoint_facts,
    fingerprint,
    resolve_sampling,
)
from dynascene_cli.diffusion.sampling_size import sampled_frames
from dynascene_cli.diffusion.sampling_state import SamplingState, load_state, save_state
from dynascene_cli.diffusion.shot_cameras import shot_views
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Image, Shot
from dynascene_cli.video import decode_frames, write_image

SAVED_EVERY = 5
"""Steps between two states on disk, or the next number of which the last one is whole."""

PREVIEW_FILE = "preview.png"
"""Where a renderer shows, in its folder, what sampling is heading for."""

DECODED_KEPT = 3


class Guide(Protocol):
    """A plate to start from, such as the projection renderer's."""

    def frame(self, index: int) -> Image:
        """The plate of one frame, RGB (H, W, 3)."""
        ...


@dataclass(frozen=True)
class Reporter:
    """Where a renderer tells how it gets on.

    ``progress`` is called with the steps done and their number; ``say`` with a line for people;
    ``warn`` with one that should not be missed.
    """

    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda message: None
    warn: Callable[[str], None] = lambda message: None


class DiffusionRenderer:
    """Plate frames of a shot, any of them at any time, with the person drawn in.

    The shot's scene needs its photo, geometry and median depth, and no layers. What is sampled is
    kept in ``folder``, from which a killed render continues to the same result. ``device`` is
    torch's name of one; None takes the GPU where there is one. After every ``preview_every``
    steps (0: never) a contact sheet shows there what sampling is heading for.

    Raises:
        InputError: the shot's parts or the settings do not fit each other, the checkpoint or the
            device.
        MissingError: the checkpoint or a package is not on this machine.
    """

    def __init__(
        self,
        shot: Shot,
        checkpoint: str,
        folder: Path,
        settings: SamplingSettings | None = None,
        *,
        guide: Guide | None = None,
        device: str | None = None,
        preview_every: int = 0,
        reporter: Reporter | None = None,
    ) -> None:
        _check_shot(shot)
        self.path = shot.path
        self._shot, self._folder, self._guide = shot, folder, guide
        self._report = reporter or Reporter()
        self._checkpoint = checkpoint
        self._info, digest = checkpoint_facts(checkpoint)
        plate_size = shot.path.width, shot.path.height
        self.settings = resolve_sampling(settings or SamplingSettings(), self._info, plate_size)
        self._device = choose_device(device)
        check_optimisations_on(self._device.type, self.settings.optimisations)
        self._preview_every = preview_every
        self._indices = sampled_frames(shot.path.frame_count, shot.path.frame_rate)
        self._made_by = fingerprint(self.settings, digest, guide is not None)
        self._pipeline: DynascenePipeline | None = None
        self._latents: Tensor | None = None
        self._decode_channel: OrderedDict[int, Image] = OrderedDict()

    @property
    def frame_count(self) -> int:
        """How many frames the path has."""
        return self.path.frame_count

    def frame(self, index: int) -> Image:
        """The plate of one frame, RGB (H, W, 3); the same bytes whenever it is asked for."""
        with out_of_memory_as_error(self.settings, self._info.config):
            after = int(np.searchsorted(self._indices, index))
            last = int(self._indices[after])
            if last == index:
                return self._sampled_frame(after)
            return interpolate_frame(
                self._sampled_frame(after - 1),
                self._sampled_frame(after),
                self.path,
                (int(self._indices[after - 1]), index, last),
                self._shot.scene.median_depth,
            )

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last in order; the clip is sampled before the first of them."""
        for index in range(first, self.frame_count if last is None else last):
            yield self.frame(index)

    def _sampled_frame(self, number: int) -> Image:
        """One of the sampled frames, at the plate's size."""
        if number not in self._decode_channel:
            latents = self._whole_latents()
            picture = self._network().decoded_frame(latents[:, :, number])
            self._decode_channel[number] = resize_image(picture, self.path.width, self.path.height)
            while len(self._decode_channel) > DECODED_KEPT:
                self._decode_channel.popitem(last=False)
        return self._decode_channel[number]

    def _network(self) -> DynascenePipeline:
        if self._pipeline is None:
            optimisations = self.settings.optimisations
            dtype = DTYPES[optimisations.precision_on(self._device.type)]
            network, _ = open_checkpoint(self._checkpoint, dtype)
            scheduler = make_sampler(
                self.settings.sampler,
                self.settings.steps,
                self._info.prediction,
                self._info.zero_terminal_snr,
            )
            pipeline = DynascenePipeline(network, scheduler)
            self._pipeline = pipeline.optimise(optimisations, self._device)
        return self._pipeline

    def _whole_latents(self) -> Tensor:
        if self._latents is None:
            state = self._kept_state()
            done = state is not None and state.step == self.settings.steps
            self._latents = state.latents if state is not None and done else self._sampled(state)
        return self._latents

    def _kept_state(self) -> SamplingState | None:
        """Where a run that was ended stopped; a damaged state is told of, and made again."""
        try:
            return load_state(self._made_by, self._folder / STATE_FILE)
        except InputError as damage:
            self._report.warn(f"{damage.message}: it is made again")
            return None

    def _sampled(self, state: SamplingState | None) -> Tensor:
        pipeline = self._network()
        shot = self._encoded(pipeline)
        steps, reused = self.settings.steps, self.settings.optimisations.reuse_deep
        self._tell(pipeline, shot, steps if state is None else steps - state.step)
        saved_every = -(-SAVED_EVERY // reused) * reused

        def after_step(reached: SamplingState) -> None:
            if reached.step % saved_every == 0 or reached.step == steps:
                save_state(reached, self._made_by, self._folder / STATE_FILE)
            self._report.progress(reached.step, steps)

        if not self._preview_every:
            return pipeline.sampled(shot, self.settings, state, after_step)
        previewer = Previewer(pipeline.network, shot.reference, self._shot.scene.photo)
        file = self._folder / PREVIEW_FILE
        self._report.say(f"preview after every {self._preview_every} steps: {file}")

        def expect(step: int, latents: Tensor) -> None:
            if step % self._preview_every == 0:
                write_image(file, previewer.sheet(latents))

        return pipeline.sampled(shot, self.settings, state, after_step, expect)

    def _encoded(self, pipeline: DynascenePipeline) -> EncodedShot:
        views, scene_view = shot_views(
            self.path, self._shot.scene, self._indices, self.settings.size
        )
        guide = self._guide
        return pipeline.encoded(
            self._shot.scene.photo,
            self._foreground(),
            views,
            scene_view,
            None if guide is None else (guide.frame(int(index)) for index in self._indices),
        )

    def _foreground(self) -> Iterator[ForegroundFrame]:
        width, height = self.settings.size
        to_sampled = np.array([[width / self.path.width], [height / self.path.height]])
        wanted, stride = set(self._indices.tolist()), self._info.config.latent_stride
        shot = self._shot
        streams = zip(decode_frames(shot.clip), shot.matte.alpha.frames(), strict=True)
        for index, (frame, alpha) in enumerate(streams):
            if index in wanted:
                carried = to_sampled * shot.placement.clip_to_frame[index]
                yield foreground_frame(
                    np.asarray(frame), alpha, carried, self.settings.size, stride
                )

    def _tell(self, pipeline: DynascenePipeline, shot: EncodedShot, steps: int) -> None:
        width, height = self.settings.size
        count = len(self._indices)
        what = f"{count} frames of {width}x{height} in {steps} steps"
        if count < self.frame_count:
            self._report.say(
                f"{count} of {self.frame_count} frames are sampled; those between follow the camera"
            )
        if self._device.type == "cpu":
            seconds = pipeline.estimated_seconds(shot, self.settings, steps)
            self._report.warn(
                f"without a GPU, sampling {what} takes about {_duration(seconds)}: "
                "--renderer projection needs none"
            )
        else:
            self._report.say(f"sampling {what}")


def _check_shot(shot: Shot) -> None:
    counts = {
        "clip": shot.clip.frame_count,
        "matte": shot.matte.alpha.frame_count,
        "camera": shot.path.frame_count,
        "placement": len(shot.placement.clip_to_frame),
    }
    if len(set(counts.values())) != 1:
        told = ", ".join(f"the {name} {count}" for name, count in counts.items())
        raise InputError(f"a shot's parts differ in frames: {told}", "give one of each a frame")


def _duration(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 1):.0f} seconds"
