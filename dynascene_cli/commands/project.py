"""``dynascene project``: what is cached in a project folder, and clearing it."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options
from dynascene_cli.errors import InputError

app = typer.Typer(
    help="Show or clear what a project folder caches.", no_args_is_help=True, rich_markup_mode=None
)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="A .dynascene folder.")]


def _project_folder(folder: Path) -> Path:
    if not (folder / "lock").is_file():
        raise InputError(
            f"{folder}: not a project folder", "give the .dynascene folder that a render made"
        )
    return folder


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@app.command("show")
def show(folder: FolderArgument, as_json: options.AsJson = False) -> None:
    """List each stage's cached results, their size, and which one is the latest."""
    from dynascene_cli.project import STAGES, Project

    latest = Project(_project_folder(folder)).latest()
    rows = [
        {
            "stage": stage,
            "key": result.name,
            "bytes": _size(result),
            "whole": (result / "done.json").is_file(),
            "latest": latest.get(stage) == result.name,
        }
        for stage in STAGES
        for result in sorted((folder / stage).glob("*"))
        if result.is_dir()
    ]
    if as_json:
        print(json.dumps({"project": str(folder), "results": rows}, ensure_ascii=False))
        return
    for row in rows:
        state = "latest" if row["latest"] else "whole" if row["whole"] else "unfinished"
        print(f"{row['stage']:8} {row['key']}  {int(str(row['bytes'])) / 1e6:9.1f} MB  {state}")


@app.command("clean")
def clean(
    folder: FolderArgument,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="Only this stage; may be repeated.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Remove what is cached and the report; your edits in scene/scene.json stay."""
    from dynascene_cli.project import STAGES, Project

    unknown = sorted(set(stage or []) - set(STAGES))
    if unknown:
        raise InputError(f"--stage {unknown[0]}: no such stage", f"one of {', '.join(STAGES)}")
    freed = 0
    with Project(_project_folder(folder)).locked():
        for name in stage or STAGES:
            for made in (folder / name).glob("*"):
                if made.is_dir():
                    freed += _size(made)
                    shutil.rmtree(made)
                elif name == "report":
                    freed += made.stat().st_size
                    made.unlink()
    if as_json:
        print(json.dumps({"project": str(folder), "freed_bytes": freed}, ensure_ascii=False))
    else:
        print(f"freed {freed / 1e6:.1f} MB")
