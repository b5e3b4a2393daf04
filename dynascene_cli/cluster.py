"""Ray, for work that several machines or cores share: on this machine, or on a cluster.

What is handed to workers and back are names and numbers: files stay on the disk that all machines
share.
"""

import contextlib
import io
import logging
import os
import platform
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynascene_cli.errors import InputError, MissingError, StageError, reason_of

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
def connect_to_ray(use: RayUse) -> Iterator[None]:
    """Connect to Ray, or start it on this machine, for as long as the context lasts.

    Raises:
        MissingError: Ray is not installed.
        InputError: there is no cluster at the address.
        StageError: Ray does not start.
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
        try:
            if not is_local:
                _check_address(use.address)
            ray.init(**_start_settings(use, kept))
        # Of whatever kind: Ray raises a bare Exception where it does not start in time.
        except Exception as error:
            ray.shutdown()
            reason = reason_of(error)[:200]
            if is_local:
                raise StageError(
                    f"Ray does not start on this machine: {reason}",
                    "it may be too busy: try again later, or without --ray",
                ) from error
            raise InputError(
                f"--ray {use.address} cannot be used: {reason}",
                "local, or HOST:PORT of a cluster that `ray start --head` began; "
                "RAY_AUTH_MODE=token where it asks for its token",
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def _start_settings(use: RayUse, folder: str) -> dict[str, Any]:
    """What ``ray.init`` is given; on this machine Ray keeps its files in the folder."""
    variables = {
        name: value for name, value in os.environ.items() if name.startswith(SET_IN_WORKERS)
    }
    settings: dict[str, Any] = {
        "address": use.address,
        "runtime_env": {"env_vars": {**variables, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}},
        "log_to_driver": False,
        "logging_level": logging.ERROR,
    }
    if use.address == LOCAL:
        settings |= {
            "num_cpus": use.workers,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE,
            "_temp_dir": folder,
        }
    return settings


def _check_address(address: str) -> None:
    """Make sure that somebody listens there, for Ray would ask for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and host:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()


@dataclass(frozen=True)
class Workplace:
    """Where the command runs, from which its paths go on, and a path that it made there."""

    current: Path
    made: Path

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Work there, in a worker that sees the disk that the command sees.

        Raises:
            StageError: it does not.
        """
        made = self.current / self.made
        if not made.exists():
            raise StageError(
                f"{platform.node()}: this worker does not see {made}",
                "all machines must find the files under the same paths",
            )
        with contextlib.chdir(self.current):
            yield
