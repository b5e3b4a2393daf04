"""What a user may give up, or wait for, to sample faster or in less memory; plain values."""

from dataclasses import dataclass
from typing import Literal

from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.errors import InputError

Precision = Literal["float32", "bfloat16", "float16"]

BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number."""

SMALLEST_TILE = 64
TILE_MULTIPLE = 32
"""Tiles overlap by a quarter, which is a whole number of latents."""


@dataclass(frozen=True)
class SamplingOptimizations:
    """Ways to sample faster or in less memory; the defaults give nothing up.

    ``precision`` of the network: None is float16 on a GPU and float32 on the CPU. ``reuse_deep``:
    only every so many steps are computed whole; those between keep what lies below latent
    resolution (DeepCache, Ma et al. 2024). ``vae_tile``: pictures go through the VAE in tiles of
    so many pixels. ``channels_last``: convolutions keep the channels of a pixel together.
    ``compiled``: convolutions and feed-forwards by torch.compile. ``offload``: weights lie in
    main memory, and each layer's come to the GPU when it runs.
    """

    precision: Precision | None = None
    reuse_deep: int = 1
    vae_tile: int | None = None
    channels_last: bool = False
    compiled: bool = False
    offload: bool = False

    def precision_on(self, device: str) -> Precision:
        """The precision on that type of device."""
        return self.precision or ("float16" if device == "cuda" else "float32")


def check_optimisations(
    optimisations: SamplingOptimizations, steps: int, size: tuple[int, int], config: NetworkConfig
) -> None:
    """Make sure that each optimisation does something in so many steps at (width, height).

    Raises:
        InputError: one would do nothing, or cannot be had.
    """
    if not 1 <= optimisations.reuse_deep <= steps:
        raise InputError(
            f"--reuse-deep must be 1 to {steps}, the number of steps, "
            f"not {optimisations.reuse_deep}",
            "1 computes the whole network in every step",
        )
    if optimisations.compiled and optimisations.offload:
        raise InputError(
            "compiled layers run as one piece, so theirs cannot be offloaded one by one",
            "compile, or offload",
        )
    tile = optimisations.vae_tile
    if tile is not None and config.latent != "vae":
        raise InputError(
            f"the VAE is to work in tiles, and latents of this checkpoint are {config.latent}'s",
            "leave the tiles out: such latents take no memory to decode",
        )
    check_tile(tile, size)


def check_tile(tile: int | None, size: tuple[int, int]) -> None:
    """Make sure that a VAE can work in tiles of so many pixels, and that they are smaller.

    Raises:
        InputError: it cannot, or they are not.
    """
    if tile is None:
        return
    if tile < SMALLEST_TILE or tile % TILE_MULTIPLE:
        raise InputError(
            f"{tile} pixels are no tile of the VAE",
            f"multiples of {TILE_MULTIPLE}, from {SMALLEST_TILE} on",
        )
    if tile >= max(size):
        raise InputError(
            f"tiles of {tile} pixels save nothing: pictures are {size[0]}x{size[1]}",
            f"tiles are smaller than {max(size)} pixels",
        )


def check_optimisations_on(
    device: str, optimisations: SamplingOptimizations, halves_on_cpu: bool = True
) -> None:
    """Make sure that the optimisations do something on that type of device.

    ``halves_on_cpu``: whether the network runs in bfloat16 on the CPU.

    Raises:
        InputError: one is for a GPU alone.
    """
    if device == "cuda":
        return
    if optimisations.precision == "float16":
        raise InputError(
            "float16 is for a GPU: a processor computes it slower than float32",
            "bfloat16 halves the memory on the CPU",
        )
    if optimisations.precision == "bfloat16" and not halves_on_cpu:
        raise InputError(
            "this network runs in bfloat16 on a GPU alone, and there is none",
            "leave --precision out: it is float32 on the CPU",
        )
    if optimisations.offload:
        raise InputError(
            "offloading moves weights between main memory and a GPU, and there is none",
            "leave it out: on the CPU they lie in main memory",
        )
