"""Wan-VACE: a video of which a mask says what is kept and what is generated, and a photo for it.

diffusers' ``WanVACEPipeline`` (Jiang et al. 2025) encodes, denoises and decodes; here its parts are
called one by one, so that a clip can be longer than a window and a run can be continued.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline
from diffusers.models import WanVACETransformer3DModel
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DTYPES, offload_layers
from dynascene_cli.diffusion.image_processor import to_rgb_image
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.vace_settings import ResolvedVace
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.errors import reading
from dynascene_cli.shot import Image

GREY = 128
"""What is not known is shown as; as diffusers' example for pictures of 8 bits has it."""


@dataclass(frozen=True, eq=False)
class VaceFrame:
    """One frame of the given video: RGB (H, W, 3), and where (H, W) it is to be generated."""

    picture: Image
    generate: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prompts:
    """Embeddings (1, L, E) of what is asked for and of what is not."""

    wanted: Tensor
    unwanted: Tensor


class VaceModel:
    """The networks of one checkpoint on their device, and its scheduler set to some steps.

    Raises:
        InputError: the weights are damaged or of another architecture.
    """

    def __init__(
        self, checkpoint: VideoCheckpoint, settings: ResolvedVace, device: torch.device
    ) -> None:
        self.device, self._settings = device, settings
        self._pipeline: Any = _load(checkpoint, settings.optimisations, device)
        self.scheduler = self._pipeline.scheduler
        self.scheduler.set_timesteps(settings.steps)
        ratio = checkpoint.boundary_ratio
        self._boundary = 0.0 if ratio is None else ratio * self.scheduler.config.num_train_timesteps

    @property
    def latent_channels(self) -> int:
        """How many numbers a latent is."""
        return int(self._pipeline.vae.config.z_dim)

    @torch.no_grad()
    def control(self, frames: Sequence[VaceFrame], reference: Image) -> Tensor:
        """What the denoiser is given of 4k + 1 frames and the photo, (1, 96, 1 + T, h, w).

        The photo's latents come first. Of the frames these are, one after the other, the latents
        of what is kept, of what is there to be changed, and the mask.
        """
        pipeline = self._pipeline
        height, width = frames[0].picture.shape[:2]
        video, mask, references = pipeline.preprocess_conditions(
            [Pillow.fromarray(frame.picture) for frame in frames],
            [Pillow.fromarray(frame.generate.astype(np.uint8) * 255) for frame in frames],
            Pillow.fromarray(reference),
            1,
            height,
            width,
            len(frames),
            torch.float32,
            self.device,
        )
        latents = pipeline.prepare_video_latents(video, mask, references, None, self.device)
        masks = pipeline.prepare_masks(mask, references)
        return torch.cat([latents, masks], dim=1).float().cpu()

    @torch.no_grad()
    def velocity(
        self, latents: Tensor, timestep: Tensor, control: Tensor, prompts: Prompts
    ) -> Tensor:
        """What is predicted of latents (1, C, 1 + T, h, w), guided; on the CPU in float32."""
        name = "transformer"
        if self._pipeline.transformer is None or (
            self._pipeline.transformer_2 is not None and timestep < self._boundary
        ):
            name = "transformer_2"
        transformer = getattr(self._pipeline, name)

        def predict(prompt: Tensor) -> Tensor:
            answer: Tensor = transformer(
                hidden_states=self._move(latents, transformer),
                timestep=timestep.expand(1).to(self.device),
                encoder_hidden_states=self._move(prompt, transformer),
                control_hidden_states=self._move(control, transformer),
                control_hidden_states_scale=torch.full(
                    (len(transformer.config.vace_layers),),
                    self._settings.conditioning_scale,
                    device=self.device,
                    dtype=transformer.dtype,
                ),
                return_dict=False,
            )[0]
            return answer.float().cpu()

        wanted = predict(prompts.wanted)
        if self._settings.guidance <= 1:
            return wanted
        unwanted = predict(prompts.unwanted)
        return unwanted + self._settings.guidance * (wanted - unwanted)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Iterator[Image]:
        """The 4k + 1 pictures (H, W, 3) of a clip's latents (1, C, T, h, w), without the photo's.

        They are decoded one latent after the other, as the VAE does it, so that memory does not
        grow with the clip; in tiles, which go through the whole clip one by one, it does.
        """
        vae = self._pipeline.vae
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32)[:, None, None, None]
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        given = latents.float().cpu() * deviation + mean
        if self._settings.optimisations.vae_tile is not None:
            whole = vae.decode(given.to(self.device, vae.dtype), return_dict=False)[0]
            yield from map(to_rgb_image, whole[0].movedim(1, 0))
            return
        vae.clear_cache()
        for number in range(given.shape[2]):
            one = vae.post_quant_conv(given[:, :, number : number + 1].to(self.device, vae.dtype))
            vae._conv_idx = [0]
            frames = vae.decoder(
                one, feat_cache=vae._feat_map, feat_idx=vae._conv_idx, first_chunk=number == 0
            )
            yield from map(to_rgb_image, frames[0].movedim(1, 0))
        vae.clear_cache()

    def clean(self, velocity: Tensor, latents: Tensor, step: int) -> Tensor:
        """The latents that the picture would have, by what is predicted of them in a step."""
        return latents - self.scheduler.sigmas[step] * velocity

    def _move(self, tensor: Tensor, transformer: Any) -> Tensor:
        return tensor.to(self.device, transformer.dtype)


def _load(
    checkpoint: VideoCheckpoint, optimisations: SamplingOptimizations, device: torch.device
) -> Any:
    precision = optimisations.precision or ("bfloat16" if device.type == "cuda" else "float32")
    dtype, folder = DTYPES[precision], str(checkpoint.folder)
    with reading(checkpoint.folder, "Wan-VACE's weights", "fetch or copy the folder again"):
        parts: dict[str, Any] = {"transformer": None, "transformer_2": None}
        for name in checkpoint.transformers:
            parts[name] = WanVACETransformer3DModel.from_pretrained(
                folder, subfolder=name, torch_dtype=dtype, local_files_only=True
            )
        pipeline = WanVACEPipeline(
            tokenizer=None,
            text_encoder=None,
            # In half precision its colours drift.
            vae=AutoencoderKLWan.from_pretrained(
                folder, subfolder="vae", torch_dtype=torch.float32, local_files_only=True
            ),
            scheduler=UniPCMultistepScheduler.from_pretrained(folder, subfolder="scheduler"),
            boundary_ratio=checkpoint.boundary_ratio,
            **parts,
        )
    if optimisations.vae_tile is not None:
        stride = optimisations.vae_tile * 3 // 4
        pipeline.vae.enable_tiling(optimisations.vae_tile, optimisations.vae_tile, stride, stride)
    pipeline.vae.to(device)
    for transformer in filter(None, parts.values()):
        transformer.eval()
        if optimisations.offload:
            offload_layers(transformer, device)
        else:
            transformer.to(device)
    return pipeline
