"""The plan of a shot: the person in the place, the camera, and the canvas that it will see."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dynascene_cli.camera import Trajectory, load_move, names_a_file
from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.camera.moves.combine import is_at_rest
from dynascene_cli.camera.moves.files import is_camera
from dynascene_cli.camera.moves.replay import resample_motion
from dynascene_cli.console import Console
from dynascene_cli.pipeline.canvas import SHRINKING, path_digest
from dynascene_cli.pipeline.filmed_world import FilmedTracks
from dynascene_cli.pipeline.move_limits import SMALLEST_AMOUNT, cover_path
from dynascene_cli.pipeline.moved_shot import (
    MovedShot,
    cover_shot,
    flatten_under_feet,
    median_depth,
    show_larger,
)
from dynascene_cli.pipeline.photo_reframing import reframe_photo
from dynascene_cli.pipeline.removed_people import removed_people
from dynascene_cli.pipeline.request import DEFAULT_PERSON_HEIGHT, RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import (
    Place,
    keep_place,
    read_place,
    scene_dependencies,
    scene_key,
)
from dynascene_cli.pipeline.shot_camera import (
    ShotCamera,
    accompanying_camera,
    move_camera,
)
from dynascene_cli.scene import ground_crop
from dynascene_cli.shot import CameraPath, Clip, Margins, PersonTracks
from dynascene_cli.staging import (
    Staged,
    Stance,
    apply_similarity,
    move_conflicts,
    size_conflict,
)
from dynascene_cli.staging.clearance import check_path
from dynascene_cli.storage.project import stage_key
from dynascene_cli.video import read_photo

PLATE_VERSION = 6

OWN_CAMERA = "auto"

WIDEST_OWN_MARGIN = 1.2
"""How far past each side of the frame may be painted in under the clip's own camera, which must be
followed, as a share of it."""

UNCERTAIN_SIZE = 1.5
"""How many times too tall or small a person may be, one standard deviation, before it is told."""

LIKELY_GROUND = (
    "the photo's labels are not sure that there is ground under the person's feet: --position X,Y "
    "moves them, --crop shows another part of the photo"
)


@dataclass(frozen=True, eq=False)
class Plan:
    """A staged shot and the keys under which its scene and plate are cached.

    ``median_depth`` is the scene's, in metres, of what is not sky.
    """

    place: Place
    median_depth: float
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
    """The moves that ``--camera`` joins, beside the clip's own camera; none of them is static."""
    names = [part for part in camera.split("+") if part != OWN_CAMERA]
    return names or ([] if OWN_CAMERA in camera.split("+") else ["static"])


def tracks_of_clip(clip: Clip, tracks: PersonTracks, estimate: Estimate | None) -> FilmedTracks:
    """A person's tracks and what filmed them; without an estimate the clip's camera stood still."""
    if estimate is None:
        return FilmedTracks(tracks, _still_path(clip), np.empty((0, 3)))
    return FilmedTracks(tracks, estimate.path, estimate.points)


def plan_shot(
    run: Run,
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    moves: tuple[Trajectory, ...],
    size: tuple[int, int],
) -> Plan:
    """The person put into the place, the camera that films them, and the canvas it will see."""
    moves = tuple(resample_motion(move) if is_camera(move.name) else move for move in moves)
    if OWN_CAMERA in request.camera.split("+") and filmed.moves:
        place = _read_place_again(run, request, filmed, place, size)
        return _plan_accompanying(run, request, filmed, place, moves, size)
    return _plan_move(run, request, filmed, place, moves or load_move("static"), size)


def _plan_move(
    run: Run,
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    moves: tuple[Trajectory, ...],
    size: tuple[int, int],
) -> Plan:
    """The plan of a move in the photo's place."""
    run.console.warn(*_unused_settings(request, filmed, moves))

    def camera_in(place: Place, *, sure: bool = True) -> ShotCamera:
        return move_camera(request, filmed, place, moves, median_depth(place), sure_ground=sure)

    camera, is_sure = camera_in(place), True
    if camera.stance.footing != "free":
        shown = _showing_ground(run, request, place, size)
        if shown is not None:
            there = camera_in(shown)
            if there.stance.footing == "free":
                place, camera = shown, there
                run.console.warn(_tell_crop(place))
    if camera.stance.footing != "free":
        likely = camera_in(place, sure=False)
        if likely.stance.footing == "free":
            camera, is_sure = likely, False
            run.console.warn(LIKELY_GROUND)
    stands = camera.stance
    if any(names_a_file(move.name) for move in moves):
        check_path(
            camera.path_at(request.move_strength),
            stands.contact,
            stands.geometry.camera_height,
            stands.subject_distance,
            request.camera,
        )
    shot = cover_shot(run, request, camera, place, size)
    if camera.departs and camera.hold_body:
        shot = show_larger(run, request, place, shot, partial(camera_in, sure=is_sure), size)
    run.console.warn(*shot.camera.stance.warnings, *_uncertain_size(shot.place, shot.camera.stance))
    return _plan(request, shot, run.console)


def _showing_ground(
    run: Run,
    request: RenderRequest,
    place: Place,
    size: tuple[int, int],
) -> Place | None:
    """The photo cropped to where it shows ground, unless the user says how or where."""
    scene = request.scene
    # A horizon that was given, by a flag or an edit, is that of the frame as it is.
    is_given = place.guess.sources["horizon"] == "given"
    if scene.crop is not None or request.position is not None or is_given:
        return None
    crop = ground_crop(read_photo(scene.photo).pixels, size)
    if crop is None:
        return None
    read = read_place(replace(run, force=False), replace(scene, crop=crop, preview=None), size)
    if not run.dry_run:
        keep_place(run.project, read)
    return read


def _tell_crop(place: Place) -> str:
    middle = (
        (place.window.left + place.guess.geometry.width / 2)
        / (place.window.scale * place.photo_size[0]),
        (place.window.top + place.guess.geometry.height / 2)
        / (place.window.scale * place.photo_size[1]),
    )
    return (
        "the middle of the photo shows no free ground for the person: it is cropped about "
        f"{middle[0]:.2f},{middle[1]:.2f}, where it does; --crop changes that"
    )


def _uncertain_size(place: Place, stands: Stance) -> tuple[str, ...]:
    """A warning where the photo leaves the person's size where they stand too open."""
    if not stands.contacts.grounded or stands.anchor == "screen":
        return ()
    foot = apply_similarity(stands.clip_to_frame[:1], stands.contacts.points[:1])[0, 1]
    factor = place.guess.viewpoint.size_factor(float(foot) / place.guess.geometry.height)
    if factor < UNCERTAIN_SIZE:
        return ()
    horizon, height = (place.guess.sources[name] for name in ("horizon", "camera_height"))
    seen = ", ".join(name for name in (horizon, height) if name not in ("prior", "given"))
    return (
        f"the person may look up to {min(factor, 3.0):.1f} times too tall or too small: the photo "
        f"hardly shows where its camera stood (seen: {seen or 'nothing of known size'}); look at "
        "--preview-scene, --horizon and --camera-height correct it",
    )


def _plan_accompanying(
    run: Run,
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    moves: tuple[Trajectory, ...],
    size: tuple[int, int],
) -> Plan:
    """The plan of the clip's own camera, its motion made smaller only where the photo ends."""
    depth, share = median_depth(place), 1.0
    while True:
        camera = accompanying_camera(request, filmed.partly(share), place, moves, depth)
        stood_in = flatten_under_feet(place, camera.stance)
        covered = cover_path(run, request, camera, stood_in, size, WIDEST_OWN_MARGIN)
        if covered.canvas.margins_plan.uncovered == 0 or share < SMALLEST_AMOUNT:
            break
        share *= SHRINKING
    run.console.warn(*camera.stance.warnings)
    if place.height_is_seen:
        photo = place.guess.viewpoint
        odd = size_conflict(camera.stance, photo.camera_height, photo.height_spread)
        run.console.warn(*([] if odd is None else [odd]))
    if share < 1:
        run.console.warn(
            f"the clip's camera sees further than can be painted in around the photo: {share:.0%} "
            "of its motion is used, and the background slides under the person; a wider photo "
            "would hold all of it"
        )
    return _plan(request, MovedShot(stood_in, camera, depth, covered), run.console)


def _unused_settings(
    request: RenderRequest, filmed: FilmedTracks, moves: tuple[Trajectory, ...]
) -> tuple[str, ...]:
    """Settings that change nothing in a place that the clip's own camera does not film."""
    still = "the clip's camera stands still"
    follows_not = f"--camera {request.camera} does not follow the clip's camera"
    warnings = []
    if request.smooth > 0 or request.stabilise:
        warnings.append(f"nothing to steady: {follows_not if filmed.moves else still}")
    if request.move_strength != 1 and all(is_at_rest(move) for move in moves):
        warnings.append(f"--move-strength changes nothing: --camera {request.camera} makes no move")
    if request.scale is not None and not filmed.moves:
        warnings.append(f"--scale changes nothing: {still}")
    if request.filmed.focal_mm is not None and not filmed.moves:
        warnings.append(f"--clip-focal-mm changes nothing: {still}")
    if request.anchor == "screen" and request.person_height != DEFAULT_PERSON_HEIGHT:
        warnings.append(
            "--person-height changes the shadow and the camera's way alone: --person-anchor screen "
            "keeps the person's size"
        )
    if request.anchor == "screen" and request.scene.camera_height is not None:
        warnings.append(
            "--camera-height changes the camera's way alone: --person-anchor screen keeps the "
            "person's size"
        )
    return tuple(warnings)


def _plan(request: RenderRequest, shot: MovedShot, console: Console) -> Plan:
    camera, place = shot.camera, shot.place
    staged, canvas = shot.covered.staged, shot.covered.canvas
    console.warn(*staged.warnings, *canvas.warnings)
    console.warn(*move_conflicts(camera.stance, staged))
    console.detail(
        f"painted in: at most {canvas.margins_plan.outpainted_largest:.1%} of the picture"
    )
    seed = request.seed or 0
    shown_wrongly = removed_people(request.scene.people, place, camera.stance, canvas.margins)
    if shown_wrongly is not None:
        console.warn(*shown_wrongly.told)
        if shown_wrongly.mask.any():
            place = place.without(shown_wrongly.mask)
    key = scene_key(scene_dependencies(place, staged.geometry, canvas.margins, seed))
    size = staged.path.width, staged.path.height
    plate = {"scene": key, "path": path_digest(staged.path), "size": size}
    rescaled = staged.geometry.camera_height / place.guess.geometry.camera_height
    return Plan(
        place=place,
        median_depth=shot.guessed_depth * rescaled,
        staged=staged,
        margins=canvas.margins,
        seed=seed,
        scene_key=key,
        plate_key=stage_key("plate", PLATE_VERSION, plate),
    )


def _read_place_again(
    run: Run,
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    size: tuple[int, int],
) -> Place:
    """The photo re-framed for the clip's camera, and kept in the project."""
    read = read_place(replace(run, force=False), reframe_photo(request, filmed, place), size)
    if not run.dry_run:
        keep_place(run.project, read)
    return replace(read, camera_height_given=place.camera_height_given)


def _still_path(clip: Clip) -> CameraPath:
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
