"""SANA-WM: a picture, a prompt and cameras become a video.

diffusers' ``SanaWMPipeline`` encodes and denoises; its parts are called one by one, so that a
person can be put back at every step and a run can be continued. Its refiner is not used.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    SanaWMPipeline,
    SanaWMTransformer3DModel,
)
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DTYPES, offload_layers
from dynascene_cli.diffusion.image_processor import to_rgb_image, to_signed_tensor
from dynascene_cli.diffusion.latent_frames import (
    frames_of,
    latent_count,
    usual_overlap,
    whole_frames,
)
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.diffusion.sana_settings import FRAMES_PER_LATENT, ResolvedSana
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.diffusion.windows import blend_weights, blend_windows, items_of, windows
from dynascene_cli.errors import reading
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

NOISE_LEVELS = 1000


@dataclass(frozen=True, eq=False)
class SanaPrompts:
    """Embeddings (1, 1, L, E) and masks (1, L) of what is asked for, and of nothing."""

    wanted: Tensor
    wanted_mask: Tensor
    unwanted: Tensor
    unwanted_mask: Tensor


@dataclass(frozen=True, eq=False)
class Cameras:
    """Camera-to-world (F, 4, 4) in OpenCV axes, and K (F, 3, 3) in pixels of what is sampled."""

    to_world: Floats
    intrinsics: Floats


@dataclass(frozen=True, eq=False)
class Foreground:
    """The person to put back: latents (1, C, T, h, w), and where (1, 1, T, h, w) 1 = generate."""

    latents: Tensor
    generate_mask: Tensor


class SanaModel:
    """The networks of one checkpoint on their device, and its scheduler set to some steps.

    Raises:
        InputError: the weights are damaged or of another architecture.
    """

    def __init__(
        self, checkpoint: VideoCheckpoint, settings: ResolvedSana, device: torch.device
    ) -> None:
        self.device, self._settings = device, settings
        optimisations = settings.optimisations
        precision = optimisations.precision or ("bfloat16" if device.type == "cuda" else "float32")
        self._dtype, folder = DTYPES[precision], str(checkpoint.folder)
        with reading(checkpoint.folder, "SANA-WM's weights", "fetch or copy the folder again"):
            self._pipeline: Any = SanaWMPipeline(
                tokenizer=None,
                text_encoder=None,
                vae=AutoencoderKLLTX2Video.from_pretrained(
                    folder, subfolder="vae", torch_dtype=self._dtype, local_files_only=True
                ),
                transformer=SanaWMTransformer3DModel.from_pretrained(
                    folder, subfolder="transformer", torch_dtype=self._dtype, local_files_only=True
                ),
                scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(
                    folder, subfolder="scheduler", local_files_only=True
                ),
            )
        self.scheduler = self._pipeline.scheduler
        self.scheduler.set_timesteps(settings.steps)
        if optimisations.vae_tile is not None:
            stride = optimisations.vae_tile * 3 // 4
            self._pipeline.vae.enable_tiling(
                tile_sample_min_height=optimisations.vae_tile,
                tile_sample_min_width=optimisations.vae_tile,
                tile_sample_stride_height=stride,
                tile_sample_stride_width=stride,
            )
        self._pipeline.vae.to(device).eval()
        self._pipeline.transformer.eval()
        if optimisations.offload:
            offload_layers(self._pipeline.transformer, device)
        else:
            self._pipeline.transformer.to(device)

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image]) -> Tensor:
        """Latents (1, C, T, h, w) of 8k + 1 pictures (H, W, 3), on the CPU in float32."""
        video = torch.cat([to_signed_tensor(picture) for picture in pictures])
        vae = self._pipeline.vae
        given = video.movedim(0, 1)[None].to(self.device, vae.dtype)
        latents = vae.encode(given).latent_dist.mode().float().cpu()
        mean, deviation = (
            each.float().cpu().view(1, -1, 1, 1, 1) for each in (vae.latents_mean, vae.latents_std)
        )
        return (latents - mean) * vae.config.scaling_factor / deviation

    def encode_clip(self, pictures: Iterable[Image], count: int) -> Tensor:
        """Latents (1, C, T, h, w) of so many pictures, the last one going on to fill up the last.

        A long clip is encoded in windows. What two of them share is the earlier one's: the encoder
        is causal, and of a later window the first latent is but one frame.
        """
        spans = self.spans(latent_count(count, FRAMES_PER_LATENT))
        frames = tuple(frames_of(span, FRAMES_PER_LATENT) for span in spans)
        parts: list[Tensor] = []
        done = 0
        for span, given in zip(spans, items_of(frames, _go_on(pictures)), strict=True):
            parts.append(self.encode(given)[:, :, done - span.start :])
            done = span.stop
        return torch.cat(parts, dim=2)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Iterator[Image]:
        """The 8k + 1 pictures (H, W, 3) of a clip's latents (1, C, T, h, w).

        A long clip is decoded in windows, mixed over the frames that they share.
        """
        spans = self.spans(latents.shape[2])
        frames = tuple(frames_of(span, FRAMES_PER_LATENT) for span in spans)
        starts = [*(span.start for span in frames[1:]), frames[-1].stop]
        begun: Tensor | None = None
        for span, seen, start, weight in zip(
            spans, frames, starts, blend_weights(frames), strict=True
        ):
            given = latents[:, :, span.start : span.stop].to(self.device)
            video = self._pipeline._decode_latents(given)[0].movedim(1, 0).float().cpu()
            video = video * weight[:, None, None, None]
            if begun is not None:
                video[: len(begun)] += begun
            ready = start - seen.start
            yield from map(to_rgb_image, video[:ready])
            begun = video[ready:].clone()

    def spans(self, latents: int) -> tuple[range, ...]:
        """The windows in which so many latents are encoded and decoded."""
        return windows(latents, self._settings.window_latents, self._settings.overlap_latents)

    def start(self, first: Tensor, latents: int) -> SamplingState:
        """Noise by the seed, drawn on the CPU, after the first frame's latents (1, C, 1, h, w)."""
        generator = torch.Generator().manual_seed(self._settings.seed)
        shape = (1, first.shape[1], latents, *first.shape[-2:])
        noise = torch.randn(shape, generator=generator)
        noise[:, :, :1] = first
        return SamplingState(0, noise, generator.get_state())

    @torch.no_grad()
    def denoise(
        self,
        state: SamplingState,
        cameras: Cameras,
        prompts: SanaPrompts,
        foreground: Foreground | None,
        after_step: Callable[[SamplingState], None],
    ) -> Tensor:
        """The latents (1, C, T, h, w) after the last step, continued from a state.

        With a ``foreground`` the paper's equation 4 holds after every step: what is generated where
        the mask is 1, and elsewhere the foreground, noised to the step.

        A long clip is denoised in windows, each of which begins with the first frame, where the
        cameras begin too; what is predicted is blended at every step.
        """
        given = self._step_inputs(state, cameras, prompts)
        self.scheduler.set_begin_index(state.step)
        noise = self.start(state.latents[:, :, :1], state.latents.shape[2]).latents
        for step in range(state.step, self._settings.steps):
            timestep = self.scheduler.timesteps[step]
            latents = self._step(timestep, state.latents, given)
            if foreground is not None:
                level = float(self.scheduler.sigmas[step + 1])
                noised = (1 - level) * foreground.latents + level * noise
                mask = foreground.generate_mask
                latents = latents * mask + noised * (1 - mask)
                latents[:, :, :1] = state.latents[:, :, :1]
            state = SamplingState(step + 1, latents, state.random)
            after_step(state)
        return state.latents

    def _step_inputs(
        self, state: SamplingState, cameras: Cameras, prompts: SanaPrompts
    ) -> dict[str, Any]:
        """What every step is given besides the latents."""
        height, width = (side * 32 for side in state.latents.shape[-2:])
        guided = self._settings.guidance > 1
        K = cameras.intrinsics.astype(np.float32)
        lens = np.stack([K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2]], axis=-1)
        camera = self._pipeline._build_camera_kwargs(
            cameras.to_world.astype(np.float32),
            lens,
            (height, width),
            device=self.device,
            dtype=self._dtype,
            do_cfg=guided,
        )
        texts, masks = [prompts.wanted], [prompts.wanted_mask]
        if guided:
            texts, masks = [prompts.unwanted, *texts], [prompts.unwanted_mask, *masks]
        sizes = torch.tensor([[height, width]], dtype=torch.float, device=self.device)
        return {
            "text": torch.cat(texts).to(self.device, self._dtype),
            "named": {
                "data_info": {"img_hw": sizes},
                "mask": torch.cat(masks).to(self.device),
            },
            **camera,
        }

    def _step(self, timestep: Tensor, latents: Tensor, given: dict[str, Any]) -> Tensor:
        """One step of the pipeline's: the first frame's latents stay as they are."""
        channels, frames, height, width = latents.shape[1:]
        first, rest = latents[:, :, :1], latents[:, :, 1:]
        length = self._settings.window_latents - 1
        spans = windows(frames - 1, length, usual_overlap(length))

        def predict(span: range) -> Tensor:
            own = [0, *range(1 + span.start, 1 + span.stop)]
            whole = torch.cat([first, rest[:, :, span.start : span.stop]], dim=2)
            return self._velocity(timestep, whole, given, own)[:, :, 1:]

        predicted = blend_windows(predict, spans, blend_weights(spans))
        predicted = torch.cat([torch.zeros_like(first), predicted], dim=2)
        tokens = self._times(timestep, frames).repeat_interleave(height * width)[None]
        made = self.scheduler.step(
            -predicted.reshape(1, channels, -1).transpose(1, 2),
            timestep,
            latents.reshape(1, channels, -1).transpose(1, 2),
            per_token_timesteps=tokens,
            return_dict=False,
        )[0]
        whole: Tensor = made.transpose(1, 2).reshape(latents.shape).float()
        return torch.cat([first, whole[:, :, 1:]], dim=2)

    def _velocity(
        self, timestep: Tensor, latents: Tensor, given: dict[str, Any], own: list[int]
    ) -> Tensor:
        """What is predicted of a window's latents, guided; ``own`` are their places in the clip."""
        halves = 2 if self._settings.guidance > 1 else 1
        moved = latents.to(self.device, self._dtype)
        times = self._times(timestep, len(own)).to(self.device)
        predicted: Tensor = self._pipeline.transformer(
            torch.cat([moved] * halves),
            times.expand(halves, 1, -1),
            given["text"],
            camera_conditions=given["camera_conditions"][:, own],
            chunk_plucker=given["chunk_plucker"][:, :, own],
            return_dict=False,
            **given["named"],
        )[0]
        if halves == 2:
            plain, wanted = predicted.chunk(2)
            predicted = plain + self._settings.guidance * (wanted - plain)
        return predicted.float().cpu()

    @staticmethod
    def _times(timestep: Tensor, latents: int) -> Tensor:
        """The timestep of each of so many latents, (T,): the first frame has no noise."""
        times = torch.full((latents,), float(timestep))
        times[0] = 0.0
        return times


def _go_on(pictures: Iterable[Image]) -> Iterator[Image]:
    """The pictures, and the last of them ever after."""
    for picture in pictures:
        yield picture
    while True:
        yield picture


def generate_cells(masks: Sequence[NDArray[np.float32]]) -> Tensor:
    """A mask (1, 1, T, h, w) of latents, of one (h, w) a frame: 0 where most are the person's.

    The last one goes on to fill up the last latent.
    """
    more = whole_frames(len(masks), FRAMES_PER_LATENT) - len(masks)
    given = torch.from_numpy(np.stack([*masks, *[masks[-1]] * more]))
    first, rest = given[:1], given[1:].unflatten(0, (-1, FRAMES_PER_LATENT)).mean(dim=1)
    return (torch.cat([first, rest]) > 0.5).float()[None, None]
