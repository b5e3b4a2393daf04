"""Weights of metric networks that a user brings, looked at before they are kept."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from dynascene_cli.evaluation.networks.i3d import I3D
from dynascene_cli.evaluation.networks.inception import Inception
from dynascene_cli.evaluation.networks.lpips import make_backbone, make_heads
from dynascene_cli.evaluation.networks.resnet3d import ResNet3D
from dynascene_cli.evaluation.networks.weight_files import fill

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "alexnet-imagenet": lambda: make_backbone("alex"),
    "vgg16-imagenet": lambda: make_backbone("vgg"),
    "lpips-alex": lambda: make_heads("alex"),
    "lpips-vgg": lambda: make_heads("vgg"),
    "inception-fid": Inception,
    "i3d-kinetics400": I3D,
    "resnet3d50-kinetics": ResNet3D,
}
"""The networks by the registered names of their weights."""


def check_metric_weights(name: str, path: Path) -> None:
    """Make sure that a file holds the weights of that name.

    Raises:
        InputError: it does not.
    """
    fill(NETWORKS[name](), path, name)
