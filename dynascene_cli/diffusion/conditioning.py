"""What all denoising steps of a clip share, computed once and read by attention processors."""

from dataclasses import dataclass, field

from torch import Tensor

from dynascene_cli.diffusion.camera_rays import (
    Views,
    camera_centres,
    cell_centres,
    pluecker_rays,
    projections,
)
from dynascene_cli.diffusion.configuration import NetworkConfig


@dataclass(frozen=True, eq=False)
class LevelRays:
    """The cameras at one level of the U-Net, whose S = h·w tokens are cells of the picture.

    ``rays`` (B, F, S, 6) are Plücker coordinates; ``positions`` (S, 2) the cells' centres in
    widths of the picture; ``projections`` (B, F, 4, 4) world to normalised image; ``centres``
    (B, F, 3) where the cameras are. The world is the scene's camera. Of the scene at latent
    resolution, ``latents`` (B, S, C) are what was seen there.
    """

    rays: Tensor
    positions: Tensor
    projections: Tensor
    centres: Tensor
    latents: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What a clip's steps share, by the name of the layer that reads it; batches of B clips.

    ``image``: what cross-attention to the image token gives, (B, 1, C). ``reference``: keys and
    values (B, heads, S, d) of the scene. ``camera``: the adaptors' camera halves (B, h·w, F, C).
    ``rays``: the cameras, level by level. What is left empty is not attended to.
    """

    image: dict[str, Tensor]
    reference: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    camera: dict[str, Tensor] = field(default_factory=dict)
    rays: tuple[LevelRays, ...] = ()


class ProcessorState:
    """The conditioning that the processors of one U-Net read now, and how deep its levels lie.

    Motion modules take no keyword arguments of attention, so what they read lies here; where
    ``still``, they do nothing.
    """

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.conditioning: Conditioning | None = None
        self.still = False

    def __deepcopy__(self, memo: dict[int, object]) -> "ProcessorState":
        # What is read now is part of a step's graph, which no copy of a network shares.
        memo[id(self)] = copy = ProcessorState(self.levels)
        return copy

    def now(self) -> Conditioning:
        """The conditioning of the step that runs."""
        if self.conditioning is None:
            raise RuntimeError("the U-Net runs only through Network.denoise")
        return self.conditioning

    def level(self, layer: str) -> int:
        """The level (0 = latent resolution) at which a layer of the U-Net lies, by its name."""
        block, index, *_ = layer.split(".")
        if block == "mid_block":
            return self.levels - 1
        return int(index) if block == "down_blocks" else self.levels - 1 - int(index)


def level_rays(
    views: Views, height: int, width: int, config: NetworkConfig
) -> tuple[LevelRays, ...]:
    """The cameras at every level of a U-Net on latents of height × width, halved upwards."""
    found = []
    matrices = projections(views, height * config.latent_stride, width * config.latent_stride)
    for level in range(config.levels):
        stride = config.latent_stride * 2**level
        rows, columns = -(-height // 2**level), -(-width // 2**level)
        cells = cell_centres(rows, columns, stride, matrices.device)
        rays = pluecker_rays(views, rows, columns, stride)
        positions = cells.flatten(0, 1) / (width * config.latent_stride)
        found.append(LevelRays(rays.flatten(2, 3), positions, matrices, camera_centres(views)))
    return tuple(found)
