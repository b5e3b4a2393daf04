"""A network set up for a user's optimisations."""

import torch
from diffusers.hooks import apply_group_offloading
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from dynascene_cli.diffusion.attention_processors import ReferenceReader
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.optimisations import Precision, SamplingOptimizations

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

COMPILED = (ResnetBlock2D, FeedForward)
"""Layers that torch.compile takes one by one. They hold what it fuses best, norms and activations
between convolutions or matrices, and are compiled in a tenth of the time of the whole U-Net."""
MOST_SHAPES = 128


def optimise_network(
    network: Network,
    optimisations: SamplingOptimizations,
    device: torch.device,
    compiler: str = "inductor",
) -> Network:
    """The network itself on the device, with all optimisations but that of deep features.

    It is in its precision already. ``compiler`` is torch.compile's backend.
    """
    if optimisations.vae_tile is not None:
        network.vae.enable_tiling()
        network.vae.tile_sample_min_size = optimisations.vae_tile
        network.vae.tile_latent_min_size = optimisations.vae_tile // network.config.latent_stride
    if optimisations.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if optimisations.offload:
        offload(network, device)
    else:
        network.to(device)
    if optimisations.compiled:
        compile_layers(network, compiler)
    return network


def compile_layers(network: Network, compiler: str = "inductor") -> None:
    """Let torch compile the denoiser's layers of kinds that are worth it, when they first run."""
    # One piece of code for all shapes that a layer of a kind has in the U-Net and its windows.
    torch._dynamo.config.recompile_limit = MOST_SHAPES
    for layer in network.denoiser.modules():
        if isinstance(layer, COMPILED):
            layer.compile(backend=compiler)


def offload(network: Network, device: torch.device, disk: str | None = None) -> None:
    """Leave weights in main memory, or on ``disk``; each layer's are on the device while it runs.

    Geometries and the transform of blocks, which are small and read without being called, stay
    on the device.
    """
    readers = [module for module in network.modules() if isinstance(module, ReferenceReader)]
    geometries = [reader.geometry for reader in readers]
    blocks, network.blocks = network.blocks, None
    for reader in readers:
        reader.geometry = None
    offload_layers(network, device, disk)
    network.blocks = blocks and blocks.to(device)
    for reader, geometry in zip(readers, geometries, strict=True):
        if isinstance(geometry, nn.Module):
            reader.geometry = geometry.to(device)


def offload_layers(module: nn.Module, device: torch.device, disk: str | None = None) -> None:
    """Leave a module's weights in main memory, or on ``disk``; each layer's come when it runs."""
    apply_group_offloading(
        module, onload_device=device, offload_type="leaf_level", offload_to_disk_path=disk
    )


class DeepFeatures:
    """What lies below latent resolution, kept from one step for the next ones (DeepCache).

    The U-Net's first and last levels are computed at every step; between them is what the last
    whole step gave. Ma et al. 2024, section 3.2, with a whole level as the branch.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: dict[object, Tensor] = {}

    def denoise(
        self,
        inputs: tuple[Tensor, Tensor, Tensor],
        timestep: int,
        conditioning: Conditioning,
        key: object,
        whole: bool,
    ) -> Tensor:
        """``Network.denoise`` of (noisy, generate_mask, foreground), exactly where ``whole``.

        ``key`` names what is denoised: features are kept for each. The first step of each is
        whole. Features lie in main memory: a long clip has many windows.
        """
        last = self._network.denoiser.up_blocks[-1]
        if key in self._kept and not whole:
            return self._shallow(torch.cat(inputs, dim=1), timestep, conditioning, self._kept[key])

        def keep(module: object, given: tuple[object, ...], named: dict[str, Tensor]) -> None:
            self._kept[key] = named["hidden_states"].cpu()

        hook = last.register_forward_pre_hook(keep, with_kwargs=True)
        try:
            return self._network.denoise(*inputs, timestep, conditioning)
        finally:
            hook.remove()

    def _shallow(
        self, sample: Tensor, timestep: int, conditioning: Conditioning, deep: Tensor
    ) -> Tensor:
        unet, frames = self._network.denoiser, sample.shape[2]
        self._network.state.conditioning = conditioning
        times = torch.full((len(sample),), timestep, device=sample.device)
        embedded = unet.time_embedding(unet.time_proj(times).to(sample.dtype))
        embedded = embedded.repeat_interleave(frames, dim=0)
        first = unet.conv_in(sample.transpose(1, 2).flatten(0, 1))
        _, found = unet.down_blocks[0](hidden_states=first, temb=embedded, num_frames=frames)
        last = unet.up_blocks[-1]
        features = last(
            hidden_states=deep.to(sample),
            temb=embedded,
            res_hidden_states_tuple=(first, *found)[: len(last.resnets)],
            num_frames=frames,
        )
        self._network.state.conditioning = None
        predicted: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(features)))
        return predicted.unflatten(0, (-1, frames)).transpose(1, 2)
