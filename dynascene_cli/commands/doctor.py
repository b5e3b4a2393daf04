"""``dynascene doctor``: what this machine can do."""

import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dynascene_cli import __version__
from dynascene_cli.commands import options
from dynascene_cli.commands.first_trial import sana_trial, vace_trial
from dynascene_cli.console import Console
from dynascene_cli.errors import MissingError

ENCODERS = {
    "mp4": "libx264",
    "mov": "prores_aw",
    "webm": "libvpx-vp9",
    "the project cache": "magicyuv",
}


TRIALS = {"vace": vace_trial, "sana-wm": sana_trial}

Renderer = Annotated[
    Literal["vace", "sana-wm"] | None,
    typer.Option("--renderer", help="Print the commands of a first trial of this renderer."),
]


def doctor(renderer: Renderer = None, as_json: options.AsJson = False) -> None:
    """Show what this machine can do: encoders, matting models, renderers, free disk space."""
    if renderer is not None:
        trial = TRIALS[renderer]()
        note = f"nobody has seen {renderer}'s pictures here yet: these commands would be the first"
        Console(as_json=as_json).result(
            {"renderer": renderer, "trial": trial}, "\n".join([f"# {note}", *trial])
        )
        return
    import av

    from dynascene_cli.diffusion.named_checkpoints import UNTRAINED
    from dynascene_cli.diffusion.requirements import PACKAGES
    from dynascene_cli.weights import on_this_machine
    from dynascene_cli.weights.registry import VIDEO

    encoders = {use: name in av.codecs_available for use, name in ENCODERS.items()}
    matters = {
        weights.name: weights.state != "absent"
        for weights in on_this_machine()
        if weights.kind not in ("base", "checkpoint", VIDEO)
    }
    absent_packages = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    checkpoints = [UNTRAINED] + [
        weights.name
        for weights in on_this_machine()
        if weights.kind == "checkpoint" and weights.state != "absent"
    ]
    videos = {
        weights.name: weights.state != "absent"
        for weights in on_this_machine()
        if weights.kind == VIDEO
    }
    network = f"needs {', '.join(absent_packages)}" if absent_packages else ", ".join(checkpoints)
    data: dict[str, Any] = {
        "dynascene": __version__,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        "encoders": encoders,
        "weights": matters,
        "renderers": {
            "projection": True,
            "dynascene": not absent_packages,
            "vace": not absent_packages
            and any(there for name, there in videos.items() if name.startswith("vace")),
            "sana-wm": not absent_packages and videos["sana-wm"],
        },
        "video_models": videos,
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
        *(
            f"{'yes' if data['renderers'][name] else 'no ':3}  renderer {name}: "
            f"{', '.join(here for here in videos if videos[here] and here.startswith(name)) or '-'}"
            f"; dynascene doctor --renderer {name} says how to begin"
            for name in TRIALS
        ),
    ]
    Console(as_json=as_json).result(data, "\n".join(lines))
    absent = [use for use, there in encoders.items() if not there]
    if absent:
        raise MissingError(
            f"PyAV lacks the encoder for {', '.join(absent)}", "pip install --force-reinstall av"
        )
