"""What the ablation compares: rows of plain data on top of the small network's presets."""

from dataclasses import dataclass

from dynascene_cli.errors import InputError
from dynascene_cli.training.settings import Stage, TrainingSettings, read_settings

COMMON = (
    "batch_size=4",
    "validate_every=0",
    "checkpoint_every=25",
    "keep_last=1",
    "log_every=25",
    "threads=1",
    "workers=0",
)
"""The same in every row; the loop's state is kept often, since runs are short."""


@dataclass(frozen=True)
class Part:
    """A stage of a row's training by a preset, for its ``share`` of the row's steps."""

    stage: Stage
    preset: str
    share: float = 1.0


SINGLE = (Part("single", "mini-single"),)
TWO_STAGES = (Part("image", "mini-stage1", 0.5), Part("video", "mini-stage2", 0.5))


@dataclass(frozen=True)
class Row:
    """One line of the table: how it is trained, and the settings that set it apart."""

    name: str
    told: str
    parts: tuple[Part, ...] = SINGLE
    changes: tuple[str, ...] = ()


ONE_TASK = ("tasks.video_outpainting=0", "tasks.video_variation=0")
NO_RAYS = ('network.reference_geometry="none"',)

ROWS = (
    Row("baseline", "no camera, background generation alone",
        changes=(*ONE_TASK, *NO_RAYS, "network.camera=false")),
    Row("camera", "+ camera", changes=ONE_TASK),
    Row("outpainting", "+ outpainting", changes=("tasks.video_variation=0",)),
    Row("full", "+ scene variation: everything, tied_rays"),
    Row("two-stages", "everything in two stages: pictures, then clips", parts=TWO_STAGES),
    Row("same-light", "everything without illumination adjustment", changes=("illumination=0",)),
    Row("none", "everything, reference_geometry none: the paper's camera path", changes=NO_RAYS),
    Row("ray-bias", "everything, reference_geometry ray_bias",
        changes=('network.reference_geometry="ray_bias"',)),
    Row("prope", "everything, reference_geometry prope",
        changes=('network.reference_geometry="prope"',)),
)  # fmt: skip


def select_rows(names: tuple[str, ...]) -> tuple[Row, ...]:
    """Some of ROWS in their order, all where none is named.

    Raises:
        InputError: there is no such row.
    """
    known = [row.name for row in ROWS]
    for name in names:
        if name not in known:
            raise InputError(f"no row is called {name!r}", f"known: {', '.join(known)}")
    return tuple(row for row in ROWS if not names or row.name in names)


def part_settings(
    row: Row, part: Part, steps: int, seed: int, base: str | None
) -> TrainingSettings:
    """The settings of one stage of a row; ``base`` is the checkpoint of the stage before."""
    own = max(2, round(steps * part.share))
    changes = [*COMMON, f"seed={seed}", f"steps={own}", f"warm_up={own // 10}"]
    if base is not None:
        changes.append(f"base={base}")
    return read_settings(part.preset, [*changes, *row.changes])
