"""Base weights in the layouts that their authors publish, as a network's own names.

Each set of tensors is given back by the names of ``Network.state_dict``; positional tables are left
out, since they are computed and not learned.
"""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_animatediff_checkpoint_to_diffusers
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dynascene_cli.errors import InputError

WEIGHT_FILES = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
)
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".ckpt", ".pt", ".pth")
POSITION_TABLES = ("pos_embed.pe", "pos_encoder.pe", "position_ids")
OLD_VAE_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}

Tensors = dict[str, Tensor]


def weight_file(path: Path, *folders: str) -> Path:
    """The file itself, or the weights in a folder: by their usual names, or the only ones there.

    Raises:
        InputError: no such file is there.
    """
    if path.is_file():
        return path
    folder = path.joinpath(*folders)
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    others = sorted(file for file in folder.glob("*") if file.suffix in WEIGHT_SUFFIXES)
    if len(others) == 1:
        return others[0]
    held = f"several: {', '.join(file.name for file in others)}" if others else "none"
    raise InputError(
        f"{folder} should hold one file of weights and holds {held}",
        f"give the file itself, or a folder with {WEIGHT_FILES[0]}",
    )


def read_tensors(path: Path) -> dict[str, Any]:
    """What a file of weights holds: safetensors, or a pickle of tensors and plain values alone.

    Raises:
        InputError: the file cannot be read, or would run code on being read.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as weights: {str(error).splitlines()[0]}",
            "it may be cut short, or hold more than weights; get it again from its authors",
        ) from error


def inpainting_unet(unet: Tensors) -> Tensors:
    """Stable Diffusion 1.5 inpainting's U-Net, in diffusers' layout, as the denoiser."""
    return {f"denoiser.{name}": tensor for name, tensor in unet.items()}


def reference_net(unet: Tensors, latent_channels: int) -> Tensors:
    """The same U-Net as ReferenceNet.

    That has no mask and no foreground, so it keeps the input layer's first channels alone.
    """
    # A file may not name one memory twice.
    copied = {f"reference_net.{name}": tensor.clone() for name, tensor in unet.items()}
    first = "reference_net.conv_in.weight"
    if first in copied:
        copied[first] = copied[first][:, :latent_channels].clone()
    return copied


def inpainting_vae(vae: Tensors) -> Tensors:
    """Stable Diffusion 1.5's VAE in diffusers' layout, under its old or new attention names."""
    renamed = {}
    for name, tensor in vae.items():
        parts = name.split(".")
        if "attentions" in parts:
            parts = [OLD_VAE_NAMES.get(part, part) for part in parts]
        renamed[".".join(["vae", *parts])] = tensor
    return renamed


def clip_image_encoder(clip: Tensors) -> Tensors:
    """CLIP's vision model and projection, out of the whole of CLIP in transformers' layout."""
    return {
        f"image_encoder.{name}": tensor
        for name, tensor in clip.items()
        if name.startswith(("vision_model.", "visual_projection.")) and not _is_table(name)
    }


def motion_modules(found: dict[str, Any]) -> Tensors:
    """AnimateDiff's motion modules: diffusers' ``MotionAdapter`` or the authors' own layout."""
    found = {k.removeprefix("module."): v for k, v in found.get("state_dict", found).items()}
    found.pop("animatediff_config", None)
    converted = convert_animatediff_checkpoint_to_diffusers(found)
    return {f"denoiser.{k}": v for k, v in converted.items() if not _is_table(k)}


def camera_ctrl(found: dict[str, Any]) -> Tensors:
    """CameraCtrl's pose encoder and merge layers, as camera encoder and camera adaptors.

    Its adaptor is one layer, M·(z + c), which two layers without an activation hold exactly:
    the first the sum, the second M.

    Raises:
        InputError: these are not CameraCtrl's weights.
    """
    parts = ("pose_encoder_state_dict", "attention_processor_state_dict")
    absent = [part for part in parts if part not in found]
    if absent:
        raise InputError(
            f"CameraCtrl's weights lack {' and '.join(absent)}", "give its authors' CameraCtrl.ckpt"
        )
    encoder, merge = (found[part] for part in parts)
    tensors = {
        f"camera_encoder.{_encoder_name(name)}": tensor
        for name, tensor in convert_animatediff_checkpoint_to_diffusers(encoder).items()
    }
    for name, tensor in merge.items():
        layer = name.replace(".temporal_transformer", "").replace("attention_blocks.0", "attn1")
        processor, _, kind = f"denoiser.{layer}".rpartition(".qkv_merge.")
        tensors[f"{processor}.out.{kind}"] = tensor
        if kind == "weight":
            identity = torch.eye(len(tensor), dtype=tensor.dtype)
            tensors[f"{processor}.feature.weight"] = identity
            tensors[f"{processor}.camera.weight"] = identity.clone()
            tensors[f"{processor}.feature.bias"] = torch.zeros(len(tensor), dtype=tensor.dtype)
    return tensors


def _encoder_name(name: str) -> str:
    name = name.replace("encoder_conv_in", "conv_in")
    name = re.sub(r"encoder_down_conv_blocks\.(\d+)\.(\d+)", r"levels.\1.\2", name)
    return re.sub(r"encoder_down_attention_blocks\.(\d+)\.(\d+)", r"levels.\1.\2.attention", name)


def _is_table(name: str) -> bool:
    return name.endswith(POSITION_TABLES)
