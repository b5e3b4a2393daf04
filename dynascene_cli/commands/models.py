"""``dynascene models``: weights, where they come from, their licence, their checksum."""

from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options

app = typer.Typer(
    help="Weights: where they come from, their licence, their checksum.", rich_markup_mode=None
)


@app.command("list")
def list_models(as_json: options.AsJson = False) -> None:
    """List the weights that the program knows and which are on this machine."""
    from dynascene_cli.console import Console
    from dynascene_cli.weights import on_this_machine, weights_folder

    known = on_this_machine()
    rows = [
        {
            "name": weights.name,
            "kind": weights.kind,
            "state": weights.state,
            "licence": weights.licence,
            "description": weights.description,
            "url": weights.url,
            "path": str(weights.path) if weights.state != "absent" else None,
        }
        for weights in known
    ]
    lines = [
        f"{weights.name:<30} {weights.state:<8} {weights.description}\n"
        f"{'':<39} licence: {weights.licence}"
        for weights in known
    ]
    folder = str(weights_folder())
    text = "\n".join([*lines, f"Added weights lie in {folder}"])
    Console(as_json=as_json).result({"models": rows, "folder": folder}, text)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="As `models list` calls it; any rembg:MODEL too.")],
    file: Annotated[Path, typer.Argument(help="The weights file; it is copied.")],
    as_json: options.AsJson = False,
) -> None:
    """Register a weights file that you have, and show its licence."""
    from dynascene_cli import weights
    from dynascene_cli.console import Console
    from dynascene_cli.matting.network import Network

    console = Console(as_json=as_json)
    console.info(f"Licence of {name}: {weights.find(name).licence}")
    if file.is_file():
        Network(file)
    added = weights.add(name, file)
    data = {
        "name": name,
        "path": str(added.path),
        "sha256": added.expected_sha256,
        "licence": added.licence,
    }
    console.result(data, f"{name} added: {added.path}")


@app.command("verify")
def verify(
    name: Annotated[
        str | None, typer.Argument(help="Which weights [default: all on this machine].")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare weights files with their checksums."""
    from dynascene_cli import weights
    from dynascene_cli.console import Console

    present = [known.name for known in weights.on_this_machine() if known.state != "absent"]
    checked = {each: weights.verify(each) for each in ([name] if name else present)}
    text = "\n".join(f"{each}: as it should be, {digest}" for each, digest in checked.items())
    Console(as_json=as_json).result({"verified": checked}, text)
