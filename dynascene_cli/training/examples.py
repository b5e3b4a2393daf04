"""Training examples by number: everything of one follows from the seed and its index."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.manifest import ManifestEntry, check, load_clip
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.sampling_size import check_sampling_size
from dynascene_cli.errors import InputError
from dynascene_cli.training.clip_groups import Groups, read_groups, too_short
from dynascene_cli.training.settings import STAGE_TASKS, Stage, TrainingSettings, shares
from dynascene_cli.training.task_inputs import TaskInputs
from dynascene_cli.training.tasks import TASKS, task_inputs

SEEDS = 2**32
"""How many different synthetic shots an endless supply is drawn from."""

MOST_ATTEMPTS = 100
"""How often a clip is drawn again where those drawn cannot be read."""


@dataclass(frozen=True)
class Source:
    """Where clips come from: with which share, and a random one of them.

    ``clip`` takes how many frames it shall have, and how many steps of the settings' rate lie
    between two of them.
    """

    share: float
    clip: Callable[[int, int, np.random.Generator], TrainingClip]


class ExampleDraws:
    """The examples of a stage, without state: any of them, in any order and process."""

    def __init__(
        self,
        settings: TrainingSettings,
        stage: Stage,
        network: NetworkConfig,
        groups: Groups | None = None,
    ) -> None:
        """Read what clips there are, or take them from ``groups``; no picture is read yet.

        Raises:
            InputError: the size or the number of frames does not fit the network, a manifest or a
                folder is wrong, a clip is too short, or a task has no clip that can serve it.
        """
        check_sampling_size(settings.size, network)
        if stage != "image" and settings.frames > network.motion_frames:
            raise InputError(
                f"frames = {settings.frames}: the network's clips have at most "
                f"{network.motion_frames}",
                f"frames = {network.motion_frames}, or a network with more motion_frames",
            )
        self._settings = settings
        self._stride = network.latent_stride
        self._of_images = stage == "image"
        self._stage_number = list(STAGE_TASKS).index(stage)
        self._shares = shares(settings, stage)
        self._sources = _sources(
            settings, self._shares, read_groups(settings) if groups is None else groups
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the stage's tasks that are not off."""
        return tuple(self._shares)

    def draw(self, index: int, task: str | None = None) -> TaskInputs:
        """Example number ``index`` ≥ 0; of a task, or of one that is drawn too.

        Raises:
            InputError: a file of its clip cannot be read; the message names it.
        """
        return self.draw_readable(index, 0, task)[0]

    def draw_readable(
        self, index: int, most_bad: int, task: str | None = None
    ) -> tuple[TaskInputs, list[str]]:
        """Example number ``index``, of another clip where its own cannot be read, and what was bad.

        At most so many clips are passed over; which they are decides the example too.

        Raises:
            InputError: there are more of them; the message names the last.
        """
        bad: list[str] = []
        for attempt in range(MOST_ATTEMPTS + 1):
            rng = np.random.default_rng([self._settings.seed, self._stage_number, index])
            # Another clip is drawn by another stream, so that the others' draws stay.
            rng = rng.spawn(attempt)[-1] if attempt else rng
            try:
                return self._draw(rng, task), bad
            except InputError as error:
                bad += [error.message] if error.message not in bad else []
                if len(bad) > most_bad or attempt == MOST_ATTEMPTS:
                    raise
        raise AssertionError("never reached")

    def _draw(self, rng: np.random.Generator, task: str | None) -> TaskInputs:
        drawn = str(rng.choice(list(self._shares), p=list(self._shares.values())))
        task = drawn if task is None else task
        sources = self._sources[task]
        weights = np.array([source.share for source in sources])
        source = sources[rng.choice(len(sources), p=weights / weights.sum())]
        frames, gap = self._settings.frames, 1
        if self._of_images and frames > 2:
            # A picture is made from one other: the frames of the clip between them are not needed.
            frames, gap = 2, int(rng.integers(1, frames))
        clip = source.clip(frames, gap, rng)
        return task_inputs(task, clip, rng, self._settings, self._stride)


def find_faults(entry: ManifestEntry, settings: TrainingSettings) -> list[str]:
    """What is wrong with a filmed clip for training, each of its files read once."""
    return too_short(entry, settings) + check(entry)


def _sources(
    settings: TrainingSettings, tasks: Iterable[str], groups: Groups
) -> dict[str, list[Source]]:
    """Where each task's clips come from; what has no clip or no share is left out."""
    found = {}
    for task in tasks:
        needs_person = TASKS[task].needs_person
        filmed = {
            "manifest": groups["people" if needs_person else "places"],
            "realestate": [] if needs_person else groups["realestate"],
        }
        sources = [
            Source(settings.source_share(task, "synthetic"), partial(_draw_synthetic, settings))
        ] + [
            Source(settings.source_share(task, name), partial(_draw_filmed, settings, entries))
            for name, entries in filmed.items()
            if entries
        ]
        found[task] = [source for source in sources if source.share]
        if not found[task]:
            raise InputError(
                f"{task} has no clip to learn from{_lack(needs_person, bool(groups['people']))}",
                f"give it clips of a manifest with mattes, or set tasks.{task} = 0"
                if needs_person
                else f"give a source of clips without people a share, or set tasks.{task} = 0",
            )
    return found


def _lack(needs_person: bool, shows_people: bool) -> str:
    if needs_person:
        return ": it needs a person, and no clip has a matte"
    return ": it shows nobody, and every clip has a matte and no plates" if shows_people else ""


def _draw_synthetic(
    settings: TrainingSettings, frames: int, gap: int, rng: np.random.Generator
) -> TrainingClip:
    shot = SyntheticSettings(
        size=settings.size,
        frames=frames,
        fps=settings.fps / gap,
        person=settings.synthetic_person,
        split=settings.synthetic_split,
        textures=Path(settings.synthetic_textures) if settings.synthetic_textures else None,
    )
    return synthetic_clip(int(rng.integers(settings.synthetic_clips or SEEDS)), shot)


def _draw_filmed(
    settings: TrainingSettings,
    entries: Sequence[ManifestEntry],
    frames: int,
    gap: int,
    rng: np.random.Generator,
) -> TrainingClip:
    """A random run of frames of a random clip, every k-th for a random k that the clip allows."""
    entry = entries[int(rng.integers(len(entries)))]
    longest = (entry.frames - 1) // max((frames - 1) * gap, 1)
    low, high = (max(min(stride, longest), 1) for stride in settings.frame_stride)
    stride = gap * int(rng.integers(low, high + 1))
    span = (frames - 1) * stride + 1
    first = int(rng.integers(entry.frames - span + 1))
    return load_clip(entry, first, frames, settings.size, stride)
