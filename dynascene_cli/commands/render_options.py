"""The options of ``dynascene render`` by topic, and what each topic asks of the pipeline."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.completion import complete_camera
from dynascene_cli.commands.option_values import (
    parse_fractions,
    parse_picture_size,
    parse_sun_angles,
    people_choice,
)

if TYPE_CHECKING:
    from dynascene_cli.pipeline.request import SceneRequest, Shadow


@dataclass(frozen=True)
class CameraOptions:
    """The shot's camera, and the clip's own."""

    PANEL: ClassVar[str] = "Camera"

    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            autocompletion=complete_camera,
            help="How the scene is filmed: auto (as the clip was), static, a preset (see "
            "`trajectory list`), a trajectory or camera file, or several joined by +.",
        ),
    ] = "auto"
    move_strength: options.MoveStrength = 1.0
    allow_stretch: Annotated[
        bool,
        typer.Option(
            "--allow-stretch",
            help="Move the camera as far as asked, even where that stretches or tears the photo.",
        ),
    ] = False
    smooth: Annotated[
        float,
        typer.Option(
            "--smooth",
            metavar="SECONDS",
            help="Smooth the clip's own camera over so many seconds; 0.5 removes hand jitter.",
        ),
    ] = 0.0
    stabilise: Annotated[
        bool,
        typer.Option(
            "--stabilise",
            help="Hold the clip's own camera as still as a tripod would, or move it as evenly "
            "as a dolly.",
        ),
    ] = False
    method: options.EstimationMethod = "auto"
    clip_focal_mm: Annotated[
        float | None,
        typer.Option(
            "--clip-focal-mm",
            help="Focal length of the clip's lens, in millimetres for a 36 mm wide sensor "
            "[default: estimated].",
            min=4,
            max=2000,
        ),
    ] = None
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale",
            help="Metres in one unit of the clip's estimated camera path [default: from the "
            "person's height].",
        ),
    ] = None
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop with an error if the clip's camera is found with low confidence."
        ),
    ] = False


@dataclass(frozen=True)
class StandingOptions:
    """Where and how large the person stands in the place."""

    PANEL: ClassVar[str] = "Person"

    matte: options.FinishedMatte = None
    person_anchor: Annotated[
        Literal["ground", "screen"] | None,
        typer.Option(
            "--person-anchor",
            help="ground: the person stands on the ground of the scene; screen: the person stays "
            "where they were filmed in the picture [default: screen with a clip whose camera "
            "moves and --camera auto, else ground].",
        ),
    ] = None
    position: Annotated[
        str | None,
        typer.Option(
            "--position",
            metavar="X,Y",
            help="Where the feet stand in the first frame, as fractions of its width and height.",
        ),
    ] = None
    person_height: Annotated[
        float,
        typer.Option(
            "--person-height", help="How tall the person is, in metres.", min=0.3, max=3.0
        ),
    ] = 1.7


@dataclass(frozen=True)
class PlaceOptions:
    """The photo, and what is known of its geometry."""

    PANEL: ClassVar[str] = "Place"

    crop: Annotated[
        str | None,
        typer.Option(
            "--crop",
            metavar="X,Y",
            help="Centre of the part of the photo that is used, as fractions of its width and "
            "height [default: the middle; with --camera auto, what meets the clip's horizon].",
        ),
    ] = None
    horizon: Annotated[
        float | None,
        typer.Option(
            "--horizon",
            help="Height of the horizon, as a fraction of the frame from its top "
            "[default: read from the photo].",
        ),
    ] = None
    camera_height: Annotated[
        float | None,
        typer.Option(
            "--camera-height",
            help="Height of the photo's camera above the ground, in metres "
            "[default: read from the photo].",
            min=0.05,
            max=500,
        ),
    ] = None
    focal_mm: Annotated[
        float | None,
        typer.Option(
            "--focal-mm",
            help="Focal length of the photo's lens, in millimetres for a 36 mm wide sensor "
            "[default: from EXIF or the photo's lines].",
            min=4,
            max=2000,
        ),
    ] = None
    roll: Annotated[
        float | None,
        typer.Option(
            "--roll",
            help="How far the photo's camera was tilted clockwise, in degrees "
            "[default: read from the photo].",
            min=-45,
            max=45,
        ),
    ] = None
    scene_json: Annotated[
        Path | None,
        typer.Option(
            "--scene-json",
            help="Take the edits of this scene.json, another project's or the studio's, in place "
            "of the project's own.",
        ),
    ] = None
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            help="Depth of the photo: a 16-bit or float map, model:NAME, or none [default: the "
            "depth network fetched by `models pull`, if any].",
        ),
    ] = None
    remove_people: Annotated[
        bool,
        typer.Option(
            "--remove-people",
            help="Paint over everyone in the photo [default: those whom the shot would show "
            "wrongly].",
        ),
    ] = False
    keep_people: Annotated[
        bool, typer.Option("--keep-people", help="Paint over no one in the photo.")
    ] = False
    preview_scene: Annotated[
        Path | None,
        typer.Option(
            "--preview-scene",
            help="Write a picture of the photo with its horizon, its ground grid and figures of "
            "the person's height to this file.",
        ),
    ] = None

    def request(self, photo: Path) -> "SceneRequest":
        """What these options ask of reading the photo."""
        from dynascene_cli.pipeline.request import SceneRequest

        return SceneRequest(
            photo=photo,
            crop=None if self.crop is None else parse_fractions("--crop", self.crop),
            horizon=self.horizon,
            camera_height=self.camera_height,
            focal_mm=self.focal_mm,
            roll=self.roll,
            depth=self.depth,
            preview=self.preview_scene,
            people=people_choice(self.remove_people, self.keep_people),
            scene_json=self.scene_json,
        )


@dataclass(frozen=True)
class LookOptions:
    """How person and place are matched in light, sharpness and grain."""

    PANEL: ClassVar[str] = "Look"

    relight: Annotated[
        Literal["off", "scene", "person"] | None,
        typer.Option(
            "--relight",
            help="Whose exposure and colour are graded towards the other's [default: scene; "
            "person where they differ by more than a stop].",
        ),
    ] = None
    shadow: Annotated[
        Literal["none", "contact", "cast", "auto"],
        typer.Option(
            "--shadow",
            help="contact: a shadow under the feet; cast: the sun's as well; auto: cast where the "
            "photo shows the sun.",
        ),
    ] = "auto"
    no_shadow: Annotated[bool, typer.Option("--no-shadow", hidden=True)] = False
    sun: Annotated[
        str | None,
        typer.Option(
            "--sun",
            metavar="AZIMUTH,ELEVATION",
            help="Cast a shadow from a sun at these angles in degrees: clockwise from where the "
            "photo looks (90 is right), and above the horizon.",
        ),
    ] = None
    no_light_wrap: Annotated[
        bool,
        typer.Option("--no-light-wrap", help="Keep the background's light off the person's edges."),
    ] = False
    no_plate_blur: Annotated[
        bool,
        typer.Option(
            "--no-plate-blur", help="Keep the background sharp even if the clip is softer."
        ),
    ] = False
    no_grain: Annotated[
        bool, typer.Option("--no-grain", help="Do not add the clip's grain to the background.")
    ] = False

    @property
    def kind_of_shadow(self) -> "Shadow":
        """Which shadow the person throws."""
        return "none" if self.no_shadow else self.shadow

    @property
    def sun_angles(self) -> tuple[float, float] | None:
        """The sun's azimuth and elevation in degrees, where they are given."""
        return None if self.sun is None else parse_sun_angles(self.sun)


@dataclass(frozen=True)
class OutputOptions:
    """The files that are written."""

    PANEL: ClassVar[str] = "Output"

    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: .mp4, .mov, .webm, name.%05d.png or .exr, or one "
            "image [default: <clip>-<scene>-<camera>.mp4; .png for an image].",
        ),
    ] = None
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WxH", help="Size of the video in pixels [default: the clip's]."
        ),
    ] = None
    draft: Annotated[
        bool, typer.Option("--draft", help="Render a preview of half the width and height.")
    ] = False
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            help="Seed of what is random: handheld shake, inpainting, grain, a network's noise.",
            min=0,
        ),
    ] = None
    layers: Annotated[
        Path | None,
        typer.Option(
            "--layers",
            help="Also write foreground, background, matte, shadow and camera to this folder.",
        ),
    ] = None
    layers_format: Annotated[
        Literal["mov", "png", "exr"],
        typer.Option(
            "--layers-format",
            help="Films (ProRes), or numbered pictures: PNG, or EXR in linear light.",
        ),
    ] = "mov"
    exr_compression: Annotated[
        Literal["zip", "zips", "rle", "none"],
        typer.Option(
            "--exr-compression",
            help="How EXR files are compressed, without loss: zip of 16 lines, zips of one.",
        ),
    ] = "zip"
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare", help="Also write this video of the clip beside the finished shot."
        ),
    ] = None
    compare_as: Annotated[
        Literal["side-by-side", "wipe"],
        typer.Option(
            "--compare-as", help="wipe moves an edge between the two, within one picture."
        ),
    ] = "side-by-side"
    report: Annotated[
        bool, typer.Option("--report", help="Also write one HTML page about this render.")
    ] = False

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """Width and height of the video in pixels, where they are given."""
        return None if self.size is None else parse_picture_size(self.size)
