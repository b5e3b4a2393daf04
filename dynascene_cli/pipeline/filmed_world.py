"""The clip's own camera in metres over the photo's ground, and the person that it filmed."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dynascene_cli.camera.moves.path_interpolation import interpolate_paths
from dynascene_cli.geometry import Floats, compose, pose, rotation_about
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.shot import CameraPath, PersonTracks
from dynascene_cli.staging import (
    Contacts,
    FilmedPerson,
    FilmedWorld,
    align_world,
    contact_points,
    covering,
    frame_path,
    horizon_row,
    lean_of,
    look_from,
)

MOST_RAISED, MOST_RAISED_FREELY = 0.2, 0.1
"""Shares of the frame's height that the photo's horizon may be off its crop to meet the clip's, and
to meet the eyes of whose clip shows neither its horizon nor their feet."""

SURE_HEIGHT = 0.2
"""Standard deviation of the logarithm of a photo's camera height up to which it is a clip's too."""


@dataclass(frozen=True, eq=False)
class FilmedTracks:
    """The person's tracks, the camera that filmed them, and the background that it saw (P, 3)."""

    tracks: PersonTracks
    path: CameraPath
    points: Floats

    @cached_property
    def contacts(self) -> Contacts:
        """Where the person meets the ground in the clip."""
        return contact_points(self.tracks, self.path)

    @property
    def moves(self) -> bool:
        """Whether the camera moved, turned or zoomed."""
        return not self.path.is_still

    def partly(self, share: float) -> "FilmedTracks":
        """The same with the camera's motion made smaller."""
        first = replace(
            self.path,
            extrinsics=np.repeat(self.path.extrinsics[:1], self.path.frame_count, axis=0),
            intrinsics=np.repeat(self.path.intrinsics[:1], self.path.frame_count, axis=0),
        )
        return replace(self, path=interpolate_paths(first, self.path, share))


def accompanying_world(request: RenderRequest, filmed: FilmedTracks, place: Place) -> FilmedWorld:
    """The filmed camera over the photo's ground, seen from the photo's height if it is known.

    Things of known height in the photo tell it, beside which the person would look too tall or too
    small; a height that the user gave is the world's already.
    """
    world = align_filmed_world(request, filmed, place)
    viewpoint = place.guess.viewpoint
    if not place.height_is_seen or viewpoint.height_spread > SURE_HEIGHT:
        return world
    person = FilmedPerson(filmed.contacts, request.person_height)
    return look_from(world, person, viewpoint.camera_height)


def align_filmed_world(request: RenderRequest, filmed: FilmedTracks, place: Place) -> FilmedWorld:
    """The filmed camera in metres over level ground, by the user's lengths where given."""
    path, geometry = filmed.path, place.guess.geometry
    cover = covering((path.width, path.height), (geometry.width, geometry.height))
    lean = lean_of(filmed.tracks, path.width, path.height)
    return align_world(
        path,
        filmed.points,
        FilmedPerson(filmed.contacts, request.person_height, lean),
        horizon=(geometry.horizon - cover[1, 2]) / cover[1, 1],
        camera_height=geometry.camera_height if place.camera_height_given else None,
        photo_height=geometry.camera_height if place.height_is_seen else None,
        scale=request.scale,
    )


def wanted_horizon(seen: CameraPath, focal: float) -> float:
    """The row at which a photo of this focal length would have to have its horizon."""
    middle, own = seen.intrinsics[0, 1, 2], seen.intrinsics[0, 1, 1]
    return float(middle + (horizon_row(seen) - middle) * focal / own)


def with_frame_lens(world: FilmedWorld, place: Place) -> CameraPath:
    """The filmed camera with the lens and size of a frame that its clip covers."""
    size = place.guess.geometry.width, place.guess.geometry.height
    return frame_path(world.path, covering((world.path.width, world.path.height), size), size)


def centre_on_photo(world: FilmedWorld) -> FilmedWorld:
    """The world turned so that the photo lies in the middle of what the camera pans over."""
    forward = world.path.extrinsics[:, 2, :3]
    bearings = np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))
    middle = math.degrees((bearings.min() + bearings.max()) / 2)
    turn = pose(rotation_about("y", middle), np.zeros(3))
    return replace(world, path=replace(world.path, extrinsics=compose(world.path.extrinsics, turn)))


def aim_at_horizon(world: FilmedWorld, place: Place, *, free: bool) -> FilmedWorld:
    """The world, its camera tilted by a constant where the photo does not reach its horizon.

    Where nobody knows that horizon it is ``free``, and a tilt need not be told.
    """
    seen, geometry = with_frame_lens(world, place), place.guess.geometry
    middle, focal = seen.intrinsics[0, 1, 2], seen.intrinsics[0, 1, 1]
    enlarged = focal / geometry.focal
    wanted, room = wanted_horizon(seen, geometry.focal), place.surroundings.room
    raised = MOST_RAISED_FREELY if free else MOST_RAISED
    reach = raised * geometry.height + max(0.0, 1 - 1 / enlarged) * geometry.height / 2
    lowest, highest = geometry.horizon + reach + room.top, geometry.horizon - reach - room.bottom
    nearest = float(np.clip(wanted, highest, lowest))
    if wanted == nearest:
        return world
    row, nearest = horizon_row(seen), middle + (nearest - middle) * enlarged
    lower = math.atan2(middle - nearest, focal) - math.atan2(middle - row, focal)
    tilt = pose(rotation_about("x", math.degrees(lower)), np.zeros(3))
    warning = (
        f"the clip looks {abs(math.degrees(lower)):.0f}° further "
        f"{'down' if lower < 0 else 'up'} than this photo reaches: the scene is seen that much "
        "differently; another photo, or --crop, would fit better"
    )
    path = replace(world.path, extrinsics=compose(tilt, world.path.extrinsics))
    told = world.warnings if free else (*world.warnings, warning)
    return replace(world, path=path, warnings=told)
