"""Names that a shell completes as values of options; nothing heavy is imported for them.

Where none begins as what is typed, the shell completes files.
"""

from dynascene_cli.storage.presets import presets_folder

MATTING = ("auto", "bundled", "modnet", "pp-mattingv2", "rvm", "sam2", "sam3")


def complete_camera(incomplete: str) -> list[str]:
    """Camera moves, after the last ``+``."""
    joined, plus, last = incomplete.rpartition("+")
    moves = {path.stem for path in (presets_folder() / "cameras").glob("*.json")}
    names = sorted({"auto", "static", *moves})
    return [f"{joined}{plus}{name}" for name in names if name.startswith(last)]


def complete_matting_model(incomplete: str) -> list[str]:
    """Matting models, with those of rembg that the registry names."""
    known = {*MATTING, *(name for name in _weights() if name.startswith("rembg:"))}
    return sorted(name for name in known if name.startswith(incomplete))


def complete_weights(incomplete: str) -> list[str]:
    """Names of weights, as ``models list`` prints them."""
    return sorted(name for name in _weights() if name.startswith(incomplete))


def complete_training(incomplete: str) -> list[str]:
    """Presets of training settings."""
    names = sorted(path.stem for path in (presets_folder() / "train").glob("*.toml"))
    return [name for name in names if name.startswith(incomplete)]


def _weights() -> list[str]:
    # Here, because what asks for no weights need not wait for it.
    from dynascene_cli.weights.registry import known_weights

    return list(known_weights())
