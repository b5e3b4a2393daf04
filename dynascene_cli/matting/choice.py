"""Which matter to use, by the name that the user gives."""

from functools import lru_cache
from pathlib import Path

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.matting.bundled import BundledMatter
from dynascene_cli.matting.matter import Matter, Quality
from dynascene_cli.matting.rembg_matter import RembgMatter, check_rembg_model
from dynascene_cli.matting.robust_video import RobustVideoMatter


def choose_matter(name: str) -> tuple[str, str]:
    """The matter that ``name`` means and why: ``auto`` takes the best that is on this machine.

    Raises:
        InputError: there is no such matter.
    """
    if name == "auto":
        if weights.find("rvm").state == "added":
            return "rvm", "rvm: its weights were added"
        return "bundled", "bundled: the weights of rvm are not on this machine"
    if name in ("bundled", "rvm") or name.startswith(weights.REMBG_PREFIX):
        return name, f"{name}: asked for"
    raise InputError(f"no matter is called {name!r}", "auto, bundled, rvm or rembg:MODEL")


def make_matter(name: str, quality: Quality = "default") -> Matter:
    """The matter of that name (``auto`` too), ready to run; ``quality`` matters to ``bundled``.

    Raises:
        InputError: there is no such matter.
        MissingError: its weights are not on this machine.
    """
    resolved, _ = choose_matter(name)
    if resolved.startswith(weights.REMBG_PREFIX):
        check_rembg_model(resolved.removeprefix(weights.REMBG_PREFIX))
    path = None if resolved == "bundled" else weights.path_of(resolved)
    return _made(resolved, path, quality)


@lru_cache(maxsize=2)
def _made(name: str, path: Path | None, quality: Quality) -> Matter:
    """``path`` only tells apart weights of one name; loading a network takes seconds."""
    if path is None:
        return BundledMatter(quality)
    if name == "rvm":
        return RobustVideoMatter()
    return RembgMatter(name.removeprefix(weights.REMBG_PREFIX))
