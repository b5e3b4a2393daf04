"""Whether the packages that the diffusion network runs on are installed."""

from importlib.util import find_spec

from dynascene_cli.errors import MissingError

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")


def require_packages() -> None:
    """Make sure that the network's packages are there, without importing them.

    Raises:
        MissingError: one is not installed.
    """
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        raise MissingError(
            f"the diffusion network needs {', '.join(absent)}, which is not installed",
            'pip install "dynascene-cli[diffusion]"',
        )
