"""What is open while a command works, handed from stage to stage."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynascene_cli.console import Console
from dynascene_cli.pipeline.request import RunRequest
from dynascene_cli.storage.project import Project
from dynascene_cli.storage.recent import Recent


@dataclass(frozen=True)
class Run:
    """The project in which a command caches, what it says, and how it treats what is cached.

    ``force`` makes again what is there; ``dry_run`` makes nothing. ``kept`` is where a command that
    plans one shot many times keeps in memory what its plans share; None keeps nothing.
    """

    project: Project
    console: Console
    force: bool = False
    dry_run: bool = False
    kept: Recent[str, Any] | None = None


def open_run(asked: RunRequest, clip: str, inputs: Iterable[Path], console: Console) -> Run:
    """The run of a command on a clip that reads these inputs.

    Raises:
        InputError: the project folder is something else.
    """
    project = Project(asked.project_folder(clip), console.warn, inputs)
    return Run(project, console, asked.force, asked.dry_run)
