"""The camera of a shot: a move in the photo's place, the clip's own camera, or both at once.

Under a move the photo's own pose is where the camera starts, and the person of a moving clip is
lifted out of it. Under the clip's own camera the place is seen as the clip was: from the same
height, with the same lens and pitch, so the photo is re-framed to its horizon (photo_reframing).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial

import numpy as np

from dynascene_cli.camera import Reference, Trajectory, names_a_file, sample
from dynascene_cli.camera.moves.path_interpolation import interpolate_paths
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    centre,
    compose,
    inverse,
)
from dynascene_cli.pipeline.filmed_world import (
    FilmedTracks,
    accompanying_world,
    aim_at_horizon,
    align_filmed_world,
    centre_on_photo,
    with_frame_lens,
)
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.projection import effective_path
from dynascene_cli.scene import feet_rows, free_ground, plain_name
from dynascene_cli.shot import Anchor, CameraPath
from dynascene_cli.staging import (
    Stance,
    Standing,
    StandingGround,
    hold_framing,
    is_before,
    room_for_move,
    stance,
    stand_in,
    stand_with_own_camera,
    tell_stand_in,
)

NOT_BEFORE_THE_CAMERA = (
    "by the clip's own camera path the person gets behind the shot's camera, so where they stand "
    "is not known: they stay where they were filmed in the picture (--person-anchor screen)"
)

CUT_UNDER_OWN_CAMERA = (
    "--position is not used: an edge of the clip cuts the person, and under the clip's own camera "
    "the cut would be seen elsewhere than at the picture's edge"
)

TURNS_ALONE = "its turns and zoom alone are shown"

LEAST_TRAVEL = 0.1
"""Metres; less is the sway of a hand."""


@dataclass(frozen=True, eq=False)
class ShotCamera:
    """The person before any move, and the camera path at an amount of it, from 0 on.

    ``departs`` tells whether the amount makes any difference, ``hold_body`` whether the move turns
    after the person and gives way where head or feet would leave the picture: presets do, a user's
    own file does not.
    """

    stance: Stance
    unheld_path_at: Callable[[float], CameraPath]
    departs: bool = True
    hold_body: bool = True

    def path_at(self, amount: float) -> CameraPath:
        """The path, turned after the person where that keeps them in the picture."""
        path = self.unheld_path_at(amount)
        if not (self.hold_body and self.departs) or amount == 0:
            return path
        return hold_framing(self.stance, path, self._unmoved)

    @cached_property
    def _unmoved(self) -> CameraPath:
        return self.unheld_path_at(0.0)


def move_camera(
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    moves: Sequence[Trajectory],
    scene_depth: float,
    *,
    sure_ground: bool = True,
) -> ShotCamera:
    """A move that starts at the photo's own pose.

    ``scene_depth`` is the photo's median, in metres, at the camera height that was guessed. Unless
    ``sure_ground``, the person may stand on what is merely likely to be ground.
    """
    asked = request.anchor or "ground"
    hold_body = not any(names_a_file(move.name) for move in moves)
    world = None
    if filmed.moves and asked == "ground" and filmed.contacts.grounded:
        world = align_filmed_world(request, filmed, place)

    ground = _standing_ground(place, sure=sure_ground)

    @cache
    def stance_at(room: float, anchor: Anchor = asked) -> Stance:
        position = request.position if anchor == asked else None
        standing = Standing(position, request.person_height, anchor, room)
        geometry = place.guess.geometry
        return stance(filmed.tracks, filmed.path, geometry, standing, world=world, ground=ground)

    def asked_path(stands: Stance, amount: float) -> CameraPath:
        photo = stands.geometry.intrinsics, stands.geometry.extrinsics
        reference = _reference(photo, stands, place, scene_depth)
        count, frame_rate = filmed.path.frame_count, filmed.path.frame_rate
        return sample(moves, reference, count, frame_rate, amount, request.seed)

    def path_of(stands: Stance, amount: float) -> CameraPath:
        asked = asked_path(stands, amount)
        path = effective_path(asked, stands.geometry, measured_depth=place.depth is not None)
        # A photo that is one flat card bears no travel, but any zoom.
        if path is asked or not hold_body or not is_before(stands, asked):
            return path
        return stand_in(stands, path, asked, 1.0)

    @cache
    def camera_of(stands: Stance) -> ShotCamera:
        return ShotCamera(stands, partial(path_of, stands), hold_body=hold_body)

    stands = stance_at(0.0)
    if asked == "ground" and not is_before(stands, path_of(stands, 0.0)):
        stands = replace(stance_at(0.0, "screen"), warnings=(NOT_BEFORE_THE_CAMERA,))
    elif asked == "ground" and request.position is None:
        room = room_for_move(
            stance_at,
            lambda stands, amount: camera_of(stands).path_at(amount),
            request.move_strength,
            hold_body=hold_body,
        )
        stands = stance_at(room)
    if world is not None:
        stands = replace(stands, warnings=(*world.warnings, *stands.warnings))
    asked_for = asked_path(stands, request.move_strength)
    if stands.geometry.is_card and place.depth is None and _travel(asked_for) > LEAST_TRAVEL:
        told = _tell_left_out(stands, asked_for, hold_body=hold_body)
        stands = replace(stands, warnings=(*stands.warnings, told))
    return camera_of(stands)


def _tell_left_out(stands: Stance, asked: CameraPath, *, hold_body: bool) -> str:
    """What is shown of a travel that a photo without ground does not bear."""
    shown = None
    if hold_body and is_before(stands, asked):
        shown = tell_stand_in(stands, effective_path(asked, stands.geometry), asked, 1.0)
    return (
        f"the camera's travel is left out, and {shown or TURNS_ALONE}: the photo shows too little "
        "ground to move over; a pan, a zoom, --depth FILE or another photo would move"
    )


def _travel(path: CameraPath) -> float:
    """How far a path leads from its first camera, in its unit."""
    centres = centre(path.extrinsics)
    return float(np.linalg.norm(centres - centres[0], axis=1).max())


def accompanying_camera(
    request: RenderRequest,
    filmed: FilmedTracks,
    place: Place,
    moves: Sequence[Trajectory],
    scene_depth: float,
) -> ShotCamera:
    """The clip's own camera in a place that is re-framed for it, and moves on top of it.

    What it departs from the clip's own by, its smoothing and the moves, grows with the amount.

    Raises:
        InputError: a move follows the person, whom the clip's camera follows already.
    """
    if any(move.follow for move in moves):
        raise InputError(
            f"--camera {request.camera}: the clip's own camera moves with the person already",
            "use --camera auto or --camera follow",
        )
    world = centre_on_photo(accompanying_world(request, filmed, place))
    free = world.gravity == "level" and not filmed.contacts.grounded
    world = aim_at_horizon(world, place, free=free)
    position = request.position
    if position is not None and any(filmed.contacts.cut_edges):
        position = None
        world = replace(world, warnings=(*world.warnings, CUT_UNDER_OWN_CAMERA))
    moves_on = bool(moves) or request.smooth > 0 or request.stabilise
    departs = moves_on or position is not None
    anchor = request.anchor or ("ground" if departs else "screen")
    world = replace(world, path=_effective_path(world.path, place))
    stands = stand_with_own_camera(
        filmed.tracks,
        world,
        place.guess.geometry,
        Standing(position, request.person_height, anchor),
        _standing_ground(place),
    )
    stands = replace(stands, warnings=(*world.warnings, *stands.warnings))
    own = with_frame_lens(world, place)
    path_at = _depart_from(own, request, moves, stands, place, scene_depth)
    hold_body = not any(names_a_file(move.name) for move in moves)
    return ShotCamera(stands, path_at, departs=moves_on, hold_body=hold_body)


def _depart_from(
    own: CameraPath,
    request: RenderRequest,
    moves: Sequence[Trajectory],
    stands: Stance,
    place: Place,
    scene_depth: float,
) -> Callable[[float], CameraPath]:
    """The path at an amount of what departs from the clip's ``own``: its smoothing and moves."""
    # Here, because scipy takes a third of a second that other moves need not wait.
    from dynascene_cli.camera.stabilisation import smooth_path, stabilise_path

    base = smooth_path(own, request.smooth)
    if request.stabilise:
        base = stabilise_path(base)
    first = base.intrinsics[0], base.extrinsics[0]
    reference = _reference(first, stands, place, scene_depth)

    def path_at(amount: float) -> CameraPath:
        path = interpolate_paths(own, base, min(amount, 1.0))
        if not moves:
            return path
        added = sample(moves, reference, own.frame_count, own.frame_rate, amount, request.seed)
        step = compose(added.extrinsics, inverse(reference.extrinsics))
        ratio = added.intrinsics[:, :1, :1] / reference.intrinsics[0, 0]
        lens = path.intrinsics.copy()
        lens[:, [0, 1], [0, 1]] *= ratio[:, :, 0]
        moved = replace(path, extrinsics=compose(step, path.extrinsics), intrinsics=lens)
        return _effective_path(moved, place)

    return path_at


def _effective_path(path: CameraPath, place: Place) -> CameraPath:
    return effective_path(path, place.guess.geometry, measured_depth=place.depth is not None)


def _standing_ground(place: Place, *, sure: bool = True) -> StandingGround | None:
    """Where the photo bears feet, where its labels tell."""
    free, labels = free_ground(place.photo, place.guess, sure=sure), place.guess.labels
    if free is None or labels is None:
        return None
    return StandingGround.of(free, partial(plain_name, labels), feet_rows(labels))


def _reference(
    camera: tuple[Floats, Floats], stands: Stance, place: Place, scene_depth: float
) -> Reference:
    """The shot's first camera (intrinsics, extrinsics) and what a move's units mean there.

    ``scene_depth`` is the photo's as it was guessed, before its camera's height was known.
    """
    guessed, known = place.guess.geometry, stands.geometry
    return Reference(
        intrinsics=camera[0],
        extrinsics=camera[1],
        width=known.width,
        height=known.height,
        subject_distance=stands.subject_distance,
        subject=stands.contact[0],
        scene_depth=scene_depth * known.camera_height / guessed.camera_height,
        camera_height=known.camera_height,
        contacts=stands.contact,
    )
