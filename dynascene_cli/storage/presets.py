"""Where the shipped presets lie: inside the wheel, or beside the package in a checkout."""

from pathlib import Path


def presets_folder() -> Path:
    """The folder of camera moves and the model registry, readable and copyable by users."""
    package = Path(__file__).parents[1]
    inside_wheel = package / "presets"
    return inside_wheel if inside_wheel.is_dir() else package.parent / "presets"
