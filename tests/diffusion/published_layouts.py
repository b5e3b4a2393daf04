"""Weights as their authors lay them out on disk: names and shapes, at any size."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from dynascene_cli.diffusion.configuration import NetworkConfig


def inpainting_unet(config: NetworkConfig) -> UNet2DConditionModel:
    cross = config.levels - 1
    return UNet2DConditionModel(
        in_channels=9,
        block_out_channels=config.channels,
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_groups,
        cross_attention_dim=config.image_embedding,
        attention_head_dim=config.attention_heads,
        down_block_types=("CrossAttnDownBlock2D",) * cross + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * cross,
    )


def vae(config: NetworkConfig) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=config.vae_channels,
        layers_per_block=config.vae_layers_per_block,
        norm_num_groups=config.vae_norm_groups,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )


def clip(config: NetworkConfig) -> CLIPModel:
    """The whole of CLIP: the text model lies in the same file."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    vision = {
        "hidden_size": config.clip_width,
        "intermediate_size": 4 * config.clip_width,
        "num_hidden_layers": config.clip_layers,
        "num_attention_heads": config.clip_heads,
        "patch_size": config.clip_patch,
        "image_size": config.clip_pixels,
    }
    text = sizes | {"vocab_size": 8, "num_attention_heads": 2, "bos_token_id": 1, "eos_token_id": 2}
    return CLIPModel(
        CLIPConfig(projection_dim=config.image_embedding, vision_config=vision, text_config=text)
    )


def motion_adapter(config: NetworkConfig, middle: bool = True) -> MotionAdapter:
    return MotionAdapter(
        block_out_channels=config.channels,
        motion_layers_per_block=config.layers_per_block,
        motion_num_attention_heads=config.motion_heads,
        motion_norm_num_groups=config.norm_groups,
        use_motion_mid_block=middle,
    )


def original_animatediff(adapter: MotionAdapter) -> dict[str, Tensor]:
    """The layout of mm_sd_v15_v2.ckpt and v3_sd15_mm.ckpt."""
    renamed = {
        "transformer_blocks.0.norm1": "transformer_blocks.0.norms.0",
        "transformer_blocks.0.norm2": "transformer_blocks.0.norms.1",
        "transformer_blocks.0.norm3": "transformer_blocks.0.ff_norm",
        "attn1": "attention_blocks.0",
        "attn2": "attention_blocks.1",
        "pos_embed.pe": "attention_blocks.0.pos_encoder.pe",
    }
    original = {}
    for name, tensor in adapter.state_dict().items():
        for new, old in renamed.items():
            name = name.replace(new, old)
        block, _, layer = name.partition(".motion_modules.")
        index, _, layer = layer.partition(".")
        name = f"{block}.motion_modules.{index}.temporal_transformer.{layer}"
        original[name] = tensor
        if name.endswith("pos_encoder.pe"):
            second = name.replace("attention_blocks.0", "attention_blocks.1")
            original[second] = tensor.clone()
    return original


def camera_ctrl(config: NetworkConfig, device: str = "cpu") -> dict[str, dict[str, Tensor]]:
    """The layout of CameraCtrl.ckpt: a pose encoder of two blocks a level, and merge layers."""
    random = torch.Generator().manual_seed(0)

    def weight(*shape: int) -> Tensor:
        if device == "meta":
            return torch.empty(*shape, device="meta")
        return 0.1 * torch.randn(*shape, generator=random)

    encoder = {
        "encoder_conv_in.weight": weight(config.channels[0], 384, 3, 3),
        "encoder_conv_in.bias": weight(config.channels[0]),
    }
    inputs = (config.channels[0], *config.channels)
    for level, c in enumerate(config.channels):
        for block in range(2):
            conv = f"encoder_down_conv_blocks.{level}.{block}"
            if block == 0 and inputs[level] != c:
                encoder[f"{conv}.in_conv.weight"] = weight(c, inputs[level], 1, 1)
                encoder[f"{conv}.in_conv.bias"] = weight(c)
            encoder[f"{conv}.block1.weight"] = weight(c, c, 3, 3)
            encoder[f"{conv}.block1.bias"] = weight(c)
            encoder[f"{conv}.block2.weight"] = weight(c, c, 1, 1)
            encoder[f"{conv}.block2.bias"] = weight(c)
            time = f"encoder_down_attention_blocks.{level}.{block}"
            for projection in ("to_q", "to_k", "to_v", "to_out.0"):
                encoder[f"{time}.attention_blocks.0.{projection}.weight"] = weight(c, c)
            encoder[f"{time}.attention_blocks.0.to_out.0.bias"] = weight(c)
            encoder[f"{time}.attention_blocks.0.pos_encoder.pe"] = weight(1, 16, c)
            for norm in ("norms.0", "ff_norm"):
                encoder[f"{time}.{norm}.weight"] = weight(c)
                encoder[f"{time}.{norm}.bias"] = weight(c)
            encoder[f"{time}.ff.net.0.proj.weight"] = weight(8 * c, c)
            encoder[f"{time}.ff.net.0.proj.bias"] = weight(8 * c)
            encoder[f"{time}.ff.net.2.weight"] = weight(c, 4 * c)
            encoder[f"{time}.ff.net.2.bias"] = weight(c)
    merge = {}
    for side, channels, modules in (
        ("down_blocks", config.channels, config.layers_per_block),
        ("up_blocks", config.channels[::-1], config.layers_per_block + 1),
    ):
        for block, c in enumerate(channels):
            for index in range(modules):
                layer = f"{side}.{block}.motion_modules.{index}.temporal_transformer"
                start = f"{layer}.transformer_blocks.0.attention_blocks.0.processor.qkv_merge"
                merge[f"{start}.weight"] = weight(c, c)
                merge[f"{start}.bias"] = weight(c)
    return {"pose_encoder_state_dict": encoder, "attention_processor_state_dict": merge}


def save_base_weights(folder: Path, config: NetworkConfig) -> None:
    """The four base weights in the files that their authors publish."""
    torch.manual_seed(5)
    inpainting_unet(config).save_pretrained(folder / "sd/unet")
    vae(config).save_pretrained(folder / "sd/vae")
    clip(config).save_pretrained(folder / "clip")
    motion_adapter(config).save_pretrained(folder / "motion")
    torch.save(original_animatediff(motion_adapter(config)), folder / "mm_sd_v15_v2.ckpt")
    v3 = {"state_dict": original_animatediff(motion_adapter(config, middle=False))}
    torch.save(v3, folder / "v3_sd15_mm.ckpt")
    torch.save(camera_ctrl(config), folder / "CameraCtrl.ckpt")
