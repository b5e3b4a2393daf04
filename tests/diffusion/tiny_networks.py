"""Tiny networks and the inputs of a clip, for the tests of the diffusion room."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dynascene_cli.diffusion.attention_processors import is_motion
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.configuration import NetworkConfig, preset
from dynascene_cli.diffusion.network import Network

torch.set_num_threads(1)


def tiny(**fields) -> NetworkConfig:
    return replace(preset("tests-tiny"), **fields)


def seeded(config: NetworkConfig, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network(config).eval()


def moving_views(clips: int, frames: int, height: int, width: int, stride: int = 8) -> Views:
    """Cameras of pictures of height × width latents that turn, climb and go forward."""
    focal = 7 / 8 * stride * width
    intrinsics = torch.tensor(
        [[focal, 0, stride / 2 * width], [0, focal, stride / 2 * height], [0, 0, 1]]
    ).repeat(clips, frames, 1, 1)
    intrinsics[:, :, 0, 0] += torch.arange(clips)[:, None]
    time = torch.arange(frames) * 0.1
    extrinsics = torch.eye(4)[:3].repeat(clips, frames, 1, 1)
    extrinsics[:, :, 0, 0] = extrinsics[:, :, 2, 2] = time.cos()
    extrinsics[:, :, 0, 2] = time.sin()
    extrinsics[:, :, 2, 0] = -time.sin()
    extrinsics[:, :, 1, 3] = time * (1 + torch.arange(clips)[:, None])
    extrinsics[:, :, 2, 3] = -time
    return Views(intrinsics, extrinsics)


@dataclass
class Inputs:
    noisy: Tensor
    generate_mask: Tensor
    foreground: Tensor
    timestep: Tensor
    embedding: Tensor
    reference: Tensor
    views: Views
    scene_view: Views

    def all(self) -> dict:
        return vars(self)

    def of_step(self) -> dict:
        names = ("noisy", "generate_mask", "foreground", "timestep")
        return {name: getattr(self, name) for name in names}

    def of_clip(self) -> dict:
        return {name: v for name, v in vars(self).items() if name not in self.of_step()}


def inputs(
    clips: int = 1,
    frames: int = 2,
    height: int = 8,
    width: int = 16,
    seed: int = 1,
    config: NetworkConfig | None = None,
) -> Inputs:
    random = torch.Generator().manual_seed(seed)
    config = config or tiny()
    channels = config.latent_channels

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    views = moving_views(clips, frames, height, width, config.latent_stride)
    return Inputs(
        noisy=noise(clips, channels, frames, height, width),
        generate_mask=(noise(clips, 1, frames, height, width) > 0).float(),
        foreground=noise(clips, channels, frames, height, width),
        timestep=torch.full((clips,), 500),
        embedding=noise(clips, config.image_embedding),
        reference=noise(clips, channels, height, width),
        views=views,
        scene_view=Views(views.intrinsics[:, :1], views.extrinsics[:, :1]),
    )


def moving(network: Network, seed: int = 3) -> Network:
    """The network with motion modules that do something."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if is_motion(name) and ".proj_out." in name:
                parameter.copy_((torch.rand(parameter.shape, generator=random) - 0.5) / 3)
    return network


def awake(network: Network, seed: int = 2) -> Network:
    """The network with every zero start (adaptors, gains, …) replaced by small random numbers."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".processor.out." in name or ".found." in name or name.endswith(".gain"):
                parameter.copy_(0.2 * torch.rand(parameter.shape, generator=random) + 0.05)
    return moving(network)
