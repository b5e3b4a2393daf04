"""``dynascene doctor``: what this machine can do."""

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from dynascene_cli import __version__
from dynascene_cli.commands import options
from dynascene_cli.console import Console
from dynascene_cli.errors import MissingError

ENCODERS = {
    "mp4": "libx264",
    "mov": "prores_aw",
    "webm": "libvpx-vp9",
    "the project cache": "magicyuv",
}


def doctor(as_json: options.AsJson = False) -> None:
    """Show what this machine can do: encoders, matting models, renderers, free disk space."""
    import av

    from dynascene_cli.diffusion.named_checkpoints import UNTRAINED
    from dynascene_cli.diffusion.requirements import PACKAGES
    from dynascene_cli.weights import on_this_machine

    encoders = {use: name in av.codecs_available for use, name in ENCODERS.items()}
    matters = {
        weights.name: weights.state != "absent"
        for weights in on_this_machine()
        if weights.kind not in ("base", "checkpoint")
    }
    absent_packages = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    checkpoints = [UNTRAINED] + [
        weights.name
        for weights in on_this_machine()
        if weights.kind == "checkpoint" and weights.state != "absent"
    ]
    network = f"needs {', '.join(absent_packages)}" if absent_packages else ", ".join(checkpoints)
    data = {
        "dynascene": __version__,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        "encoders": encoders,
        "weights": matters,
        "renderers": {"projection": True, "dynascene": not absent_packages},
        "checkpoints": checkpoints,
        "depth_network": importlib.util.find_spec("transformers") is not None,
    }
    lines = [
        f"dynascene {__version__}, Python {data['python']}, {data['processors']} processors, "
        f"{data['free_disk_gb']} GB free here",
        *(f"{'yes' if there else 'NO ':3}  write {use}" for use, there in encoders.items()),
        *(f"{'yes' if there else 'no ':3}  weights {name}" for name, there in matters.items()),
        "yes  renderer projection",
        f"{'no ' if absent_packages else 'yes':3}  renderer dynascene: {network}",
    ]
    Console(as_json=as_json).result(data, "\n".join(lines))
    absent = [use for use, there in encoders.items() if not there]
    if absent:
        raise MissingError(
            f"PyAV lacks the encoder for {', '.join(absent)}", "pip install --force-reinstall av"
        )
