"""A starting checkpoint, put together from base weights."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from dynascene_cli.diffusion import base_weights
from dynascene_cli.diffusion.attention_processors import is_motion
from dynascene_cli.diffusion.base_weights import POSITION_TABLES
from dynascene_cli.diffusion.checkpoint import check_names, save_tensors
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.seeding import seed_torch
from dynascene_cli.errors import InputError
from dynascene_cli.weights import find, sha256_of


@dataclass(frozen=True)
class Sources:
    """Where the base weights lie: files, or folders in diffusers' or transformers' layout."""

    inpainting: Path
    clip: Path
    motion: Path | None
    camera_ctrl: Path | None = None

    def files(self) -> dict[str, Path]:
        """The weight files that are read, by what they are.

        Raises:
            InputError: a folder holds none.
        """
        named = {
            "inpainting/unet": base_weights.weight_file(self.inpainting, "unet"),
            "inpainting/vae": base_weights.weight_file(self.inpainting, "vae"),
            "clip": base_weights.weight_file(self.clip),
        }
        if self.motion:
            named["motion"] = base_weights.weight_file(self.motion)
        if self.camera_ctrl:
            named["camera_ctrl"] = base_weights.weight_file(self.camera_ctrl)
        return named


def assemble(
    config: NetworkConfig,
    sources: Sources,
    output: Path,
    licence: str = "",
    full_precision: bool = False,
    seed: int = 0,
) -> CheckpointInfo:
    """Write the checkpoint that training begins with, and say what it is.

    Motion modules without a middle block (AnimateDiff v3) and CameraCtrl's weights decide the
    fields of the configuration that they must. What has no base weights (a camera encoder and its
    adaptors without CameraCtrl, the geometry in reference attention) starts as it does in
    training, by ``seed``.

    Raises:
        InputError: a source is not there, cannot be read or is of another architecture, or the
            network is one that has no base weights.
    """
    if config.latent != "vae":
        raise InputError(
            f"there are no base weights for {config.latent} latents",
            "dynascene train begins such a network from the start",
        )
    if config.motion and sources.motion is None:
        raise InputError("a network with motion needs motion modules", "give --motion")
    if sources.camera_ctrl is not None and not config.camera:
        raise InputError("a network without camera takes no CameraCtrl weights", "leave them out")
    files = sources.files()
    read = {part: base_weights.read_tensors(file) for part, file in files.items()}
    parts = {
        "inpainting/unet": base_weights.inpainting_unet(read["inpainting/unet"]),
        "inpainting/vae": base_weights.inpainting_vae(read["inpainting/vae"]),
        "clip": base_weights.clip_image_encoder(read["clip"]),
    }
    if config.reference_net:
        parts["inpainting/unet"] |= base_weights.reference_net(
            read["inpainting/unet"], config.latent_channels
        )
    if "motion" in read:
        parts["motion"] = base_weights.motion_modules(read["motion"])
        middle = any(name.startswith("denoiser.mid_block.") for name in parts["motion"])
        config = replace(config, motion_mid_block=middle)
    if "camera_ctrl" in read:
        parts["camera_ctrl"] = base_weights.camera_ctrl(read["camera_ctrl"])
        config = replace(config, camera_blocks=2, adaptor_activation="none")
    with seed_torch(seed):
        network = Network(config, empty=True)
    tensors = dict(network.state_dict())
    for part, given in parts.items():
        check_names({k: v for k, v in tensors.items() if _part(k) == part}, given, files[part])
        tensors |= given
    base = {name: sha256_of(files[name]) for name in parts}
    info = CheckpointInfo(config, stage="base", licence=licence, base=base)
    dtype = torch.float32 if full_precision else torch.float16
    # Tables of positions are as exact as they can be.
    cast = {k: v if k.endswith(POSITION_TABLES) else v.to(dtype) for k, v in tensors.items()}
    save_tensors(cast, info, output)
    return info


def combine_licences(sources: Sources) -> str:
    """The licences that the base weights' authors give them, of all that are used."""
    names = ["sd15-inpainting", "clip-vit-l14"]
    names += ["animatediff-v2"] if sources.motion else []
    names += ["cameractrl"] if sources.camera_ctrl else []
    return "; ".join(find(name).licence for name in names)


def _part(name: str) -> str:
    """Which base weights a weight of the network belongs to; empty where to none."""
    room, _, layer = name.partition(".")
    if name.endswith(POSITION_TABLES) or ".processor.geometry." in name:
        return ""
    if room == "vae":
        return "inpainting/vae"
    if room == "image_encoder":
        return "clip"
    if room == "camera_encoder" or ".processor." in layer:
        # CameraCtrl's motion modules have no middle block.
        return "" if layer.startswith("mid_block.") else "camera_ctrl"
    return "motion" if is_motion(layer) else "inpainting/unet"
