"""Examples as the network takes them: encoded one by one, put together where they are alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.image_processor import clip_pixels
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.tensor_files import read_checked_tensors, write_checked_tensors
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.training.latent_store import LatentStore
from dynascene_cli.training.task_inputs import TaskInputs

PIXELS_TOGETHER = 1 << 19
"""How many pixels are encoded at once: a VAE needs far more memory for a picture than it is."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B examples of F frames each, on one device.

    ``target`` and ``foreground`` (B, C, F, h, w) and ``reference`` (B, C, h, w) are latents,
    ``generate_mask`` (B, 1, F, h, w). ``scene`` is the photo as the image encoder takes it
    (B, 3, side, side) or, where that is not trained, its embedding (B, E). ``views`` and
    ``scene_view`` are None where the task shows the network no camera. ``clips`` names them.
    """

    clips: tuple[str, ...]
    target: Tensor
    foreground: Tensor
    generate_mask: Tensor
    reference: Tensor
    scene: Tensor
    views: Views | None = None
    scene_view: Views | None = None

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def kind(self) -> tuple[tuple[int, ...], bool]:
        """What examples must have in common to be denoised together."""
        return tuple(self.target.shape[1:]), self.views is not None

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return self.map_tensors(lambda each: each.to(device))

    def map_tensors(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same with every tensor changed."""
        return _name_tensors(
            self.clips, {name: change(each) for name, each in self.tensors().items()}
        )

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, as they are kept on disk."""
        named = {
            "target": self.target,
            "foreground": self.foreground,
            "generate_mask": self.generate_mask,
            "reference": self.reference,
            "scene": self.scene,
        }
        for name, views in (("views", self.views), ("scene_view", self.scene_view)):
            if views is not None:
                named[f"{name}.intrinsics"] = views.intrinsics
                named[f"{name}.extrinsics"] = views.extrinsics
        return named


class ExampleEncoder:
    """Turns examples into batches of one, with the photo's embedding or, without ``embed``, pixels.

    Latents of pictures of one colour, as where nobody is shown, are computed once. With a ``store``
    those of the target's and the foreground's pictures are kept, and found when they come again.
    """

    def __init__(
        self, network: Network, embed: bool = True, store: LatentStore | None = None
    ) -> None:
        self._network, self._embed, self._store = network, embed, store
        self._plain: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def encode(self, example: TaskInputs) -> Batch:
        """One example, on the network's device.

        Raises:
            InputError: the store is damaged.
            StageError: the disk is full.
        """
        network = self._network
        device = next(network.parameters()).device
        scene = clip_pixels(example.scene, network.config.clip_pixels).to(device)
        return Batch(
            clips=(f"{example.clip} ({example.task})",),
            target=self._known_latents(example.target),
            foreground=self._known_latents(example.foreground),
            generate_mask=torch.from_numpy(example.generate_mask)[None, None].to(device),
            reference=_latents(network, example.scene[None])[:, :, 0],
            scene=network.image_embedding(scene).float() if self._embed else scene,
            views=batch_views(example.camera, device),
            scene_view=batch_views(example.scene_camera, device),
        )

    def _known_latents(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Latents (1, C, F, h, w) of pictures (F, H, W, 3), computed where they are not known."""
        if _is_plain(pictures):
            kind = (*pictures.shape[1:], *pictures[0, 0, 0].tolist())
            if kind not in self._plain:
                self._plain[kind] = _latents(self._network, pictures[:1])
            return self._plain[kind].expand(-1, -1, len(pictures), -1, -1).contiguous()
        if self._store is None:
            return _latents(self._network, pictures)
        device = next(self._network.parameters()).device
        found = self._store.read(pictures)
        new = [number for number, latent in enumerate(found) if latent is None]
        # One by one, so that their digits do not depend on which were known.
        made = [_latents(self._network, pictures[number : number + 1])[0, :, 0] for number in new]
        if new:
            self._store.add(pictures[new], made)
        for number, latent in zip(new, made, strict=True):
            found[number] = latent
        return torch.stack([each.to(device) for each in found if each is not None], dim=1)[None]


def encode_example(network: Network, example: TaskInputs, embed: bool = True) -> Batch:
    """One example as a batch of one; with ``embed`` the photo's embedding, else its pixels."""
    return ExampleEncoder(network, embed).encode(example)


def join_batches(batches: Sequence[Batch]) -> Batch:
    """Batches of one kind as one."""
    tensors = [batch.tensors() for batch in batches]
    joined = {name: torch.cat([each[name] for each in tensors]) for name in tensors[0]}
    return _name_tensors(tuple(clip for batch in batches for clip in batch.clips), joined)


def batch_views(path: CameraPath | None, device: torch.device) -> Views | None:
    """A path's cameras as a batch of one, where there is one."""
    if path is None:
        return None
    return Views(
        torch.as_tensor(path.intrinsics, dtype=torch.float32, device=device)[None],
        torch.as_tensor(path.extrinsics, dtype=torch.float32, device=device)[None],
    )


def save_batch(batch: Batch, path: Path) -> None:
    """Keep a batch of one in a safetensors file.

    Raises:
        StageError: the disk is full.
    """
    with publish_file(path) as temporary:
        write_checked_tensors(batch.tensors(), temporary, {"clip": batch.clips[0]})


def load_batch(path: Path) -> Batch | None:
    """What ``save_batch`` wrote, on the CPU; None where nothing did.

    Raises:
        InputError: it was damaged since.
    """
    found = read_checked_tensors(path)
    return None if found is None else _name_tensors((found[1]["clip"],), found[0])


def _is_plain(pictures: NDArray[np.uint8]) -> bool:
    """Whether all pixels of all pictures are alike; few are looked at where they are not."""
    colour = pictures[0, 0, 0]
    return bool((pictures[:, ::16, ::16] == colour).all() and (pictures == colour).all())


def _latents(network: Network, pictures: NDArray[np.uint8]) -> Tensor:
    """Latents (1, C, F, h, w) of pictures (F, H, W, 3)."""
    device = next(network.parameters()).device
    count = max(1, PIXELS_TOGETHER // (pictures.shape[1] * pictures.shape[2]))
    signed = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).movedim(-1, 1)
    latents = [network.encode(part.float() / 127.5 - 1) for part in signed.split(count)]
    return torch.cat(latents).float().movedim(0, 1)[None]


def _name_tensors(clips: tuple[str, ...], tensors: dict[str, Tensor]) -> Batch:
    fields: dict[str, Any] = {name: each for name, each in tensors.items() if "." not in name}
    for name in ("views", "scene_view"):
        if f"{name}.intrinsics" in tensors:
            fields[name] = Views(tensors[f"{name}.intrinsics"], tensors[f"{name}.extrinsics"])
    return Batch(clips, **fields)
