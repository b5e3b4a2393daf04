"""Cameras as the network reads them: rays of pixels and of latents, in torch.

The same conventions and formulas as ``geometry.py``, batched and on the network's device, and in
float32 under autocast too: bfloat16 would move a ray by some pixels.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Views:
    """The cameras of a batch of clips.

    ``intrinsics`` (B, F, 3, 3) in pixels of the picture at the size that is sampled;
    ``extrinsics`` (B, F, 3, 4) world-to-camera. The world is the first frame's camera and 1 the
    median depth of what is not sky in it, in training as in rendering.
    """

    intrinsics: Tensor
    extrinsics: Tensor

    @property
    def frames(self) -> int:
        """How many frames each clip has."""
        return self.intrinsics.shape[1]


Result = TypeVar("Result")


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Inside it operations on the device keep the types of what they are given."""
    # Fake tensors of the meta device know no autocast.
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def _in_own_precision(function: Callable[..., Result]) -> Callable[..., Result]:
    """The function of views, and of whatever else, computed in the precision of the views."""

    @wraps(function)
    def run(views: Views, *arguments: Any, **named: Any) -> Result:
        with without_autocast(views.intrinsics.device):
            return function(views, *arguments, **named)

    return run


@_in_own_precision
def relative_to_view(views: Views, origin: Views) -> Views:
    """The cameras with another one (one frame a clip) as their world."""
    rotation = views.extrinsics[..., :3] @ origin.extrinsics[..., :3].mT
    moved = rotation @ origin.extrinsics[..., 3:]
    extrinsics = torch.cat([rotation, views.extrinsics[..., 3:] - moved], dim=-1)
    return Views(views.intrinsics, extrinsics)


@_in_own_precision
def camera_centres(views: Views) -> Tensor:
    """Where the cameras are, (B, F, 3)."""
    rotation, translation = views.extrinsics[..., :3], views.extrinsics[..., 3:]
    return -(rotation.mT @ translation)[..., 0]


def cell_centres(height: int, width: int, stride: int, device: torch.device) -> Tensor:
    """Picture positions (height, width, 2) of the centres of a grid of cells, in pixels."""
    y = (torch.arange(height, device=device) + 0.5) * stride
    x = (torch.arange(width, device=device) + 0.5) * stride
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns, rows], dim=-1)


@_in_own_precision
def pluecker_rays(views: Views, height: int, width: int, stride: int = 1) -> Tensor:
    """Plücker coordinates (B, F, height, width, 6) of the rays through a grid of cells.

    Moment o × d, then the unit direction d, in the world (CameraCtrl, He et al. 2024, section
    3.2); a cell is ``stride`` pixels wide.
    """
    cells = cell_centres(height, width, stride, views.intrinsics.device).to(views.intrinsics)
    homogeneous = torch.cat([cells, torch.ones_like(cells[..., :1])], dim=-1)
    to_world = views.extrinsics[..., :3].mT @ torch.linalg.inv(views.intrinsics)
    direction = torch.einsum("bfij,hwj->bfhwi", to_world, homogeneous)
    direction = direction / direction.norm(dim=-1, keepdim=True)
    origin = camera_centres(views)[:, :, None, None].expand_as(direction)
    # Without dim, torch.cross takes the first axis of size 3, which may be the batch.
    moment = torch.linalg.cross(origin, direction, dim=-1)
    return torch.cat([moment, direction], dim=-1)


def pluecker_maps(views: Views, height: int, width: int) -> Tensor:
    """Plücker maps (B, F, 6, height, width) of every pixel of the picture."""
    return pluecker_rays(views, height, width).movedim(-1, 2)


@_in_own_precision
def projections(views: Views, height: int, width: int) -> Tensor:
    """World-to-image matrices (B, F, 4, 4) for a picture of height × width pixels.

    Image coordinates are normalised to 0..1 on both sides (PRoPE, Li et al. 2025, section 3).
    """
    scale = views.intrinsics.new_tensor([1 / width, 1 / height, 1.0])
    bottom = views.extrinsics.new_tensor([0.0, 0.0, 0.0, 1.0])
    rows = scale[:, None] * views.intrinsics @ views.extrinsics
    return torch.cat([rows, bottom.expand(*rows.shape[:2], 1, 4)], dim=-2)
