"""The DynaScene network: a denoiser with a scene, its embedding and a camera.

Stock U-Nets of diffusers, and processors on their attention layers. What does not change from
step to step is computed once a clip as a ``Conditioning``; ``denoise`` is one step with it, and
``forward`` both together, for training.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar, cast

import torch
from accelerate import init_empty_weights
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

from dynascene_cli.diffusion.attention_processors import (
    CameraAdaptor,
    ImageAttention,
    Motion,
    ReferenceReader,
    is_motion,
)
from dynascene_cli.diffusion.backbones import (
    VAE_SCALE,
    stock_denoiser,
    stock_image_encoder,
    stock_reference_net,
    stock_vae,
)
from dynascene_cli.diffusion.camera_encoder import CameraEncoder
from dynascene_cli.diffusion.camera_rays import Views, pluecker_maps, relative_to_view
from dynascene_cli.diffusion.conditioning import (
    Conditioning,
    LevelRays,
    ProcessorState,
    level_rays,
)
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.dct_latents import BlockTransform

P = TypeVar("P")


class Network(nn.Module):
    """All networks of one checkpoint.

    ``denoiser`` (UNetMotionModel), ``reference_net`` (UNet2DConditionModel), ``camera_encoder``,
    ``image_encoder`` (CLIP) and ``vae``; those that the configuration switches off are None.
    Latents are (B, C, F, h, w), of Stable Diffusion's VAE 4 numbers on 1/8 of the picture's sides;
    h and w may be odd.

    With ``empty`` the stock networks hold no memory until weights are assigned to them; what is
    this program's own is initialised all the same.
    """

    def __init__(self, config: NetworkConfig, empty: bool = False) -> None:
        super().__init__()
        self.config = config
        self.state = ProcessorState(config.levels)
        self.bank: dict[str, Tensor] = {}
        with init_empty_weights() if empty else nullcontext():
            self.denoiser = stock_denoiser(config)
            self.reference_net = (
                stock_reference_net(config, self.bank) if config.reference_net else None
            )
            self.image_encoder = stock_image_encoder(config)
            self.vae: Any = stock_vae(config) if config.latent == "vae" else None
        self.blocks = BlockTransform() if config.latent == "dct" else None
        self.denoiser.set_attn_processor(self._processors())
        for module in self.denoiser.modules():
            if isinstance(module, AnimateDiffTransformer3D):
                # The class, since a forward set on the instance would stay its own in a copy.
                module.__class__ = Motion
                module.state = self.state
                # As AnimateDiff's begin: what they have not learned would only shake the picture.
                nn.init.zeros_(module.proj_out.weight)
                nn.init.zeros_(module.proj_out.bias)
        self.camera_encoder = CameraEncoder(config) if config.camera else None

    def image_embedding(self, pixels: Tensor) -> Tensor:
        """CLIP embeddings (B, E) of scene photos (B, 3, clip_pixels, clip_pixels).

        Pixels are normalised as CLIP's are: see ``CLIP_MEAN`` of transformers' image utilities.
        """
        embedding: Tensor = self.image_encoder(pixels).image_embeds
        return embedding

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (N, C, h, w) of pictures (N, 3, H, W) in −1..1: the mean, not a sample."""
        if self.blocks is not None:
            return self.blocks.encode(pictures)
        latents: Tensor = self.vae.encode(pictures).latent_dist.mode()
        return latents * VAE_SCALE

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), about −1..1, of latents (N, C, h, w)."""
        if self.blocks is not None:
            return self.blocks.decode(latents)
        pictures: Tensor = self.vae.decode(latents / VAE_SCALE).sample
        return pictures

    def image_attention(self, embedding: Tensor) -> dict[str, Tensor]:
        """What every cross-attention to image embeddings (B, E) gives."""
        return {
            layer: processor.fold(self._attention(layer), embedding)
            for layer, processor in self._find_processors(ImageAttention)
        }

    def reference_attention(
        self, latent: Tensor, embedding: Tensor, scene: tuple[LevelRays, ...] = ()
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Keys and values of the scene's latents (B, C, h, w), by one run of ReferenceNet at t = 0.

        ``scene``: the scene's cameras, one frame a clip, where the configuration uses them.
        """
        if self.reference_net is None:
            return {}
        start = torch.zeros(len(latent), dtype=torch.long, device=latent.device)
        self.reference_net(latent, start, embedding[:, None])
        written = {
            layer: processor.prepare(self._attention(layer), self.bank[layer], scene)
            for layer, processor in self._find_processors(ReferenceReader)
        }
        self.bank.clear()
        return written

    def camera_attention(self, views: Views, height: int, width: int) -> dict[str, Tensor]:
        """The adaptors' camera halves for latents of height × width.

        Raises:
            ValueError: there are more frames than ``motion_frames``.
        """
        if self.camera_encoder is None or self.state.still:
            return {}
        self._check_length(views.frames)
        stride = self.config.latent_stride
        maps = pluecker_maps(views, height * stride, width * stride)
        features = self.camera_encoder(maps)
        return {
            layer: processor.camera_half(features)
            for layer, processor in self._find_processors(CameraAdaptor)
        }

    def rays(
        self, views: Views, scene_view: Views, height: int, width: int
    ) -> tuple[LevelRays, ...]:
        """The cameras for latents of height × width, where reference attention uses them."""
        if self.config.reference_geometry == "none":
            return ()
        return level_rays(relative_to_view(views, scene_view), height, width, self.config)

    def condition(
        self,
        embedding: Tensor,
        reference: Tensor | None = None,
        views: Views | None = None,
        scene_view: Views | None = None,
        size: tuple[int, int] | None = None,
    ) -> Conditioning:
        """What all steps of a clip share.

        ``embedding`` (B, E) and ``reference`` (B, C, h, w) are of the scene; ``views`` are the
        clip's cameras and ``scene_view`` (one frame) the scene's; ``size`` is the clip's latents'
        (height, width), where it is not the reference's. What is None is not attended to, as in
        the half of guidance that drops it.

        Raises:
            ValueError: one of two cameras that reference attention compares is missing, the size
                is unknown, or there are more frames than ``motion_frames``.
        """
        compares = reference is not None and self.config.reference_geometry != "none"
        if compares and (views is None) != (scene_view is None):
            raise ValueError("reference geometry needs views and scene_view, or neither")
        if size is None and reference is not None:
            size = (reference.shape[-2], reference.shape[-1])
        if size is None and views is not None:
            raise ValueError("views need the size of the clip's latents")
        scene: tuple[LevelRays, ...] = ()
        rays: tuple[LevelRays, ...] = ()
        if compares and reference is not None and views and scene_view and size:
            rays = self.rays(views, scene_view, *size)
            first, *others = self.rays(scene_view, scene_view, *reference.shape[-2:])
            scene = (replace(first, latents=reference.flatten(2).mT), *others)
        return Conditioning(
            image=self.image_attention(embedding),
            reference=(
                self.reference_attention(reference, embedding, scene)
                if reference is not None
                else {}
            ),
            camera=self.camera_attention(views, *size) if views and size else {},
            rays=rays,
        )

    def denoise(
        self,
        noisy: Tensor,
        generate_mask: Tensor,
        foreground: Tensor,
        timestep: Tensor | int,
        conditioning: Conditioning,
    ) -> Tensor:
        """What is predicted, (B, C, F, h, w), of ``noisy`` (B, C, F, h, w).

        That is the noise in it, or what else a checkpoint says it was trained for.

        ``generate_mask`` (B, 1, F, h, w) is 1 where the picture is to be made and 0 on the human,
        whose latents are ``foreground`` (B, C, F, h, w); ``timestep`` is one or one a clip.

        Raises:
            ValueError: there are more frames than ``motion_frames``.
        """
        self._check_length(noisy.shape[2])
        sample = torch.cat([noisy, generate_mask, foreground], dim=1)
        self.state.conditioning = conditioning
        predicted: Tensor = self.denoiser(sample, timestep, None, return_dict=False)[0]
        if not torch.is_grad_enabled():
            # Checkpointed layers run again in the backward pass and read it then.
            self.state.conditioning = None
        return predicted

    def forward(
        self,
        noisy: Tensor,
        generate_mask: Tensor,
        foreground: Tensor,
        timestep: Tensor | int,
        embedding: Tensor,
        reference: Tensor | None = None,
        views: Views | None = None,
        scene_view: Views | None = None,
    ) -> Tensor:
        """``denoise`` with the ``condition`` of the same clip.

        ``embedding`` may be the pixels of ``image_embedding``, where the image encoder learns too.
        """
        if embedding.dim() == 4:
            embedding = self.image_embedding(embedding)
        size = (noisy.shape[-2], noisy.shape[-1])
        conditioning = self.condition(embedding, reference, views, scene_view, size)
        return self.denoise(noisy, generate_mask, foreground, timestep, conditioning)

    def enable_gradient_checkpointing(self) -> None:
        """Remember less in training: ResNets and motion modules run again in the backward pass.

        One forward is followed by its backward before the next forward.
        """
        self.denoiser.enable_gradient_checkpointing()
        if self.reference_net is not None:
            self.reference_net.enable_gradient_checkpointing()
        for block in (*self.denoiser.down_blocks, *self.denoiser.up_blocks):
            for module in block.motion_modules if self.config.motion else ():
                module.checkpoints = True

    def share_geometry(self, share: float) -> None:
        """Let so much of the cameras in reference attention count, 0..1.

        At 0 the network is the one without them (``reference_geometry`` none).
        """
        for _, reader in self._find_processors(ReferenceReader):
            if reader.geometry is not None:
                reader.geometry.share = share

    @contextmanager
    def without_motion(self) -> Iterator[None]:
        """Inside it frames are pictures of their own: motion modules and camera adaptors rest.

        A forward and its backward lie both inside it.
        """
        before, self.state.still = self.state.still, True
        try:
            yield
        finally:
            self.state.still = before

    def _check_length(self, frames: int) -> None:
        moves = self.config.motion and not self.state.still
        if moves and frames > self.config.motion_frames:
            raise ValueError(
                f"a clip of {frames} frames is longer than the {self.config.motion_frames} that "
                "motion modules know positions for: denoise it in windows"
            )

    def _processors(self) -> dict[str, Any]:
        processors = {}
        for name, attn in self.denoiser.named_modules():
            if not isinstance(attn, Attention):
                continue
            layer, channels = f"{name}.processor", attn.inner_dim
            if is_motion(name):
                adapted = self.config.camera and name.endswith("attn1")
                processors[layer] = (
                    CameraAdaptor(name, self.state, channels, self.config)
                    if adapted
                    else attn.processor
                )
            elif name.endswith("attn1"):
                processors[layer] = ReferenceReader(name, self.state, channels, self.config)
            else:
                processors[layer] = ImageAttention(name, self.state)
        return processors

    def _attention(self, layer: str) -> Attention:
        return cast(Attention, self.denoiser.get_submodule(layer))

    def _find_processors(self, kind: type[P]) -> list[tuple[str, P]]:
        return [
            (name.removesuffix(".processor"), processor)
            for name, processor in self.denoiser.attn_processors.items()
            if isinstance(processor, kind)
        ]
