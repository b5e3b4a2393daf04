"""LPIPS (Zhang et al. 2018): distances of pictures in the features of AlexNet or VGG-16."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.evaluation.networks.weight_files import load

Backbone = Literal["alex", "vgg"]

FILES: dict[Backbone, tuple[str, str]] = {
    "alex": ("alexnet-imagenet", "lpips-alex"),
    "vgg": ("vgg16-imagenet", "lpips-vgg"),
}
"""Registered weights of the backbone (torchvision's layout) and of the linear heads (lpips')."""

TAPS: dict[Backbone, tuple[int, ...]] = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}
"""The layers after which features are compared."""

CHANNELS: dict[Backbone, tuple[int, ...]] = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
}

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
VGG_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Lpips:
    """The distance of two pictures, by true weights from the weights folder.

    They are compared on a GPU where there is one.

    Raises:
        MissingError: weights are not on this machine.
        InputError: a file holds others.
    """

    def __init__(self, backbone: Backbone) -> None:
        features, heads = FILES[backbone]
        self._device = choose_device(None)
        layers = load(make_backbone(backbone), features).to(self._device)
        self._layers = layers.get_submodule("features")
        self._heads = list(load(make_heads(backbone), heads).to(self._device).parameters())
        self._taps = TAPS[backbone]

    @torch.no_grad()
    def __call__(self, first: Tensor, second: Tensor) -> float:
        """The mean distance of pictures (B, 3, H, W); the library means their colours in −1..1."""
        first, second = first.to(self._device), second.to(self._device)
        distance = first.new_zeros(len(first))
        pairs = zip(self._features(first), self._features(second), self._heads, strict=True)
        for a, b, head in pairs:
            difference = (_unit(a) - _unit(b)) ** 2
            distance += functional.conv2d(difference, head).mean(dim=(1, 2, 3))
        return float(distance.mean())

    def _features(self, pictures: Tensor) -> list[Tensor]:
        shift, scale = (pictures.new_tensor(each)[None, :, None, None] for each in (SHIFT, SCALE))
        values, found = (pictures - shift) / scale, []
        for number, layer in enumerate(self._layers.children()):
            values = layer(values)
            if number in self._taps:
                found.append(values)
        return found


def _unit(features: Tensor) -> Tensor:
    return features / (features.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)


def make_backbone(backbone: Backbone) -> nn.Module:
    """The layers that features are taken from, under torchvision's names."""
    return nn.ModuleDict({"features": _alexnet() if backbone == "alex" else _vgg16()})


def make_heads(backbone: Backbone) -> nn.Module:
    """A weight for each channel of each tap, under the library's names."""
    heads = nn.Module()
    for number, channels in enumerate(CHANNELS[backbone]):
        weighing = nn.Conv2d(channels, 1, 1, bias=False)
        heads.add_module(
            f"lin{number}", nn.ModuleDict({"model": nn.Sequential(nn.Dropout(), weighing)})
        )
    return heads


def _alexnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


def _vgg16() -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for number, block in enumerate(VGG_CHANNELS):
        layers += [nn.MaxPool2d(2, 2)] if number else []
        for channels in block:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
    return nn.Sequential(*layers)
