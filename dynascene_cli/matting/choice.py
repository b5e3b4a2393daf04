"""Which matter to use, by the name that the user gives."""

from functools import lru_cache
from pathlib import Path

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.matting.bundled import BundledMatter
from dynascene_cli.matting.cropped import AlphaNetwork, CroppedMatter
from dynascene_cli.matting.matter import Matter, Quality
from dynascene_cli.matting.picture_networks import FILES, PictureNetwork
from dynascene_cli.matting.rembg_matter import RembgNetwork, check_rembg_model
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


def choose_matter(name: str) -> tuple[str, str]:
    """The matter that ``name`` means and why: ``auto`` takes the best that is on this machine.

    Raises:
        InputError: there is no such matter.
    """
    if name == "auto":
        for ranked in RANKED:
            if weights.find(ranked).state != "absent":
                return ranked, f"{ranked}: the best of the matting networks on this machine"
        return "bundled", "bundled: no other matting network is on this machine"
    if name in ("bundled", "rvm", *FILES) or name.startswith(weights.REMBG_PREFIX):
        return name, f"{name}: asked for"
    known = ", ".join(("auto", "bundled", "rvm", *FILES))
    raise InputError(f"no matter is called {name!r}", f"{known} or rembg:MODEL")


def make_matter(name: str, quality: Quality = "default") -> Matter:
    """The matter of that name (``auto`` too), ready to run; ``quality`` matters to ``bundled``.

    Raises:
        InputError: there is no such matter.
        MissingError: its weights are not on this machine.
    """
    resolved, _ = choose_matter(name)
    if resolved == "bundled":
        return _bundled(quality)
    if resolved.startswith(weights.REMBG_PREFIX):
        check_rembg_model(resolved.removeprefix(weights.REMBG_PREFIX))
    path = weights.path_of(resolved)
    return _kept_matter(resolved, path, path.stat().st_mtime_ns)


def network_matter(name: str, path: Path) -> Matter:
    """The matter of that name, with its network read from a file.

    Raises:
        InputError: the file is another network, or none.
    """
    network: AlphaNetwork
    if name == "rvm":
        network = RobustVideoNetwork(path)
    elif name in FILES:
        network = PictureNetwork(name, path)
    else:
        network = RembgNetwork(name.removeprefix(weights.REMBG_PREFIX), path)
    return CroppedMatter(network)


@lru_cache(maxsize=2)
def _bundled(quality: Quality) -> Matter:
    return BundledMatter(quality)


@lru_cache(maxsize=2)
def _kept_matter(name: str, path: Path, changed: int) -> Matter:
    """``changed`` tells apart weights of one path; loading a network takes seconds."""
    return network_matter(name, path)
