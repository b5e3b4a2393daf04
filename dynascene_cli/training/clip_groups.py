"""The filmed clips that a run learns from, in the groups that its tasks draw from.

They are read from the manifests once, and kept in one SQLite file that any number of processes
share: of 200,000 clips a process has no more in memory than those that it draws.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from errno import ENOSPC
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from dynascene_cli.dataset.manifest import ManifestEntry, read_manifest
from dynascene_cli.dataset.realestate import realestate_entries
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.weights.registry import sha256_of

Groups = Mapping[str, Sequence[ManifestEntry]]
"""``people``, ``places`` and ``realestate``: clips with a person, without one, and the folders'."""

GROUPS = ("people", "places", "realestate")

_VERSION = 1
_TABLES = """
create table facts (made_of text);
create table clips (id integer primary key, entry text);
create table members (kind text, number integer, clip integer, primary key (kind, number))
    without rowid;
"""


def usable_entries(settings: TrainingSettings) -> tuple[list[ManifestEntry], list[ManifestEntry]]:
    """The clips of the settings' manifests, and those of their RealEstate10K folders.

    Raises:
        InputError: a manifest or a folder is wrong.
    """
    manifest = [entry for path in settings.manifests for entry in read_manifest(Path(path))]
    estate = [entry for path in settings.realestate for entry in realestate_entries(Path(path))]
    return manifest, estate


def too_short(entry: ManifestEntry, settings: TrainingSettings) -> list[str]:
    """What is wrong with a clip's length, if anything is."""
    if entry.frames >= settings.frames:
        return []
    return [f"has {entry.frames} frames, and training needs {settings.frames}"]


def read_groups(settings: TrainingSettings) -> Groups:
    """The groups of the settings' manifests and folders, every line of them read.

    Raises:
        InputError: a manifest or a folder is wrong, or a clip is too short.
    """
    manifest, estate = usable_entries(settings)
    for entry in manifest + estate:
        for fault in too_short(entry, settings):
            raise InputError(
                f"{entry.where}: {entry.name} {fault}",
                f"leave it out of the manifest, or set frames = {entry.frames}",
            )
    return {
        "people": [entry for entry in manifest if entry.matte is not None],
        # Who is filmed would be a person whom nothing shown says anything of.
        "places": [entry for entry in manifest if entry.matte is None or entry.plates is not None],
        "realestate": estate,
    }


def made_of(settings: TrainingSettings) -> str:
    """What an index of the settings' clips depends on: with another it is another index."""
    facts = {
        "version": _VERSION,
        "frames": settings.frames,
        "manifests": [(path, sha256_of(Path(path))) for path in settings.manifests],
        "realestate": [(path, listing(Path(path))) for path in settings.realestate],
    }
    return json.dumps(facts)


def listing(folder: Path) -> str:
    """A digest of the names of all that lies in a folder."""
    names = "\n".join(sorted(str(path.relative_to(folder)) for path in folder.rglob("*")))
    return hashlib.sha256(names.encode()).hexdigest()


def write_index(groups: Groups, made_of: str, path: Path) -> None:
    """Keep groups in one file, which appears whole or not at all.

    Raises:
        StageError: the disk is full.
    """
    with publish_file(path) as temporary, closing(sqlite3.connect(temporary)) as index:
        try:
            # A file that is not whole is never read.
            index.executescript("pragma journal_mode = off; pragma synchronous = off;" + _TABLES)
            with index:
                numbers: dict[int, int] = {}
                for kind, entries in groups.items():
                    for entry in entries:
                        if id(entry) not in numbers:
                            numbers[id(entry)] = len(numbers)
                            clip = (numbers[id(entry)], _to_text(entry))
                            index.execute("insert into clips values (?, ?)", clip)
                    members = ((kind, i, numbers[id(each)]) for i, each in enumerate(entries))
                    index.executemany("insert into members values (?, ?, ?)", members)
                index.execute("insert into facts values (?)", (made_of,))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise OSError(ENOSPC, "no space is left", str(path)) from error
            raise


def open_index(path: Path, made_of: str | None = None) -> Groups | None:
    """The groups that ``write_index`` kept; None where there are none, or of something else.

    Without ``made_of`` they are taken as they are.
    """
    if not path.is_file():
        return None
    groups = {kind: IndexedClips(path, kind) for kind in GROUPS}
    try:
        with closing(_connect(path)) as index:
            found = index.execute("select made_of from facts").fetchone()
        if made_of is not None and found != (made_of,):
            return None
        for group in groups.values():
            len(group)
    except (sqlite3.DatabaseError, InputError):
        return None
    return groups


class IndexedClips(Sequence[ManifestEntry]):
    """The clips of one group of an index, each read when it is asked for."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self._kind = path, kind

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexedClips, (self._path, self._kind)

    @cached_property
    def _index(self) -> sqlite3.Connection:
        return _connect(self._path)

    @cached_property
    def _count(self) -> int:
        return int(str(self._ask("select count(*) from members where kind = ?", self._kind)))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> ManifestEntry: ...
    @overload
    def __getitem__(self, number: slice) -> list[ManifestEntry]: ...
    def __getitem__(self, number: int | slice) -> ManifestEntry | list[ManifestEntry]:
        """Clip ``number``.

        Raises:
            InputError: the index was damaged since it was opened.
        """
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        query = "select entry from members join clips on clip = id where kind = ? and number = ?"
        return _from_text(str(self._ask(query, self._kind, number % len(self))))

    def _ask(self, query: str, *values: object) -> object:
        try:
            (found,) = self._index.execute(query, values).fetchone()
        except (sqlite3.DatabaseError, TypeError) as error:
            raise InputError(f"{self._path} is damaged", "remove it, and train again") from error
        return found

    def __iter__(self) -> Iterator[ManifestEntry]:
        return (self[number] for number in range(len(self)))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _to_text(entry: ManifestEntry) -> str:
    return json.dumps(
        {k: str(v) if isinstance(v, Path | Fraction) else v for k, v in vars(entry).items()}
    )


def _from_text(text: str) -> ManifestEntry:
    values = json.loads(text)
    for name in ("clip", "camera", "matte", "scene", "plates", "depths"):
        values[name] = None if values[name] is None else Path(values[name])
    return ManifestEntry(**{**values, "fps": Fraction(values["fps"])})
