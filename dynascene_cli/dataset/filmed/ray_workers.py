"""Jobs on Ray Data: many clips at a time, on this machine's cores or on a cluster's.

Every job is a block of its own, so that a worker that ends repeats one clip. What is handed to and
fro are names and numbers: videos and clips stay on the disk that all machines share.
"""

import contextlib
import io
import logging
import os
import pickle
import platform
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dynascene_cli.console import Console
from dynascene_cli.dataset.filmed.jobs import Job, Made, Outcome, Workers, attempt
from dynascene_cli.dataset.own_folder import SETTINGS
from dynascene_cli.errors import DynasceneError, InputError, MissingError, StageError, reason_of

LOCAL = "local"
MOST_TRIES = 3
"""How often a job may end its worker before it is given up."""

OBJECT_STORE = 100 * 2**20
"""Bytes of memory that local workers share; jobs and outcomes are small."""

SECONDS_TO_ANSWER = 10

SET_IN_WORKERS = ("DYNASCENE_", "NUMBA_CACHE_DIR")


@dataclass(frozen=True)
class RayUse:
    """``address``: of a cluster, as Ray writes it, or ``local``. ``workers``: at most so many."""

    address: str
    workers: int | None = None


@contextmanager
def ray_workers(use: RayUse, folder: Path, console: Console) -> Iterator[Workers]:
    """Connect to Ray, or start it on this machine, for as long as the context lasts.

    Raises:
        MissingError: Ray is not installed.
        InputError: there is no cluster at the address.
    """
    is_local = use.address == LOCAL
    if is_local:
        # Ray's name for: listen on 127.0.0.1 alone. It is read when Ray is imported.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Else Ray keeps a token of its own in the user's home, by which others are kept out.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingError(
            "--ray needs Ray Data", "pip install 'dynascene-cli[cluster]'"
        ) from error

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory(prefix="dynascene-ray-", ignore_cleanup_errors=True) as kept,
        # Ray tells on stdout of workers that end.
        contextlib.redirect_stdout(io.StringIO()),
    ):
        variables = {
            name: value for name, value in os.environ.items() if name.startswith(SET_IN_WORKERS)
        }
        started: dict[str, Any] = {
            "runtime_env": {"env_vars": {**variables, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}},
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        if is_local:
            started |= {
                "address": LOCAL,
                "num_cpus": use.workers,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE,
                "_temp_dir": kept,
            }
        else:
            started["address"] = use.address
        try:
            if not is_local:
                _check_address(use.address)
            ray.init(**started)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            raise InputError(
                f"--ray {use.address} cannot be used: {reason_of(error)[:200]}",
                "local, or HOST:PORT of a cluster that `ray start --head` began; "
                "RAY_AUTH_MODE=token where it asks for its token",
            ) from error
        try:
            yield partial(_work, ray.data, use, folder, console)
        finally:
            ray.shutdown()


def _check_address(address: str) -> None:
    """Make sure that somebody listens there, for Ray would ask for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and host:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()


def _work(
    data: Any,
    use: RayUse,
    folder: Path,
    console: Console,
    kind: str,
    do: Callable[[Job], Made],
    jobs: Iterable[Job],
) -> Iterator[Outcome[Job, Made]]:
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
    place = _Place(Path.cwd(), folder)
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


@dataclass(frozen=True)
class _Place:
    """Where the command runs, from which its paths go on, and the data set's folder."""

    current: Path
    folder: Path

    def check(self) -> None:
        """Make sure that this worker sees the disk that the command sees."""
        if not (self.current / self.folder / SETTINGS).is_file():
            raise StageError(
                f"{platform.node()}: this worker does not see {self.current / self.folder}",
                "all machines must find videos and data set under the same paths",
            )


def _work_there(row: dict[str, Any], place: _Place, do: Callable[[Job], Made]) -> dict[str, Any]:
    """Do a job in a worker; what is wrong with more than its video is told, not raised."""
    job: Job = pickle.loads(row["job"])
    told: object
    count = 0
    try:
        place.check()
        with contextlib.chdir(place.current):
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
