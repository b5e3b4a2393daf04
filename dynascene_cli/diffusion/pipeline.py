"""The network as a diffusers pipeline: a scene, a person and cameras in, frames out."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DeepFeatures, optimise_network
from dynascene_cli.diffusion.camera_rays import Views, relative_to_view
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.image_processor import (
    clip_pixels,
    resize_image,
    to_rgb_image,
    to_signed_tensor,
)
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.person_input import ForegroundFrame
from dynascene_cli.diffusion.sampling import denoise, initial_state, predict_clean
from dynascene_cli.diffusion.sampling_settings import ResolvedSampling
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.diffusion.windows import blend_weights, blend_windows, windows
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Image
from dynascene_cli.video import resize_to_cover

KEPT_CAMERA_BYTES = 4 << 30
"""How much of the windows' camera features is kept from step to step. At full size a window's are
1.5 GB in float32, and to compute them anew costs 8 % of a step."""


def camera_cache_bytes(settings: ResolvedSampling) -> int:
    """How much of them is kept: half, where weights leave the GPU for lack of memory."""
    return KEPT_CAMERA_BYTES // 2 if settings.optimisations.offload else KEPT_CAMERA_BYTES


@dataclass(frozen=True, eq=False)
class EncodedShot:
    """A shot's inputs as the denoiser takes them, on the CPU in float32.

    ``generate_mask`` (1, 1, F, h, w) and ``foreground`` (1, C, F, h, w) are of the whole clip;
    ``views`` its cameras, ``scene_view`` the photo's; ``embedding`` (1, E) and ``reference``
    (1, C, h, w) the photo; ``guide`` (1, C, F, h, w) the pictures that sampling starts from.
    """

    embedding: Tensor
    reference: Tensor
    generate_mask: Tensor
    foreground: Tensor
    views: Views
    scene_view: Views
    guide: Tensor | None = None

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape (1, C, F, h, w) of what is sampled."""
        return tuple(self.foreground.shape)


class DynascenePipeline(DiffusionPipeline):  # type: ignore[misc]
    """Encode a shot, sample its latents, decode them; each alone or all by a call.

    ``scheduler`` is set to its steps (``sampling.sampler_named``).
    """

    def __init__(self, network: Network, scheduler: Any) -> None:
        super().__init__()
        self.register_modules(network=network, scheduler=scheduler)
        self._runs_on: torch.device | None = None

    @property
    def device(self) -> torch.device:
        """Where the network runs: where its weights are, unless they are offloaded."""
        return self._runs_on or next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the network."""
        return next(self.network.parameters()).dtype

    def to(self, *where: Any, **named: Any) -> "DynascenePipeline":
        """Move the network to a device, a precision, or both."""
        self.network.to(*where, **named)
        return self

    def optimise(
        self, optimisations: SamplingOptimizations, device: torch.device
    ) -> "DynascenePipeline":
        """The pipeline itself, its network on the device and set up for the optimisations.

        Deep features are reused as the settings of sampling say.
        """
        optimise_network(self.network, optimisations, device)
        self._runs_on = device if optimisations.offload else None
        return self

    def __call__(
        self,
        scene: Image,
        foreground: Iterable[ForegroundFrame],
        views: Views,
        scene_view: Views,
        settings: ResolvedSampling,
        guide: Iterable[Image] | None = None,
    ) -> Iterator[Image]:
        """The frames (H, W, 3) of a shot, at the size of its foreground's pictures.

        Raises:
            InputError: the inputs do not fit each other.
        """
        shot = self.encode(scene, foreground, views, scene_view, guide)
        return self.decode(self.sample(shot, settings))

    @torch.no_grad()
    def encode(
        self,
        scene: Image,
        foreground: Iterable[ForegroundFrame],
        views: Views,
        scene_view: Views,
        guide: Iterable[Image] | None = None,
    ) -> EncodedShot:
        """What the denoiser takes, one frame after the other.

        Raises:
            InputError: the pictures are not of one size, or not as many as the cameras.
        """
        latents, masks = [], []
        for frame in foreground:
            latents.append(self._latent(frame.picture))
            masks.append(torch.from_numpy(frame.generate_mask)[None, None])
        sizes = {tuple(latent.shape[-2:]) for latent in latents}
        if len(latents) != views.frames or len(sizes) != 1:
            raise InputError(
                f"{len(latents)} frames of {len(sizes)} sizes for {views.frames} cameras",
                "give as many frames as cameras, all of one size",
            )
        height, width = (side * self.network.config.latent_stride for side in latents[0].shape[-2:])
        pixels = clip_pixels(scene, self.network.config.clip_pixels)
        guides = [self._latent(resize_image(image, width, height)) for image in guide or ()]
        if guides and len(guides) != len(latents):
            raise InputError(f"the guide has {len(guides)} frames for {len(latents)}", "as many")
        return EncodedShot(
            embedding=self.network.image_embedding(self._move(pixels)).float().cpu(),
            # As in training, where pictures are cropped to one aspect and never stretched.
            reference=self._latent(resize_to_cover(scene, width, height)),
            generate_mask=torch.stack(masks, dim=2),
            foreground=torch.stack(latents, dim=2),
            views=views,
            scene_view=scene_view,
            guide=torch.stack(guides, dim=2) if guides else None,
        )

    def start(self, shot: EncodedShot, settings: ResolvedSampling) -> SamplingState:
        """The state that sampling starts from."""
        return initial_state(
            self.scheduler, shot.latent_shape, settings.seed, shot.guide, settings.strength
        )

    @torch.no_grad()
    def sample(
        self,
        shot: EncodedShot,
        settings: ResolvedSampling,
        state: SamplingState | None = None,
        after_step: Callable[[SamplingState], None] = lambda state: None,
        expect: Callable[[int, Tensor], None] = lambda step, latents: None,
    ) -> Tensor:
        """The latents (1, C, F, h, w) of the whole clip, from its start or from a ``state``.

        ``expect`` is given what each step, counted from 1, expects them to become. Steps whose
        number before them is a multiple of ``reuse_deep`` are whole, so that what continues from
        there is the same.
        """
        spans = windows(shot.foreground.shape[2], settings.window, settings.overlap)
        weights = blend_weights(spans)
        conditions = _Conditions(self, shot, settings)
        steps = {int(time): step for step, time in enumerate(self.scheduler.timesteps)}
        reused = settings.optimisations.reuse_deep
        deep = DeepFeatures(self.network) if reused > 1 else None

        def predict(latents: Tensor, timestep: int) -> Tensor:
            whole_step = steps[timestep] % reused == 0

            def of_window(span: range) -> Tensor:
                own = slice(span.start, span.stop)
                noisy, mask, foreground = (
                    self._move(whole[:, :, own])
                    for whole in (latents, shot.generate_mask, shot.foreground)
                )
                predicted, *unconditional = (
                    (
                        self.network.denoise(noisy, mask, foreground, timestep, half)
                        if deep is None
                        else deep.denoise(
                            (noisy, mask, foreground), timestep, half, (span, number), whole_step
                        )
                    )
                    .float()
                    .cpu()
                    for number, half in enumerate(conditions.of_window(span))
                )
                for plain in unconditional:
                    predicted = plain + settings.guidance * (predicted - plain)
                return predicted

            predicted = blend_windows(of_window, spans, weights)
            expected = predict_clean(self.scheduler, predicted, latents, timestep)
            expect(steps[timestep] + 1, expected)
            return predicted

        start = self.start(shot, settings) if state is None else state
        return denoise(predict, self.scheduler, start, after_step)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Iterator[Image]:
        """Pictures (H, W, 3) of latents (1, C, F, h, w), one after the other.

        A frame alone comes out as the same bytes as among others.
        """
        for index in range(latents.shape[2]):
            yield self.decode_frame(latents[:, :, index])

    @torch.no_grad()
    def decode_frame(self, latent: Tensor) -> Image:
        """The picture (H, W, 3) of one frame's latent (1, C, h, w)."""
        return to_rgb_image(self.network.decode(self._move(latent))[0])

    @torch.no_grad()
    def estimate_seconds(self, shot: EncodedShot, settings: ResolvedSampling, steps: int) -> float:
        """About how long so many steps take, from one frame's, not compiled."""
        conditions = _Conditions(self, shot, settings)
        noisy, mask, foreground = (
            self._move(whole[:, :, :1])
            for whole in (shot.foreground, shot.generate_mask, shot.foreground)
        )
        spans = windows(shot.foreground.shape[2], settings.window, settings.overlap)
        whole_steps = -(-steps // settings.optimisations.reuse_deep)
        deep, seconds = DeepFeatures(self.network), 0.0
        for whole, times in ((True, whole_steps), (False, steps - whole_steps)):
            if not times:
                continue
            started = time.perf_counter()
            with torch.compiler.set_stance("force_eager"):
                for number, half in enumerate(conditions.of_window(range(1))):
                    deep.denoise((noisy, mask, foreground), 1, half, number, whole)
            seconds += (time.perf_counter() - started) * times
        return seconds * sum(map(len, spans))

    def _latent(self, image: Image) -> Tensor:
        return self.network.encode(self._move(to_signed_tensor(image))).float().cpu()

    def _move(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)


class _Conditions:
    """What the steps of every window share; the camera's part is kept as far as memory goes."""

    def __init__(
        self, pipeline: DynascenePipeline, shot: EncodedShot, settings: ResolvedSampling
    ) -> None:
        self._network: Network = pipeline.network
        self._size = shot.foreground.shape[-2], shot.foreground.shape[-1]
        self._views = _on(shot.views, pipeline.device)
        self._scene_view = _on(shot.scene_view, pipeline.device)
        self._kept: dict[range, Conditioning] = {}
        self._kept_bytes = 0
        self._most_kept = camera_cache_bytes(settings)
        embedding = shot.embedding.to(pipeline.device, pipeline.dtype)
        self._scene = self._network.condition(
            embedding,
            shot.reference.to(pipeline.device, pipeline.dtype),
            _part(self._views, range(1)),
            self._scene_view,
            self._size,
        )
        self._dropped = (
            self._network.condition(torch.zeros_like(embedding), size=self._size)
            if settings.guidance > 1
            else None
        )

    def of_window(self, span: range) -> tuple[Conditioning, ...]:
        """The window's conditioning and, under guidance, the one without the scene."""
        if span in self._kept:
            scene = self._kept[span]
        else:
            views = _part(self._views, span)
            # As a clip of training, a window begins at the identity pose.
            of_window = relative_to_view(views, _part(views, range(1)))
            camera = self._network.camera_attention(of_window, *self._size)
            rays = self._network.rays(views, self._scene_view, *self._size)
            scene = replace(self._scene, camera=camera, rays=rays)
            taken = sum(half.nbytes for half in camera.values())
            if self._kept_bytes + taken <= self._most_kept:
                self._kept[span] = scene
                self._kept_bytes += taken
        if self._dropped is None:
            return (scene,)
        return scene, replace(self._dropped, camera=scene.camera)


def _part(views: Views, span: range) -> Views:
    frames = slice(span.start, span.stop)
    return Views(views.intrinsics[:, frames], views.extrinsics[:, frames])


def _on(views: Views, device: torch.device) -> Views:
    return Views(views.intrinsics.to(device), views.extrinsics.to(device))
