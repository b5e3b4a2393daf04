"""3D-ResNet-50 (Hara et al. 2018), whose pooled features are those of the paper's "FVD 3DRes".

Its layers have the names of the published file (kenshohara/3D-ResNets-PyTorch).
"""

import torch
from torch import Tensor, nn

SIDE = 112
SEGMENT = 16
"""Frames that are seen at once."""

MEAN_COLOUR = (114.7748, 107.7354, 99.4750)
"""Of ActivityNet, taken from colours in 0..255; they are not scaled."""

BLOCKS = (3, 4, 6, 3)
WIDENING = 4


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        outputs = channels * WIDENING
        self.conv1, self.bn1 = nn.Conv3d(inputs, channels, 1, bias=False), nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(channels)
        self.conv3, self.bn3 = nn.Conv3d(channels, outputs, 1, bias=False), nn.BatchNorm3d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, values: Tensor) -> Tensor:
        around = values if self.downsample is None else self.downsample(values)
        values = torch.relu(self.bn1(self.conv1(values)))
        values = torch.relu(self.bn2(self.conv2(values)))
        return torch.relu(self.bn3(self.conv3(values)) + around)


class ResNet3D(nn.Module):
    """Features (B, 32 · ``width``) of segments (B, 3, 16, 112, 112), MEAN_COLOUR taken off.

    ``width`` is 64 in the published network.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = width
        for number, count in enumerate(BLOCKS):
            channels = width << number
            blocks = []
            for block in range(count):
                stride = 2 if number and block == 0 else 1
                blocks.append(_Bottleneck(inputs, channels, stride))
                inputs = channels * WIDENING
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))

    def forward(self, segments: Tensor) -> Tensor:
        """Features, averaged over time and picture."""
        values = self.maxpool(torch.relu(self.bn1(self.conv1(segments))))
        for number in range(len(BLOCKS)):
            values = self.get_submodule(f"layer{number + 1}")(values)
        return values.mean(dim=(2, 3, 4))
