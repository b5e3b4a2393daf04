"""The network as a renderer of plates: sampled once for the whole shot, decoded frame by frame."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.kept_pixels import cover_copy
from dynascene_cli.diffusion.out_of_memory import Burden
from dynascene_cli.diffusion.person_input import ForegroundFrame, foreground_frame
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.preview import Previewer
from dynascene_cli.diffusion.sampled_plate import (
    SAVED_EVERY,
    Frames,
    SampledPlate,
    Work,
)
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import (
    SamplingSettings,
    checkpoint_facts,
    fingerprint,
    resolve_sampling,
)
from dynascene_cli.diffusion.sampling_size import select_sampled_frames, smaller_size
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.diffusion.shot_cameras import shot_views
from dynascene_cli.shot import Image, Shot
from dynascene_cli.video import decode_frames


class DiffusionRenderer(SampledPlate):
    """Plate frames of a shot, any of them at any time, with the person drawn in.

    The shot's scene needs its photo, geometry and median depth, and no layers. What is sampled is
    kept in the work's folder, from which a killed render continues to the same result. With a
    ``guide`` sampling starts from its pictures. The network's copy of the person is covered by
    ``behind``, the background as something else shows it, one latent further than they reach.

    Raises:
        InputError: the shot's parts or the settings do not fit each other, the checkpoint or the
            device.
        MissingError: the checkpoint or a package is not on this machine.
    """

    def __init__(
        self,
        shot: Shot,
        checkpoint: str,
        work: Work,
        settings: SamplingSettings | None = None,
        *,
        guide: Frames | None = None,
        behind: Frames | None = None,
    ) -> None:
        self._checkpoint, self._guide, self._behind = checkpoint, guide, behind
        self._info, digest = checkpoint_facts(checkpoint)
        plate_size = shot.path.width, shot.path.height
        self.settings = resolve_sampling(settings or SamplingSettings(), self._info, plate_size)
        burden = Burden(
            window=self.settings.window,
            size=self.settings.size,
            shorter=max(self.settings.window // 2, 1),
            smaller=smaller_size(self.settings.size, self._info.config),
            optimisations=self.settings.optimisations,
        )
        indices = select_sampled_frames(shot.path.frame_count, shot.path.frame_rate)
        made_by = fingerprint(self.settings, digest, guide is not None)
        super().__init__(shot, work, indices, made_by, burden, self.settings.steps)
        self._pipeline: DynascenePipeline | None = None

    def _picture(self, number: int) -> Image:
        latents = self._whole_latents()
        return self._network().decode_frame(latents[:, :, number])

    def _finish(self, index: int, painted: Image) -> Image:
        if self._behind is None:
            return painted
        latent = self._info.config.latent_stride * self.path.width / self.settings.size[0]
        plate = self._behind.frame(index)
        return cover_copy(painted, plate, self._coverage(index), round(latent))

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

    def _sample(self, state: SamplingState | None) -> Tensor:
        pipeline = self._network()
        shot = self._encode(pipeline)
        reused = self.settings.optimisations.reuse_deep
        left = self._steps if state is None else self._steps - state.step
        self._say_which()
        self._tell(left, lambda: pipeline.estimate_seconds(shot, self.settings, left))
        # A state is always one before a whole step.
        saved_every = -(-SAVED_EVERY // reused) * reused

        def after_step(reached: SamplingState) -> None:
            self._keep_step(reached, saved_every)

        blocks = pipeline.network.blocks
        exact = None if blocks is None else blocks.decode_anywhere
        expect = self._previews(lambda: Previewer(shot.reference, self._shot.scene.photo, exact))
        return pipeline.sample(shot, self.settings, state, after_step, expect)

    def _encode(self, pipeline: DynascenePipeline) -> EncodedShot:
        views, scene_view = shot_views(
            self.path, self._shot.scene, self._indices, self.settings.size
        )
        guide = self._guide
        return pipeline.encode(
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
