"""``dynascene trajectory``: camera moves listed, written for editing, drawn and checked."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.completion import complete_camera
from dynascene_cli.commands.option_groups import PanelCommand, flatten_groups
from dynascene_cli.commands.option_values import parse_picture_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from dynascene_cli.shot import CameraPath

app = typer.Typer(
    help="List, write, draw, check and convert camera moves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of handheld shake.")]
Distance = Annotated[
    float,
    typer.Option(
        "--subject-distance", help="Horizontal distance from camera to person, in metres."
    ),
]
Height = Annotated[
    float, typer.Option("--camera-height", help="Height of the camera above the ground, in metres.")
]
MoveArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE",
        autocompletion=complete_camera,
        help="A preset, a trajectory file, or several joined by +.",
    ),
]


@app.command("list", epilog="Example: dynascene trajectory list")
def list_moves(as_json: options.AsJson = False) -> None:
    """List the presets and what each one does."""
    from dynascene_cli.camera.moves.files import load_trajectory, preset_names
    from dynascene_cli.console import Console
    from dynascene_cli.storage.presets import presets_folder

    moves = [load_trajectory(name) for name in preset_names()]
    folder = presets_folder() / "cameras"
    rows = [
        {"name": m.name, "description": m.description, "file": str(folder / f"{m.name}.json")}
        for m in moves
    ]
    width = max(len(move.name) for move in moves)
    text = "\n".join(f"{move.name:{width}}  {move.description}" for move in moves)
    Console(as_json=as_json).result({"moves": rows}, text)


@app.command("make", epilog="Example: dynascene trajectory make orbit-left handheld -o mine.json")
def make(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Presets or files to join.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .json file to write.")],
    move_strength: options.MoveStrength = 1.0,
    seed: Seed = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a move, or several joined into one, as a file to edit and give to --camera."""
    from dynascene_cli.camera.moves.combine import join_moves, scale_move
    from dynascene_cli.camera.moves.files import load_move, trajectory_text
    from dynascene_cli.console import Console
    from dynascene_cli.errors import InputError
    from dynascene_cli.storage.atomic import publish_file
    from dynascene_cli.video.outputs import check_writable

    name = "+".join(names)
    moves = load_move(name)
    if output.suffix.lower() != ".json":
        raise InputError(f"{output}: not a .json file", "name the move FILE.json")
    if any(_same_file(output, move.name) for move in moves):
        raise InputError(f"{output}: is one of the inputs", "write to another file")
    move = join_moves([scale_move(one, move_strength) for one in moves], name)
    if seed is not None and move.shake is not None:
        move = replace(move, shake=replace(move.shake, seed=seed))
    check_writable(output)
    with publish_file(output) as temporary:
        temporary.write_text(trajectory_text(move), encoding="utf-8")
    data = {"output": str(output), "keyframes": len(move.keyframes), "units": move.units}
    Console(as_json=as_json).result(data, str(output))


@app.command("plot", epilog="Example: dynascene trajectory plot dolly-in -o dolly-in.png")
def plot(
    move: MoveArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .png picture to write.")],
    move_strength: options.MoveStrength = 1.0,
    seed: Seed = None,
    subject_distance: Distance = 4.0,
    camera_height: Height = 1.6,
    as_json: options.AsJson = False,
) -> None:
    """Draw a move from above and in perspective, around a person of 1.7 m."""
    from PIL import Image

    from dynascene_cli.camera.moves.files import load_move
    from dynascene_cli.camera.moves.preview import preview_path, typical_reference, walk_contacts
    from dynascene_cli.console import Console
    from dynascene_cli.errors import InputError
    from dynascene_cli.reports.camera_plot import camera_plot
    from dynascene_cli.reports.plotting import check_plotting
    from dynascene_cli.storage.atomic import publish_file
    from dynascene_cli.video.outputs import check_writable

    if output.suffix.lower() != ".png":
        raise InputError(f"{output}: not a .png file", "name the picture FILE.png")
    check_plotting()
    reference = typical_reference(subject_distance, camera_height)
    moves = load_move(move)
    path = preview_path(moves, reference, move_strength, seed)
    contacts = walk_contacts(moves, reference, path.frame_count, path.frame_rate)
    title = move if move_strength == 1 else f"{move} × {move_strength:g}"
    check_writable(output)
    picture = camera_plot(path, contacts, camera_height, title)
    with publish_file(output) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")
    Console(as_json=as_json).result({"output": str(output)}, str(output))


@app.command("check", epilog="Example: dynascene trajectory check mine.json")
def check(
    move: MoveArgument,
    move_strength: options.MoveStrength = 1.0,
    subject_distance: Distance = 4.0,
    camera_height: Height = 1.6,
    as_json: options.AsJson = False,
) -> None:
    """Check a move and describe it; exit with code 1 and the reason if it is invalid."""
    from dynascene_cli.camera.moves.files import load_move
    from dynascene_cli.camera.moves.preview import (
        duration,
        extent,
        preview_path,
        typical_reference,
        walk_contacts,
    )
    from dynascene_cli.console import Console
    from dynascene_cli.staging.clearance import check_path

    moves = load_move(move)
    reference = typical_reference(subject_distance, camera_height)
    path = preview_path(moves, reference, move_strength)
    contacts = walk_contacts(moves, reference, path.frame_count, path.frame_rate)
    check_path(path, contacts, camera_height, subject_distance, move)
    reach = extent(path)
    seconds = duration(moves)
    lasts = "lasts as long as the clip" if seconds is None else f"lasts {seconds:g} s"
    shortest, longest = reach.focal_ratio
    text = (
        f"OK: {move}: {lasts}; with the person {subject_distance:g} m away the camera goes "
        f"{reach.travel:.2f} m and turns {reach.turn_deg:.1f}°, "
        f"its focal length × {shortest:.2f} to {longest:.2f}"
    )
    data = {"move": move, "ok": True, "seconds": seconds, **vars(reach)}
    Console(as_json=as_json).result(data, text)


@dataclass(frozen=True)
class SourceOptions:
    """What the camera that is read does not say itself."""

    PANEL: ClassVar[str] = "Input"

    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Picture size in pixels, if A has none."),
    ] = None
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frame rate, if A has none, in frames per second.")
    ] = None
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, max=100_000, help="Number of frames of a move.")
    ] = None
    subject_distance: Distance = 4.0
    camera_height: Height = 1.6

    def read(
        self,
        source: str,
        picture: tuple[int, int] | None,
        frame_rate: "Fraction | None",
        warn: "Callable[[str], None]",
    ) -> "CameraPath":
        """The camera of a file, or that of a move around a person of 1.7 m.

        Raises:
            InputError: the source cannot be read, or an option does not go with it.
        """
        from dynascene_cli.camera.formats import read_camera
        from dynascene_cli.camera.moves.files import is_camera, load_move
        from dynascene_cli.camera.moves.preview import preview_path, typical_reference
        from dynascene_cli.errors import InputError

        if is_camera(source):
            if self.frames is not None:
                raise InputError(f"--frames: {source} has its own", "--frames is for moves")
            return read_camera(Path(source), size=picture, frame_rate=frame_rate, warn=warn)
        reference = typical_reference(
            self.subject_distance, self.camera_height, *([] if picture is None else [picture])
        )
        return preview_path(
            load_move(source), reference, frame_count=self.frames, frame_rate=frame_rate
        )

    def picture_size(self) -> tuple[int, int] | None:
        """The picture size that is asked for."""
        return None if self.size is None else parse_picture_size(self.size)

    def frame_rate(self) -> "Fraction | None":
        """The frame rate that is asked for.

        Raises:
            InputError: it is none.
        """
        from dynascene_cli.errors import InputError
        from dynascene_cli.video.timeline import snap_rate

        if self.fps is None:
            return None
        if not (math.isfinite(self.fps) and 0 < self.fps <= 1000):
            raise InputError(
                f"--fps {self.fps} is not a frame rate", "give one such as 24 or 23.976"
            )
        return snap_rate(self.fps)


@dataclass(frozen=True)
class TargetOptions:
    """How the camera is called and numbered in the file that is written."""

    PANEL: ClassVar[str] = "Output"

    name: Annotated[
        str | None, typer.Option("--name", help="Name of the camera in B [default: A's name].")
    ] = None
    start_number: Annotated[
        int | None,
        typer.Option(
            "--start-number",
            help="Number of B's first frame [default: A's, else 1].",
            min=0,
            max=9_999_999,
        ),
    ] = None


@app.command(
    "convert",
    cls=PanelCommand,
    epilog="Example: dynascene trajectory convert mine.json mine.usda --fps 25",
)
@flatten_groups
def convert(
    source: Annotated[
        str, typer.Argument(metavar="A", help="The camera file or folder, or the move, to read.")
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="B",
            help="The file to write: .json, .txt (RealEstate10K), .chan or .nk (Nuke), .usda, "
            ".jsx (After Effects), .py (Blender), transforms.json or camera_path.json "
            "(Nerfstudio), or a folder (COLMAP).",
        ),
    ],
    reading: SourceOptions,
    writing: TargetOptions,
    as_json: options.AsJson = False,
) -> None:
    """Convert a camera file, or a move around a person of 1.7 m, for another program."""
    from dynascene_cli.camera.formats import (
        check_camera_output,
        read_ground,
        read_points,
        write_camera,
    )
    from dynascene_cli.console import Console
    from dynascene_cli.errors import InputError

    console = Console(as_json=as_json)
    picture, frame_rate = reading.picture_size(), reading.frame_rate()
    if _same_file(output, source):
        raise InputError(f"{output}: is the input", "write to another file")
    check_camera_output(output)
    camera = reading.read(source, picture, frame_rate, console.warn)
    if writing.start_number is not None:
        camera = replace(camera, first_frame=writing.start_number)
    name = writing.name or Path(source).stem
    contact = read_ground(Path(source), camera.frame_count)
    points = read_points(Path(source))
    write_camera(output, camera, name=name, contact=contact, points=points, warn=console.warn)
    data = {
        "output": str(output),
        "frames": camera.frame_count,
        "first_frame": camera.first_frame,
        "fps": float(camera.frame_rate),
        "size": [camera.width, camera.height],
        "unit": camera.unit,
        "warnings": console.warnings,
    }
    console.result(data, str(output))


def _same_file(output: Path, name: str) -> bool:
    return output.exists() and Path(name).exists() and output.samefile(name)
