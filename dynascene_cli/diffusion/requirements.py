"""Whether the packages that the diffusion network runs on are installed."""

from importlib.util import find_spec

from dynascene_cli.errors import MissingError

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")


def absent_packages() -> list[str]:
    """Those of the network's packages that are not installed; none is imported."""
    return [name for name in PACKAGES if find_spec(name) is None]


def require_packages() -> None:
    """Make sure that the network's packages are there, without importing them.

    Raises:
        MissingError: one is not installed.
    """
    absent = absent_packages()
    if absent:
        raise MissingError(
            f"the diffusion network needs {', '.join(absent)}, which is not installed",
            'pip install "dynascene-cli[diffusion]"',
        )
