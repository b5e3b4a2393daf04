"""Inception v3 as FID means it (Heusel et al. 2017): the 2048 features of the 2015 network.

Its layers have torchvision's names, as the file of pytorch-fid does; that network pools without
the zeros around the picture, and by maxima in its last block.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 299
Sides = int | tuple[int, int]


class _Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: Sides = 1, stride: int = 1,
                 padding: Sides = 0) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, values: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(values)))


class _Block(nn.Module):
    """Branches side by side; those that a pair of names ends in are of one branch's two ends."""

    branches: tuple[tuple[str, ...], ...] = ()
    pooling = "average"

    def add(self, name: str, inputs: int, outputs: int, kernel: Sides = 1, stride: int = 1,
            padding: Sides = 0) -> None:  # fmt: skip
        self.add_module(name, _Conv(inputs, outputs, kernel, stride, padding))

    def forward(self, values: Tensor) -> Tensor:
        made = [self._branch(names, values) for names in self.branches]
        return torch.cat([*made, self._pool(values)], dim=1)

    def _branch(self, names: tuple[str, ...], values: Tensor) -> Tensor:
        for name in names:
            ends = name.split("+")
            values = torch.cat([self.get_submodule(end)(values) for end in ends], dim=1)
        return values

    def _pool(self, values: Tensor) -> Tensor:
        if self.pooling == "stride":
            return functional.max_pool2d(values, 3, 2)
        pooled = (
            functional.max_pool2d(values, 3, 1, 1)
            if self.pooling == "largest"
            else functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
        )
        return torch.as_tensor(self.get_submodule("branch_pool")(pooled))


class _A(_Block):
    branches = (
        ("branch1x1",),
        ("branch5x5_1", "branch5x5_2"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    )

    def __init__(self, inputs: int, pooled: int, n: int) -> None:
        super().__init__()
        self.add("branch1x1", inputs, 64 // n)
        self.add("branch5x5_1", inputs, 48 // n)
        self.add("branch5x5_2", 48 // n, 64 // n, 5, padding=2)
        self.add("branch3x3dbl_1", inputs, 64 // n)
        self.add("branch3x3dbl_2", 64 // n, 96 // n, 3, padding=1)
        self.add("branch3x3dbl_3", 96 // n, 96 // n, 3, padding=1)
        self.add("branch_pool", inputs, pooled)


class _B(_Block):
    branches = (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))
    pooling = "stride"

    def __init__(self, inputs: int, n: int) -> None:
        super().__init__()
        self.add("branch3x3", inputs, 384 // n, 3, 2)
        self.add("branch3x3dbl_1", inputs, 64 // n)
        self.add("branch3x3dbl_2", 64 // n, 96 // n, 3, padding=1)
        self.add("branch3x3dbl_3", 96 // n, 96 // n, 3, 2)


class _C(_Block):
    branches = (
        ("branch1x1",),
        ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
        tuple(f"branch7x7dbl_{number}" for number in range(1, 6)),
    )

    def __init__(self, inner: int, n: int) -> None:
        super().__init__()
        inputs, outputs = 768 // n, 192 // n
        across, down = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
        self.add("branch1x1", inputs, outputs)
        self.add("branch7x7_1", inputs, inner)
        self.add("branch7x7_2", inner, inner, *across)
        self.add("branch7x7_3", inner, outputs, *down)
        self.add("branch7x7dbl_1", inputs, inner)
        self.add("branch7x7dbl_2", inner, inner, *down)
        self.add("branch7x7dbl_3", inner, inner, *across)
        self.add("branch7x7dbl_4", inner, inner, *down)
        self.add("branch7x7dbl_5", inner, outputs, *across)
        self.add("branch_pool", inputs, outputs)


class _D(_Block):
    branches = (
        ("branch3x3_1", "branch3x3_2"),
        tuple(f"branch7x7x3_{number}" for number in range(1, 5)),
    )
    pooling = "stride"

    def __init__(self, n: int) -> None:
        super().__init__()
        inputs, inner = 768 // n, 192 // n
        self.add("branch3x3_1", inputs, inner)
        self.add("branch3x3_2", inner, 320 // n, 3, 2)
        self.add("branch7x7x3_1", inputs, inner)
        self.add("branch7x7x3_2", inner, inner, (1, 7), padding=(0, 3))
        self.add("branch7x7x3_3", inner, inner, (7, 1), padding=(3, 0))
        self.add("branch7x7x3_4", inner, inner, 3, 2)


class _E(_Block):
    branches = (
        ("branch1x1",),
        ("branch3x3_1", "branch3x3_2a+branch3x3_2b"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a+branch3x3dbl_3b"),
    )

    def __init__(self, inputs: int, n: int, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        inner = 384 // n
        self.add("branch1x1", inputs, 320 // n)
        self.add("branch3x3_1", inputs, inner)
        self.add("branch3x3dbl_1", inputs, 448 // n)
        self.add("branch3x3dbl_2", 448 // n, inner, 3, padding=1)
        for end in ("branch3x3_2", "branch3x3dbl_3"):
            self.add(f"{end}a", inner, inner, (1, 3), padding=(0, 1))
            self.add(f"{end}b", inner, inner, (3, 1), padding=(1, 0))
        self.add("branch_pool", inputs, 192 // n)


class Inception(nn.Module):
    """Features (B, 2048) of pictures (B, 3, 299, 299) with colours in −1..1.

    Every width is divided by ``divisor``, up to 16; 1 is the published network.
    """

    def __init__(self, divisor: int = 1) -> None:
        super().__init__()
        n = divisor
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": _Conv(3, 32 // n, 3, 2),
            "Conv2d_2a_3x3": _Conv(32 // n, 32 // n, 3),
            "Conv2d_2b_3x3": _Conv(32 // n, 64 // n, 3, padding=1),
            "Conv2d_3b_1x1": _Conv(64 // n, 80 // n),
            "Conv2d_4a_3x3": _Conv(80 // n, 192 // n, 3),
            "Mixed_5b": _A(192 // n, 32 // n, n),
            "Mixed_5c": _A(256 // n, 64 // n, n),
            "Mixed_5d": _A(288 // n, 64 // n, n),
            "Mixed_6a": _B(288 // n, n),
            "Mixed_6b": _C(128 // n, n),
            "Mixed_6c": _C(160 // n, n),
            "Mixed_6d": _C(160 // n, n),
            "Mixed_6e": _C(192 // n, n),
            "Mixed_7a": _D(n),
            "Mixed_7b": _E(1280 // n, n, "average"),
            "Mixed_7c": _E(2048 // n, n, "largest"),
        }
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features, averaged over the picture."""
        values = pictures
        for name, layer in self.named_children():
            values = layer(values)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                values = functional.max_pool2d(values, 3, 2)
        return values.mean(dim=(2, 3))
