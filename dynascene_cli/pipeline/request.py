"""What a user asks of a run, as plain values, before anything is opened."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.shot import Anchor, Clip, Relight
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.video.openexr import ExrCompression
from dynascene_cli.video.sequences import before_number, is_pattern

Shadow = Literal["none", "contact", "cast", "auto"]
People = Literal["auto", "keep", "remove"]
Method = Literal["auto", "tracks", "colmap", "vggsfm"]
LayersFormat = Literal["mov", "png", "exr"]
ComparisonKind = Literal["side-by-side", "wipe"]

DEFAULT_PERSON_HEIGHT = 1.7
"""Metres."""


@dataclass(frozen=True)
class Click:
    """A thing pointed at: seconds into the trimmed clip, x and y in 0..1 of the picture.

    ``adds`` it to the matte, or takes it away.
    """

    time: float
    x: float
    y: float
    adds: bool = True


@dataclass(frozen=True)
class RunRequest:
    """How a command runs: where it caches, whether it makes again what is there, or nothing."""

    project: Path | None = None
    force: bool = False
    dry_run: bool = False

    def project_folder(self, clip: str) -> Path:
        """Where results are cached: ``<clip name>.dynascene`` in the current folder."""
        return self.project or Path(shorten_name(clip_name(clip), ".dynascene"))


@dataclass(frozen=True)
class MatteRequest:
    """How to separate the person from a clip.

    ``matte`` is a finished alpha (file or folder) that replaces the matting model; ``matte_fixes``
    a folder of hand-corrected alphas; times in seconds. ``start_number`` is the number of the first
    frame, of the files that are written and of corrections alike; None leaves it to the clip.
    """

    clip: str
    matting_model: str = "auto"
    matting_quality: Literal["default", "best"] = "default"
    props: Literal["auto", "none"] = "auto"
    matte: Path | None = None
    person: str | None = None
    clicks: tuple[Click, ...] = ()
    matte_fixes: Path | None = None
    fps: float | None = None
    start: float | None = None
    end: float | None = None
    fill_gaps: bool = False
    start_number: int | None = None

    def first_number(self, clip: Clip) -> int:
        """The number of the clip's first frame."""
        return clip.first_number if self.start_number is None else self.start_number

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The user's files that a run reads, which it may never change."""
        return tuple(path for path in (Path(self.clip), self.matte, self.matte_fixes) if path)


@dataclass(frozen=True)
class CameraRequest:
    """How to tell the camera that filmed a clip.

    ``focal_mm`` is the clip's own lens, for a 36 mm wide sensor; ``strict`` refuses an estimate
    of low confidence.
    """

    matte: MatteRequest
    method: Method = "auto"
    focal_mm: float | None = None
    strict: bool = False


@dataclass(frozen=True)
class SceneRequest:
    """How to read the photo: None leaves a value to the guess or to scene.json's edits.

    ``crop`` (None: its middle, or what suits the clip's camera) and ``horizon`` are fractions of
    the photo and of the frame; ``camera_height`` is in
    metres, ``focal_mm`` for a 36 mm wide sensor, ``roll`` in degrees, clockwise. ``people`` who
    stand in the photo are kept but for those whom the shot would show wrongly, all or none.
    ``scene_json`` is read in place of the project's.
    """

    photo: Path
    crop: tuple[float, float] | None = None
    horizon: float | None = None
    camera_height: float | None = None
    focal_mm: float | None = None
    roll: float | None = None
    depth: str | None = None
    preview: Path | None = None
    people: People = "auto"
    scene_json: Path | None = None


@dataclass(frozen=True)
class SamplingRequest:
    """How the diffusion network samples: None leaves a value to its checkpoint.

    ``checkpoint`` is a name or a path; ``guided`` starts from the projection's plate, with
    ``strength`` of the steps left to run; ``prompt``, ``repaint`` and ``conditioning_scale`` are of
    Wan-VACE: what the picture shows, what of it is generated and how strictly the projection is
    followed; ``prompt``, ``translation_scale`` and ``no_reinsert`` of SANA-WM: how many of its
    units the median depth is, and that the person is not put back at every step; ``size`` is
    (width, height) of the sampled pictures, ``window`` how many frames are denoised together;
    ``optimisations`` what is given up for speed or memory. ``preview_every`` so many steps a
    contact sheet is written; 0 is never.
    """

    checkpoint: str | None = None
    sampler: Literal["ddim", "dpm++", "lcm"] | None = None
    steps: int | None = None
    guidance: float | None = None
    prompt: str | None = None
    repaint: Literal["unseen", "background"] | None = None
    conditioning_scale: float | None = None
    translation_scale: float | None = None
    no_reinsert: bool = False
    size: tuple[int, int] | None = None
    window: int | None = None
    guided: bool = False
    strength: float = 0.6
    optimisations: SamplingOptimizations = field(default_factory=SamplingOptimizations)
    preview_every: int = 0

    def given_options(self) -> frozenset[str]:
        """The options, as on the command line, that differ from their defaults."""
        plain = SamplingRequest()
        names = {"guided": "guide", "strength": "guide_strength", "size": "sample_size"}
        found = {
            names.get(name, name)
            for name, value in vars(self).items()
            if name != "optimisations" and value != getattr(plain, name)
        }
        shorter = {"compiled": "compile"}
        found |= {
            shorter.get(name, name)
            for name, value in vars(self.optimisations).items()
            if value != getattr(plain.optimisations, name)
        }
        return frozenset("--" + name.replace("_", "-") for name in found)


@dataclass(frozen=True)
class RenderRequest:
    """A whole render: the clip and its matte, the place, the camera, the look, the outputs.

    ``seed`` replaces those of shaking moves; None leaves each its own and is 0 elsewhere.
    ``filmed`` says how to tell the clip's own camera, ``scale`` the metres of one of its units;
    ``smooth`` (seconds) and ``stabilise`` steady it.
    """

    filmed: CameraRequest
    scene: SceneRequest
    camera: str = "auto"
    renderer: Literal["auto", "projection", "dynascene", "vace", "sana-wm"] = "auto"
    sampling: SamplingRequest = SamplingRequest()
    move_strength: float = 1.0
    allow_stretch: bool = False
    anchor: Anchor | None = None
    position: tuple[float, float] | None = None
    person_height: float = DEFAULT_PERSON_HEIGHT
    scale: float | None = None
    smooth: float = 0.0
    stabilise: bool = False
    size: tuple[int, int] | None = None
    draft: bool = False
    seed: int | None = None
    relight: Relight | None = None
    shadow: Shadow = "auto"
    sun: tuple[float, float] | None = None
    light_wrap: bool = True
    plate_blur: bool = True
    grain: bool = True
    output: Path | None = None
    layers: Path | None = None
    layers_format: LayersFormat = "mov"
    exr_compression: ExrCompression = "zip"
    compare: Path | None = None
    compare_as: ComparisonKind = "side-by-side"
    report: bool = False

    @property
    def matte(self) -> MatteRequest:
        """How to separate the person from the clip."""
        return self.filmed.matte

    def output_path(self, *, still: bool) -> Path:
        """``-o``, or ``<clip>-<scene>-<camera>.mp4`` in the current folder; ``.png`` of a still."""
        camera = "+".join(Path(part).stem for part in self.camera.split("+"))
        name = f"{clip_name(self.matte.clip)}-{self.scene.photo.stem}-{camera}"
        return self.output or Path(shorten_name(name, ".png" if still else ".mp4"))

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The user's files that a run reads, which it may never change."""
        moves = [Path(part) for part in self.camera.split("+") if Path(part).is_file()]
        given = self.scene.depth
        depth = [Path(given)] if given and given != "none" else []
        edits = [self.scene.scene_json] if self.scene.scene_json else []
        return (*self.matte.inputs, self.scene.photo, *depth, *edits, *moves)


def clip_name(clip: str) -> str:
    """The clip's file name without suffix and frame pattern: ``run.%05d.png`` gives ``run``."""
    path = Path(clip)
    if is_pattern(path) and not path.exists():
        return before_number(path).rstrip("._-") or path.resolve().parent.name
    stem = path.name if path.is_dir() else path.stem
    return stem.rstrip("._-") or path.resolve().parent.name
