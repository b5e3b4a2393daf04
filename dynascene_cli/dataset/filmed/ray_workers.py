"""Jobs on Ray Data: many clips at a time, on this machine's cores or on a cluster's.

Every job is a block of its own, so that a worker that ends repeats one clip. What is handed to and
fro are names and numbers: videos and clips stay on the disk that all machines share.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dynascene_cli.cluster import MOST_TRIES, RayUse, Workplace, connect_to_ray
from dynascene_cli.console import Console
from dynascene_cli.dataset.filmed.jobs import Job, Made, Outcome, Workers, attempt
from dynascene_cli.dataset.own_folder import SETTINGS
from dynascene_cli.errors import DynasceneError


@contextmanager
def ray_workers(use: RayUse, folder: Path, console: Console) -> Iterator[Workers]:
    """Ray's workers, for as long as the context lasts.

    Raises:
        MissingError: Ray is not installed.
        InputError: there is no cluster at the address.
    """
    with connect_to_ray(use):
        yield partial(_work, use, folder, console)


def _work(
    use: RayUse,
    folder: Path,
    console: Console,
    kind: str,
    do: Callable[[Job], Made],
    jobs: Iterable[Job],
) -> Iterator[Outcome[Job, Made]]:
    from ray import data

    listed = list(jobs)
    if not listed:
        return
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    tries = folder / "work" / f"{kind}.tries"
    tries.mkdir(parents=True, exist_ok=True)
    for left in tries.iterdir():
        left.unlink()
    place = Workplace(Path.cwd(), folder / SETTINGS)
    rows = [
        {"job": pickle.dumps(job), "tries": str(tries / str(number))}
        for number, job in enumerate(listed)
    ]
    done = data.from_items(rows, override_num_blocks=len(rows)).map(
        partial(_work_there, place=place, do=do),
        num_cpus=1,
        compute=data.TaskPoolStrategy(size=use.workers),
    )
    with console.progress(kind, len(listed)) as advance:
        for number, row in enumerate(done.iter_rows(), start=1):
            outcome: Outcome[Job, Made] | DynasceneError = pickle.loads(row["outcome"])
            if isinstance(outcome, DynasceneError):
                raise outcome
            if row["tries"] > 1 and not outcome.fault:
                console.warn(f"{outcome.job.title}: its worker ended, and it was done again")
            advance(number)
            yield outcome


def _work_there(row: dict[str, Any], place: Workplace, do: Callable[[Job], Made]) -> dict[str, Any]:
    """Do a job in a worker; what is wrong with more than its video is told, not raised."""
    job: Job = pickle.loads(row["job"])
    told: object
    count = 0
    try:
        with place.entered():
            with Path(row["tries"]).open("ab") as marks:
                marks.write(b".")
                count = marks.tell()
            if count > MOST_TRIES:
                fault = f"{job.title}: {MOST_TRIES} workers ended while they did it"
                told = Outcome(job, None, fault)
            else:
                told = attempt(do, job)
    except DynasceneError as error:
        told = error
    return {"outcome": pickle.dumps(told), "tries": count}
