"""The networks of diffusers and transformers, at the sizes that a configuration gives."""

from diffusers import AutoencoderKL, UNet2DConditionModel, UNetMotionModel
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from dynascene_cli.diffusion.attention_processors import ReferenceWriter, StillMotion
from dynascene_cli.diffusion.configuration import NetworkConfig

VAE_SCALE = 0.18215
"""Stable Diffusion's latents are its VAE's times this (Rombach et al. 2022, section G)."""


def stock_denoiser(config: NetworkConfig) -> UNetMotionModel:
    """Stable Diffusion 1.5 inpainting's U-Net with AnimateDiff's motion modules in it."""
    cross = config.levels - 1
    denoiser = UNetMotionModel(
        in_channels=config.input_channels,
        out_channels=config.latent_channels,
        block_out_channels=config.channels,
        down_block_types=("CrossAttnDownBlockMotion",) * cross + ("DownBlockMotion",),
        up_block_types=("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * cross,
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_groups,
        cross_attention_dim=config.image_embedding,
        num_attention_heads=config.attention_heads,
        motion_max_seq_length=config.motion_frames,
        motion_num_attention_heads=config.motion_heads,
        use_motion_mid_block=config.motion and config.motion_mid_block,
    )
    if not config.motion:
        for block in (*denoiser.down_blocks, *denoiser.up_blocks):
            block.motion_modules = nn.ModuleList(StillMotion() for _ in block.motion_modules)
    return denoiser


def stock_reference_net(config: NetworkConfig, bank: dict[str, Tensor]) -> UNet2DConditionModel:
    """The same U-Net for one image, without mask and foreground; it writes into ``bank``."""
    cross = config.levels - 1
    reference_net = UNet2DConditionModel(
        in_channels=config.latent_channels,
        out_channels=config.latent_channels,
        block_out_channels=config.channels,
        down_block_types=("CrossAttnDownBlock2D",) * cross + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * cross,
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_groups,
        cross_attention_dim=config.image_embedding,
        # In this class the heads' number goes by the name of their size.
        attention_head_dim=config.attention_heads,
    )
    reference_net.set_attn_processor(
        {
            name: ReferenceWriter(name.removesuffix(".processor"), bank)
            if ".attn1." in name
            else processor
            for name, processor in reference_net.attn_processors.items()
        }
    )
    return reference_net


def stock_image_encoder(config: NetworkConfig) -> CLIPVisionModelWithProjection:
    """CLIP's vision model with its projection."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=config.clip_width,
            intermediate_size=4 * config.clip_width,
            num_hidden_layers=config.clip_layers,
            num_attention_heads=config.clip_heads,
            patch_size=config.clip_patch,
            image_size=config.clip_pixels,
            projection_dim=config.image_embedding,
        )
    )


def stock_vae(config: NetworkConfig) -> AutoencoderKL:
    """Stable Diffusion 1.5's VAE."""
    levels = len(config.vae_channels)
    return AutoencoderKL(
        block_out_channels=config.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=config.vae_layers_per_block,
        norm_num_groups=config.vae_norm_groups,
        latent_channels=config.latent_channels,
        scaling_factor=VAE_SCALE,
    )
