"""``dynascene models``: weights, where they come from, their licence, their checksum."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.completion import complete_weights
from dynascene_cli.commands.option_groups import PanelCommand, flatten_groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from dynascene_cli.console import Console
    from dynascene_cli.diffusion.assembly import Sources
    from dynascene_cli.weights import Weights
    from dynascene_cli.weights.download import Told

app = typer.Typer(
    help="List, fetch, add, check and assemble network weights.", rich_markup_mode=None
)

SECONDS_BETWEEN_LINES = 5.0


@app.command("list", epilog="Example: dynascene models list")
def list_models(as_json: options.AsJson = False) -> None:
    """List the weights that the program knows and which are on this machine."""
    from dynascene_cli.console import Console
    from dynascene_cli.diffusion.named_checkpoints import UNTRAINED
    from dynascene_cli.weights import on_this_machine, weights_folder

    known = on_this_machine()
    # Made and not read, so that no file of it is registered.
    untrained = {
        "name": UNTRAINED,
        "kind": "checkpoint",
        "state": "shipped",
        "licence": "none is needed",
        "description": "Random weights of a thousandth of the size, for smoke tests.",
        "url": "",
        "path": None,
        "get": None,
    }
    rows = [
        {
            "name": weights.name,
            "kind": weights.kind,
            "state": weights.state,
            "licence": weights.licence,
            "description": weights.description,
            "url": weights.url,
            "path": str(weights.path) if weights.state != "absent" else None,
            "get": weights.how_to_get if weights.state == "absent" else None,
        }
        for weights in known
    ]
    rows.append(untrained)
    lines = [
        f"{row['name']:<30} {row['state']:<8} {row['description']}\n"
        f"{'':<39} licence: {row['licence']}"
        for row in rows
    ]
    folder = str(weights_folder())
    text = "\n".join([*lines, f"Added weights are kept in {folder}"])
    Console(as_json=as_json).result({"models": rows, "folder": folder}, text)


@app.command("add", epilog="Example: dynascene models add rvm rvm_mobilenetv3_fp32.onnx")
def add(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_weights,
            help="A name that `models list` prints, rembg:MODEL or dynascene:NAME.",
        ),
    ],
    path: Annotated[
        Path, typer.Argument(help="The file or folder of the weights, which is copied.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """Register weights that you have, and show their licence."""
    from dynascene_cli import weights
    from dynascene_cli.console import Console

    console = Console(as_json=as_json)
    console.info(f"Licence of {name}: {weights.find(name).licence}")
    _report_added(console, weights.add(name, path, _check_for(name)))


@app.command("pull", cls=PanelCommand, epilog="Example: dynascene models pull modnet")
@flatten_groups
def pull(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_weights,
            help="A name that `models list` prints, or dynascene:NAME.",
        ),
    ],
    printed: options.ConsoleOptions,
    source: Annotated[
        str,
        typer.Option(
            "--from", help="Fetch from here instead: a URL, OWNER/NAME or OWNER/NAME/FILE."
        ),
    ] = "",
    sha256: Annotated[
        str,
        typer.Option(
            "--sha256", help="SHA-256 that the file (of a folder, its checkpoint.json) must have."
        ),
    ] = "",
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licence without being asked.")
    ] = False,
) -> None:
    """Fetch weights from where they are published; the same command continues a broken download."""
    from dynascene_cli import weights
    from dynascene_cli.errors import InputError
    from dynascene_cli.weights.pull import discard_download
    from dynascene_cli.weights.pull import pull as pull_weights

    console = printed.console()
    if sha256 and not source:
        raise typer.BadParameter("goes with --from", param_hint="--sha256")
    known = weights.find(name)
    if known.state == "added" and not source:
        try:
            weights.verify(name)
        except InputError as damage:
            console.warn(damage.message)
        else:
            discard_download(name)
            console.info(f"{name} is here already")
            _report_added(console, known)
            return
    console.info(f"Licence of {name}: {known.licence}")
    with console.stage("download"):
        pulled = pull_weights(
            name, source, sha256.lower(), accept_licence, _lines(console, name), _check_for(name)
        )
    _report_added(console, pulled)


@app.command("verify", epilog="Example: dynascene models verify")
def verify(
    name: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_weights,
            help="Which weights to check [default: all on this machine].",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare weights with their checksums."""
    from dynascene_cli import weights
    from dynascene_cli.console import Console

    present = [known.name for known in weights.on_this_machine() if known.state != "absent"]
    checked = {each: weights.verify(each) for each in ([name] if name else present)}
    text = "\n".join(f"{each}: OK, {digest}" for each, digest in checked.items())
    Console(as_json=as_json).result({"verified": checked}, text)


@dataclass(frozen=True)
class NetworkOptions:
    """The network that is assembled."""

    PANEL: ClassVar[str] = "Network"

    preset: Annotated[str, typer.Option(help="Network to assemble: dynascene or actanywhere.")] = (
        "dynascene"
    )
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change one field of the network, such as reference_geometry=tied_rays."
        ),
    ] = None
    seed: Annotated[
        int, typer.Option(help="Seed of the weights that are not loaded from anywhere.")
    ] = 0


@dataclass(frozen=True)
class BaseWeightOptions:
    """The published weights that the network starts from."""

    PANEL: ClassVar[str] = "Base weights"

    inpainting: Annotated[
        str, typer.Option(help="Stable Diffusion 1.5 inpainting weights: a folder or a name.")
    ] = "sd15-inpainting"
    clip: Annotated[
        str, typer.Option(help="CLIP ViT-L/14 weights: a file, a folder or a name.")
    ] = "clip-vit-l14"
    motion: Annotated[
        str, typer.Option(help="AnimateDiff motion modules: a file, a folder or a name.")
    ] = "animatediff-v2"
    camera_ctrl: Annotated[
        str | None, typer.Option(help="CameraCtrl weights: a file, or the name cameractrl.")
    ] = None

    def sources(self, with_motion: bool) -> "Sources":
        """Where the weights are on this machine."""
        from dynascene_cli.diffusion.assembly import Sources

        return Sources(
            inpainting=_where(self.inpainting),
            clip=_where(self.clip),
            motion=_where(self.motion) if with_motion else None,
            camera_ctrl=_where(self.camera_ctrl) if self.camera_ctrl else None,
        )


@app.command(
    "assemble",
    cls=PanelCommand,
    epilog="Example: dynascene models assemble -o start.safetensors",
)
@flatten_groups
def assemble(
    network: NetworkOptions,
    base_weights: BaseWeightOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The .safetensors file or folder to write [default: dynascene:base].",
        ),
    ] = None,
    full_precision: options.FullPrecision = False,
    as_json: options.AsJson = False,
) -> None:
    """Assemble the checkpoint that training starts from out of published base weights."""
    from dynascene_cli import weights
    from dynascene_cli.console import Console
    from dynascene_cli.diffusion.configuration import preset_with_fields
    from dynascene_cli.diffusion.requirements import require_packages

    require_packages()
    from dynascene_cli.diffusion.assembly import assemble, combine_licences

    console = Console(as_json=as_json)
    config = preset_with_fields(network.preset, network.fields or [])
    sources = base_weights.sources(config.motion)
    made = output or weights.weights_folder() / weights.CHECKPOINTS / ".assembled.safetensors"
    licence = combine_licences(sources)
    info = assemble(config, sources, made, licence, full_precision, network.seed)
    if output is None:
        base = weights.find(weights.CHECKPOINT_PREFIX + "base")
        weights.place(base, made, weights.sha256_of(made))
        made = base.path
        console.info(f"It is called {base.name}: --checkpoint {base.name}")
    data = {"output": str(made), "licence": info.licence, "base": info.base}
    console.result(data, f"assembled: {made}")


@app.command("encode-prompt", epilog="Example: dynascene models encode-prompt vace-1.3b")
def encode_prompt(
    name: Annotated[
        str,
        typer.Argument(help="Weights of vace or sana-wm that have a text encoder: a name, a path."),
    ],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="What the picture shows [default: what render asks for]."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Encode a prompt of a video model once: renders then need no text encoder."""
    from dynascene_cli.console import Console
    from dynascene_cli.diffusion import sana_settings, vace_settings
    from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint, pipeline_of

    if pipeline_of(name) == sana_settings.PIPELINE:
        checkpoint = open_video_checkpoint(name, sana_settings.PIPELINE)
        from dynascene_cli.diffusion.sana_prompts import encode_sana_prompt

        made = [encode_sana_prompt(checkpoint, prompt or sana_settings.PROMPT)]
    else:
        checkpoint = open_video_checkpoint(name, vace_settings.PIPELINE)
        from dynascene_cli.diffusion.prompts import encode_prompts

        texts = (prompt or vace_settings.PROMPT, vace_settings.NEGATIVE_PROMPT)
        made = encode_prompts(checkpoint, texts)
    data = {
        "prompts": [
            {"text": each.text, "file": str(each.file), "tokens": each.tokens} for each in made
        ]
    }
    text = "\n".join(f"{each.file}: {each.tokens} tokens" for each in made)
    Console(as_json=as_json).result(data, text)


def _where(name_or_path: str) -> Path:
    from dynascene_cli.weights import path_of

    path = Path(name_or_path)
    return path if path.exists() else path_of(name_or_path)


def _check_for(name: str) -> "Callable[[Path], object]":
    """What looks at weights of that name before they are kept."""
    from dynascene_cli.weights import find
    from dynascene_cli.weights.registry import VIDEO

    kind = find(name).kind
    if kind == "checkpoint":
        from dynascene_cli.diffusion.checkpoint_file import read_info

        return read_info
    if kind == "base":
        return lambda path: None
    if kind == "metric":
        from dynascene_cli.diffusion.requirements import require_packages
        from dynascene_cli.evaluation.networks.trial import check_metric_weights

        require_packages()
        return partial(check_metric_weights, name)
    if kind == VIDEO:
        from dynascene_cli.diffusion.video_checkpoint import check_video_folder

        return check_video_folder
    from dynascene_cli.matting.weight_trial import try_weights

    return partial(try_weights, name)


def _report_added(console: "Console", added: "Weights") -> None:
    licence = added.licence
    if added.kind == "checkpoint":
        from dynascene_cli.diffusion.checkpoint_file import read_info

        licence = read_info(added.path).licence or "none is stated"
        console.info(f"Licence of the checkpoint: {licence}")
    data = {
        "name": added.name,
        "path": str(added.path),
        "sha256": added.expected_sha256,
        "licence": licence,
    }
    console.result(data, f"{added.name} added: {added.path}")


def _lines(console: "Console", name: str) -> "Told":
    """Say how far a download is, every few seconds; a log hears it more often, in bytes."""
    from dynascene_cli.console import LOGGED_SECONDS

    last = logged = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last, logged
        now = time.monotonic()
        if console.log is not None and (now - logged >= LOGGED_SECONDS or done == total):
            logged = now
            console.log.tell(
                "progress", stage="download", done=done, total=total or None, seconds_left=None
            )
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            of = f" of {total / 1e6:.0f}" if total else ""
            console.info(f"{name}: {done / 1e6:.0f}{of} MB")

    return told
