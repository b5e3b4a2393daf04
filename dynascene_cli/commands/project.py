"""``dynascene project``: what is cached in a project folder, and clearing it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynascene_cli.commands import options
from dynascene_cli.errors import InputError

if TYPE_CHECKING:
    from dynascene_cli.storage.project import Project

app = typer.Typer(
    help="Show or clear what a project folder caches.", no_args_is_help=True, rich_markup_mode=None
)

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A project folder (NAME.dynascene).")
]


def _open_project(folder: Path) -> "Project":
    from dynascene_cli.storage.project import Project

    hint = "give the .dynascene folder that a render made"
    try:
        project = Project(folder)
    except InputError as error:
        raise InputError(error.message, hint) from error
    if not project.exists():
        raise InputError(f"{folder}: not a project folder", hint)
    return project


@app.command("show", epilog="Example: dynascene project show person.dynascene")
def show(folder: FolderArgument, as_json: options.AsJson = False) -> None:
    """List each stage's cached results, their size, and which one is the latest."""
    from dynascene_cli.storage.project import STAGES

    project = _open_project(folder)
    latest = project.latest()
    rows = [
        {
            "stage": stage,
            "key": key,
            "bytes": size,
            "whole": project.has(stage, key),
            "latest": latest.get(stage) == key,
        }
        for stage in STAGES
        for key, size in project.results(stage).items()
    ]
    if as_json:
        print(json.dumps({"project": str(folder), "results": rows}, ensure_ascii=False))
        return
    for row in rows:
        state = "latest" if row["latest"] else "whole" if row["whole"] else "unfinished"
        print(f"{row['stage']:8} {row['key']}  {int(str(row['bytes'])) / 1e6:9.1f} MB  {state}")


@app.command("clean", epilog="Example: dynascene project clean person.dynascene --stage plate")
def clean(
    folder: FolderArgument,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="Clear only this stage; may be repeated.")
    ] = None,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="Keep the latest finished result of each stage.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Delete cached results and the report; scene/scene.json and your own files are kept."""
    from dynascene_cli.storage.project import STAGES

    unknown = sorted(set(stage or []) - set(STAGES))
    if unknown:
        raise InputError(f"--stage {unknown[0]}: no such stage", f"one of {', '.join(STAGES)}")
    project = _open_project(folder)
    with project.locked():
        clear = project.clear_older if keep_last else project.clear
        freed = sum(clear(name) for name in stage or STAGES)
    if as_json:
        print(json.dumps({"project": str(folder), "freed_bytes": freed}, ensure_ascii=False))
    else:
        print(f"freed {freed / 1e6:.1f} MB")
