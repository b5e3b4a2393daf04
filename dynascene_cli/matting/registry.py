"""Which matting model to use, by the name that the user gives."""

import importlib.util
from functools import lru_cache
from pathlib import Path

from dynascene_cli import weights
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.matting.base import MattingModel, Quality
from dynascene_cli.matting.bundled import BundledMattingModel
from dynascene_cli.matting.cropped_network import AlphaNetwork, CroppedMattingModel
from dynascene_cli.matting.portrait_networks import FILES, PictureNetwork
from dynascene_cli.matting.rembg_networks import RembgNetwork, check_rembg_model
from dynascene_cli.matting.robust_video import RobustVideoNetwork

RANKED = (
    "rvm",
    "pp-mattingv2",
    "modnet",
    "rembg:birefnet-portrait",
    "rembg:birefnet-general",
    "rembg:birefnet-general-lite",
    "rembg:u2net_human_seg",
)
"""Networks for people, the best first, by their authors' figures (docs/mattes.md).

Those that take any salient thing for the foreground are not chosen without being asked for."""


PROMPTED = ("sam2", "sam3")
"""Networks of transformers that follow what is clicked; slow without a graphics card, hence not
chosen without being asked for."""
PACKAGES = ("torch", "transformers")


def choose_matting_model(name: str) -> tuple[str, str]:
    """The model that ``name`` means and why: ``auto`` takes the best that is on this machine.

    Raises:
        InputError: there is no such model.
    """
    if name == "auto":
        for ranked in RANKED:
            if weights.find(ranked).state != "absent":
                return ranked, f"{ranked}: the best of the matting networks on this machine"
        return "bundled", "bundled: no other matting network is on this machine"
    if name in ("bundled", "rvm", *FILES, *PROMPTED) or name.startswith(weights.REMBG_PREFIX):
        return name, f"{name}: asked for"
    known = ", ".join(("auto", "bundled", "rvm", *FILES, *PROMPTED))
    raise InputError(f"there is no matting model {name!r}", f"{known} or rembg:MODEL")


def make_matting_model(name: str, quality: Quality = "default", props: bool = True) -> MattingModel:
    """The matting model of that name (``auto`` too), ready to run.

    ``quality`` and ``props``, whether things that the person holds are kept, are for ``bundled``.

    Raises:
        InputError: there is no such model.
        MissingError: its weights are not on this machine.
    """
    resolved, _ = choose_matting_model(name)
    if resolved == "bundled":
        return _bundled_model(quality, props)
    if resolved.startswith(weights.REMBG_PREFIX):
        check_rembg_model(resolved.removeprefix(weights.REMBG_PREFIX))
    path = weights.path_of(resolved)
    edges = weights.find("vitmatte") if resolved in PROMPTED else None
    edges_path = edges.path if edges is not None and edges.state != "absent" else None
    return _cached_matting_model(resolved, path, path.stat().st_mtime_ns, edges_path)


def choose_prompted() -> str:
    """The best network on this machine that follows what is clicked.

    Raises:
        MissingError: there is none.
    """
    for name in reversed(PROMPTED):
        if weights.find(name).state != "absent":
            return name
    raise MissingError(
        "--click needs the weights of sam2 or sam3", weights.find(PROMPTED[0]).how_to_get
    )


def network_matting_model(name: str, path: Path, edges: Path | None = None) -> MattingModel:
    """The matting model of that name, with its network read from a file or folder.

    ``edges`` is the folder of ViTMatte, for those of PROMPTED.

    Raises:
        InputError: the file is another network, or none.
        MissingError: a package that it needs is not installed.
    """
    if name in PROMPTED:
        require_packages(name)
        from dynascene_cli.matting.prompted.sam_video import SamVideoModel

        return SamVideoModel(name, path, edges)
    network: AlphaNetwork
    if name == "rvm":
        network = RobustVideoNetwork(path)
    elif name in FILES:
        network = PictureNetwork(name, path)
    else:
        network = RembgNetwork(name.removeprefix(weights.REMBG_PREFIX), path)
    return CroppedMattingModel(network)


def require_packages(name: str) -> None:
    """Make sure that a network of transformers can be run.

    Raises:
        MissingError: it needs packages that are not installed.
    """
    absent = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if absent:
        raise MissingError(
            f"{name} needs {' and '.join(absent)}", 'pip install "dynascene-cli[diffusion]"'
        )


@lru_cache(maxsize=4)
def _bundled_model(quality: Quality, props: bool) -> MattingModel:
    return BundledMattingModel(quality, props)


@lru_cache(maxsize=2)
def _cached_matting_model(name: str, path: Path, changed: int, edges: Path | None) -> MattingModel:
    """``changed`` tells apart weights of one path; loading a network takes seconds."""
    return network_matting_model(name, path, edges)
