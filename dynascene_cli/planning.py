"""The plan of a shot: the person in the place, the camera, and the canvas that it will see."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera import Reference, Trajectory, check_path, sample
from dynascene_cli.console import Console
from dynascene_cli.project import Project, publish_text, stage_key
from dynascene_cli.projection import MarginsPlan, effective_path, needed_margins
from dynascene_cli.request import RenderRequest, Subject
from dynascene_cli.scene import relief_depth
from dynascene_cli.scene_workflow import Place, scene_dependencies, scene_key
from dynascene_cli.shot import CameraPath, Clip, Margins, Matte
from dynascene_cli.staging import Staged, Stance, room_for, stage, stance

PLATE_VERSION = 1
MARGINS_VERSION = 1

WIDEST_MARGIN = 0.6
"""How far past each side of the photo may be painted in, as a share of the frame."""

PLANNING_STEP = 8
SHRINKING = 0.85
SMALLEST_AMOUNT = 0.02


@dataclass(frozen=True, eq=False)
class Plan:
    """A staged shot and the keys under which its scene and plate are cached."""

    place: Place
    staged: Staged
    margins: Margins
    seed: int
    scene_key: str
    plate_key: str

    @property
    def stages(self) -> tuple[tuple[str, str], ...]:
        """The names and cache keys of what the plan makes."""
        return ("scene", self.scene_key), ("plate", self.plate_key)


def move_names(camera: str) -> list[str]:
    """The moves that ``--camera`` joins; until a clip's own camera is estimated, auto is static."""
    return ["static" if part == "auto" else part for part in camera.split("+")]


def planned(
    request: RenderRequest,
    clip: Clip,
    matte: Matte,
    place: Place,
    moves: tuple[Trajectory, ...],
    size: tuple[int, int],
    console: Console,
) -> Plan:
    """The person put into the place, the camera that films them, and the canvas it will see."""
    by_default: Subject = "locked" if request.camera == "auto" else "anchored"
    subject = request.subject or by_default
    scene_depth = _median_depth(place)

    @cache
    def stance_at(room: float) -> Stance:
        return stance(
            matte.tracks,
            _filmed_path(clip),
            place.guess.geometry,
            place=request.place,
            person_height=request.person_height,
            camera_height_given=place.camera_height_given,
            subject=subject,
            room=room,
        )

    def path_of(stands: Stance, amount: float) -> CameraPath:
        rescaled = stands.geometry.camera_height / place.guess.geometry.camera_height
        reference = Reference(
            intrinsics=stands.geometry.intrinsics,
            extrinsics=stands.geometry.extrinsics,
            width=size[0],
            height=size[1],
            subject_distance=stands.subject_distance,
            subject=stands.contact[0],
            scene_depth=scene_depth * rescaled,
            camera_height=stands.geometry.camera_height,
        )
        path = sample(moves, reference, clip.frame_count, clip.frame_rate, amount, request.seed)
        return effective_path(path, stands.geometry, measured_depth=place.depth is not None)

    stands = stance_at(0.0)
    if any(name.endswith(".json") for name in move_names(request.camera)):
        check_path(
            path_of(stands, request.amount),
            stands.contact[0],
            stands.geometry.camera_height,
            stands.subject_distance,
            request.camera,
        )
    if subject == "anchored" and request.place is None:
        stands = stance_at(room_for(stance_at, path_of, request.amount))
    console.warn(*stands.warnings)
    staged, canvas = _covered(request, stands, partial(path_of, stands), place, size)
    console.warn(*staged.warnings, *canvas.warnings)
    console.detail(f"painted in: at most {canvas.outpainted_largest:.1%} of the picture")
    dependencies = scene_dependencies(place, stands.geometry, canvas.margins, request.seed or 0)
    key = scene_key(dependencies)
    plate = {"scene": key, "path": _path_digest(staged.path), "size": size}
    return Plan(
        place=place,
        staged=staged,
        margins=canvas.margins,
        seed=request.seed or 0,
        scene_key=key,
        plate_key=stage_key("plate", PLATE_VERSION, plate),
    )


def _covered(
    request: RenderRequest,
    stands: Stance,
    path_at: Callable[[float], CameraPath],
    place: Place,
    size: tuple[int, int],
) -> tuple[Staged, MarginsPlan]:
    """The staged shot, its move made smaller until the widest canvas covers every frame."""
    guess = replace(place.guess, geometry=stands.geometry)
    widest = _widest_canvas(size)
    shape = size[1] + widest.top + widest.bottom, size[0] + widest.left + widest.right
    # Whether the margins will be sky is decided when they are painted in: plan for either.
    skies = (None, np.zeros(shape, bool), np.ones(shape, bool))

    @cache
    def depths() -> list[NDArray[np.float32]]:
        return [relief_depth(guess, widest, sky=sky, step=PLANNING_STEP) for sky in skies]

    def margins_of(path: CameraPath) -> MarginsPlan:
        """Kept in the project beside what was read off the photo: seconds for a long path."""
        depends_on = {
            "place": place.key,
            "geometry": asdict(stands.geometry),
            "path": _path_digest(path),
            "size": size,
        }
        key = stage_key("margins", MARGINS_VERSION, depends_on)
        folder = Project(request.matte.project_folder).folder / "scene" / place.key
        kept = folder / f"margins-{key}.json"
        if kept.is_file():
            fields = json.loads(kept.read_text(encoding="utf-8"))
            margins, warnings = Margins(**fields["margins"]), tuple(fields["warnings"])
            return MarginsPlan(**{**fields, "margins": margins, "warnings": warnings})
        plan = needed_margins(depths(), widest, stands.geometry, path)
        if folder.is_dir() and not request.matte.dry_run:
            publish_text(kept, json.dumps(asdict(plan)))
        return plan

    staged = stage(stands, path_at, request.amount)
    plan = margins_of(staged.path)
    asked = staged.amount
    while plan.uncovered > 0 and staged.amount > SMALLEST_AMOUNT:
        staged = stage(stands, path_at, staged.amount * SHRINKING)
        plan = margins_of(staged.path)
    if staged.amount < asked:
        limited = (
            f"the move is limited to {staged.amount:.2f} of the {request.amount:.2f} asked for: "
            "more would see past what can be painted in around the photo"
        )
        staged = replace(staged, warnings=(*staged.warnings, limited))
    return staged, plan


def _path_digest(path: CameraPath) -> str:
    return hashlib.sha256(path.intrinsics.tobytes() + path.extrinsics.tobytes()).hexdigest()


def _widest_canvas(size: tuple[int, int]) -> Margins:
    side, above = round(WIDEST_MARGIN * size[0]), round(WIDEST_MARGIN * size[1])
    return Margins(side, above, side, above)


def _median_depth(place: Place) -> float:
    depth = relief_depth(place.guess, step=PLANNING_STEP)
    solid = depth[~place.guess.sky[::PLANNING_STEP, ::PLANNING_STEP]]
    return float(np.median(solid if solid.size else depth))


def _filmed_path(clip: Clip) -> CameraPath:
    """The clip's camera, standing still, its focal length the width of the picture."""
    K = np.array([[clip.width, 0, clip.width / 2], [0, clip.width, clip.height / 2], [0, 0, 1.0]])
    return CameraPath(
        intrinsics=np.repeat(K[None], clip.frame_count, axis=0),
        extrinsics=np.repeat(np.eye(3, 4)[None], clip.frame_count, axis=0),
        width=clip.width,
        height=clip.height,
        frame_rate=clip.frame_rate,
        unit="scene_depth",
    )
