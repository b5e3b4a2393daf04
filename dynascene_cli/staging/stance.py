"""The person at the photo's own pose: one similarity, and where on its ground they stand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, centre, pose_from_centre, transform
from dynascene_cli.shot import EDGES, Anchor, CameraPath, Mask, PersonTracks, SceneGeometry
from dynascene_cli.staging.billboard import (
    apply_similarity,
    card,
    foot_from_height,
    intersect_ground,
)
from dynascene_cli.staging.framing import Framer
from dynascene_cli.staging.framing_measures import Footing, Framing
from dynascene_cli.staging.framing_warnings import FEET_HIDDEN, soles_cut
from dynascene_cli.staging.ground_contact import Contacts, contact_points
from dynascene_cli.staging.smoothing import all_finite
from dynascene_cli.staging.standing_ground import StandingGround
from dynascene_cli.staging.world_alignment import FilmedWorld


@dataclass(frozen=True)
class Standing:
    """How a person is to stand in a picture.

    ``position`` (fractions of the output) is where their first contact is. ``anchor`` "screen"
    keeps them as they were filmed. ``person_height`` is in metres. ``room`` leaves a move something
    to use up: edges that cut the person are kept this share of the frame outside it (a tenth at
    most above and below), and a whole person is moved away and smaller by this share; a given
    position goes before it.
    """

    position: tuple[float, float] | None = None
    person_height: float = 1.7
    anchor: Anchor = "ground"
    room: float = 0.0

    def __post_init__(self) -> None:
        if not 0.3 <= self.person_height <= 3.0:
            raise InputError(
                f"--person-height {self.person_height:g} is no person's height",
                "give metres, between 0.3 and 3",
            )


@dataclass(frozen=True, eq=False)
class Stance:
    """The person in the place as the photo's own camera sees them, before any move.

    ``clip_to_frame`` (F, 2, 3), one similarity repeated, carries clip pixels to the picture of
    ``seen_from``: the photo's own camera where the clip was filmed from a tripod, else the
    camera that filmed it, in the scene's world. ``contact`` (F, 3) in that world and ``height``
    are in metres; ``geometry`` has the camera height that the person's size implies. ``footing``
    is what the photo has under the feet, "free" also where that is not known. ``completed`` (F, 4)
    is where an edge of the clip cuts the person in the picture, and what is beyond is to be added.
    """

    contacts: Contacts
    geometry: SceneGeometry
    height: float
    contact: Floats
    clip_to_frame: Floats
    seen_from: CameraPath
    anchor: Anchor
    warnings: tuple[str, ...] = ()
    footing: Footing = "free"
    completed: Mask | None = None

    @property
    def subject_distance(self) -> float:
        """Level metres from the photo's camera to where the person first stands."""
        away = self.contact[0] - centre(self.geometry.extrinsics)
        return float(np.hypot(away[0], away[2]))


def stand_with_own_camera(
    tracks: PersonTracks,
    world: FilmedWorld,
    geometry: SceneGeometry,
    standing: Standing,
    ground: StandingGround | None = None,
) -> Stance:
    """The person in a place that is seen by the very camera that filmed them.

    ``geometry`` is the photo's, of the output's size; it takes over the world's camera height.
    The clip covers the frame, centred, and ``seen_from`` has the lens that this gives. A position
    moves the person and the camera that filmed them over the ground until the first contact stands
    there. What of the photo's ``ground`` is not free under their feet is told.

    Raises:
        InputError: nobody is seen; the position is not on the ground.
    """
    filmed, size = world.path, (geometry.width, geometry.height)
    contacts = contact_points(tracks, filmed)
    geometry = replace(geometry, camera_height=world.camera_height)
    cover = covering((filmed.width, filmed.height), size)
    seen_from = frame_path(filmed, cover, size)
    stands, lowered = _stand(contacts, contacts, cover, seen_from, geometry, standing)
    if standing.position is not None:
        there = _ground_at(standing.position, seen_from, geometry.camera_height)
        shift = there - stands.contact[0]
        stands = replace(
            stands, contact=stands.contact + shift, seen_from=_shift_path(seen_from, shift)
        )
    warnings: tuple[str, ...] = ()
    if lowered.any() and standing.anchor == "ground":
        warnings = (_floating(lowered, float(filmed.frame_rate)),)
    if ground is not None and contacts.grounded:
        warnings += _tell_footing(_soles(stands)[~lowered], geometry, ground)
    return replace(stands, warnings=warnings)


def _soles(stands: Stance) -> Floats:
    """The contact and the two ends of what touches the ground (F, 3, 3), in the world.

    The ends are the contact where they are not known.
    """
    contacts = stands.contacts
    aside = contacts.base_ends * stands.height
    right = stands.seen_from.extrinsics[:, 0, :3]
    ends = stands.contact[:, None] + np.nan_to_num(aside)[..., None] * right[:, None]
    return np.concatenate([stands.contact[:, None], ends], axis=1)


def _tell_footing(
    soles: Floats, geometry: SceneGeometry, ground: StandingGround
) -> tuple[str, ...]:
    """What people stand on who are seen by the camera that filmed them, where it bears nobody."""
    seen = transform(geometry.extrinsics, soles.reshape(-1, 3))
    seen = seen[seen[:, 2] > 0]
    feet = (seen @ geometry.intrinsics.T / seen[:, 2:])[:, :2]
    found = ground.occupied_at(feet)
    if found is None:
        return ()
    return (
        f"the person stands on {found} in part of the shot, as the clip's own camera moves through "
        "this photo: --position X,Y moves both over its ground",
    )


def stance(
    tracks: PersonTracks,
    filmed: CameraPath,
    geometry: SceneGeometry,
    standing: Standing | None = None,
    *,
    world: FilmedWorld | None = None,
    ground: StandingGround | None = None,
) -> Stance:
    """Where the person of a clip stands in a photo, and how large.

    ``filmed`` is the clip's camera, with the clip's size, and ``world`` the same over level
    ground in metres, without which it may not move. ``geometry`` is the photo's, of the output's
    size, and decides how tall the person is where they stand: unless a position is given, on the
    free ``ground`` nearest to where they were filmed.

    Raises:
        InputError: nobody is seen; the position is not on the ground, or given for the screen;
            the filmed camera moves in unknown units.
    """
    standing = standing or Standing()
    on_ground = standing.anchor == "ground"
    if not on_ground and standing.position is not None:
        raise InputError(
            "--position moves the person, and --person-anchor screen keeps them as filmed",
            "leave one out",
        )
    if standing.position is not None:
        standing = replace(standing, room=0.0)
    contacts = framed = contact_points(tracks, filmed)
    moves = on_ground and not filmed.is_still and contacts.grounded
    if moves and world is None:
        raise InputError(
            "the clip's camera moves by unknown lengths", "give its path in metres (--scale)"
        )
    way = None
    if moves and world is not None:
        framed = _as_seen_at_first(contacts, world, standing.person_height)
        met, _ = _meet_world(contacts, world)
        way = met - met[0]
    framing = _framing(framed, geometry, standing, ground, way)
    if not (framing.on_ground or moves):
        contacts = replace(contacts, grounded=False)
    seen_cut = contacts.cut & ~np.array(framing.hidden)
    contacts = replace(contacts, cut=contacts.cut & framing.hidden)
    seen_from = _photo_camera(geometry, filmed)
    stands, lowered = _stand(contacts, framed, framing.similarity, seen_from, geometry, standing)
    if moves and world is not None:
        stands, lowered = _bring_world(stands, world)
    warnings = (*framing.warnings, *_tell_feet(contacts, tracks, framing, geometry))
    if standing.room > 0 and on_ground:
        warnings += (_room_text(standing.room, contacts),)
    if on_ground and not filmed.is_still and not contacts.grounded:
        warnings += (
            "no feet are seen and the clip's camera moves: the person keeps its motion as they "
            "were filmed; --camera auto gives it to the scene as well",
        )
    if lowered.any() and on_ground:
        warnings += (_floating(lowered, float(filmed.frame_rate)),)
    completed = seen_cut if seen_cut.any() and contacts.are_passing(seen_cut) else None
    return replace(stands, warnings=warnings, footing=framing.footing, completed=completed)


def _tell_feet(
    contacts: Contacts, tracks: PersonTracks, framing: Framing, geometry: SceneGeometry
) -> Iterator[str]:
    """What is told of feet that lettering hides or that the clip's lower edge cuts."""
    if contacts.cut[:, 3].any() and contacts.lower_cut == tracks.hidden_below:
        yield FEET_HIDDEN
    edge = framing.similarity[1] @ [0.0, contacts.clip_size[1], 1.0]
    if contacts.soles_cut > 0 and edge < geometry.height - 1:
        yield soles_cut(contacts.soles_cut)


def _stand(
    contacts: Contacts,
    framed: Contacts,
    similarity: Floats,
    seen_from: CameraPath,
    geometry: SceneGeometry,
    standing: Standing,
) -> tuple[Stance, Mask]:
    """The person in the picture of a camera, and whose rays were lowered to meet the ground.

    ``similarity`` (2, 3) carries the clip there; their feet and heights are ``framed``.
    """
    clip_to_frame = np.repeat(similarity[None], len(contacts.points), axis=0)
    contact, lowered = meet_ground(
        seen_from,
        apply_similarity(clip_to_frame, framed.points),
        similarity[0, 0] * framed.heights,
        standing.person_height,
        geometry.camera_height if contacts.grounded else None,
    )
    height, anchor = standing.person_height, standing.anchor
    stands = Stance(contacts, geometry, height, contact, clip_to_frame, seen_from, anchor)
    return stands, lowered


def covering(clip_size: tuple[int, int], frame_size: tuple[int, int]) -> Floats:
    """The similarity (2, 3) under which a clip covers a frame, centred; sizes (width, height)."""
    scale = max(frame_size[0] / clip_size[0], frame_size[1] / clip_size[1])
    x, y = ((frame_size[i] - scale * clip_size[i]) / 2 for i in (0, 1))
    return np.array([[scale, 0.0, x], [0.0, scale, y]])


def frame_path(path: CameraPath, similarity: Floats, size: tuple[int, int]) -> CameraPath:
    """A camera path whose picture is carried by a similarity (2, 3) into one of another size."""
    carried_intrinsics = np.vstack([similarity, [0.0, 0.0, 1.0]]) @ path.intrinsics
    return replace(path, intrinsics=carried_intrinsics, width=size[0], height=size[1])


def meet_ground(
    camera: CameraPath,
    pixels: Floats,
    seen_heights: Floats,
    person_height: float,
    camera_height: float | None,
) -> tuple[Floats, Mask]:
    """Where the person's feet are in the world (F, 3), and which rays were lowered to meet it.

    ``pixels`` (F, 2) of the feet lie on the ground, ``camera_height`` metres below the camera's
    origin; without it their depth follows from the person's height, seen (F,) and in metres.
    """
    K, E = camera.intrinsics, camera.extrinsics
    if camera_height is not None:
        return intersect_ground(K, E, pixels, camera_height)
    return foot_from_height(K, E, pixels, seen_heights, person_height), np.zeros(len(pixels), bool)


def _framing(
    contacts: Contacts,
    geometry: SceneGeometry,
    standing: Standing,
    ground: StandingGround | None,
    way: Floats | None,
) -> Framing:
    if standing.anchor == "screen":
        size = geometry.width, geometry.height
        (scale, _, x), (_, _, y) = covering(contacts.clip_size, size).tolist()
        return Framing(scale, x, y)
    framer = Framer(contacts, geometry, standing.person_height, standing.room, ground, way)
    if standing.position is not None:
        return framer.place_at(standing.position)
    return framer.kept() if contacts.grounded else framer.as_filmed()


def _photo_camera(geometry: SceneGeometry, filmed: CameraPath) -> CameraPath:
    """The photo's own camera, standing still for as long as the clip lasts."""
    return replace(
        filmed,
        intrinsics=np.repeat(geometry.intrinsics[None], filmed.frame_count, axis=0),
        extrinsics=np.repeat(geometry.extrinsics[None], filmed.frame_count, axis=0),
        width=geometry.width,
        height=geometry.height,
        unit="metres",
    )


def _ground_at(position: tuple[float, float], path: CameraPath, camera_height: float) -> Floats:
    """The ground point (3,) that a path's first camera sees at fractions of its picture."""
    pixel = np.array([position]) * [path.width, path.height]
    point, lowered = intersect_ground(
        path.intrinsics[:1], path.extrinsics[:1], pixel, camera_height
    )
    if lowered[0]:
        raise InputError(
            f"--position {position[0]:g},{position[1]:g} is not on the ground that the clip's "
            "camera sees",
            "give a larger Y, or the right --horizon",
        )
    return np.asarray(point[0])


def _meet_world(contacts: Contacts, world: FilmedWorld) -> tuple[Floats, Mask]:
    """Where in the filmed world the contacts are (F, 3), and which rays were lowered to meet it."""
    path = world.path
    return intersect_ground(path.intrinsics, path.extrinsics, contacts.points, world.camera_height)


def _as_seen_at_first(contacts: Contacts, world: FilmedWorld, person_height: float) -> Contacts:
    """Contacts, heights and boxes as if the filmed camera had stayed where it first was."""
    K, E = world.path.intrinsics, world.path.extrinsics
    met, _ = _meet_world(contacts, world)
    foot, up = card(K[:1], E[:1], met, person_height)
    known = all_finite(np.hstack([foot, up]))[:, None]
    tall = np.linalg.norm(np.where(known, up, 0.0), axis=1)
    points = np.where(known, foot, contacts.points[:1])
    heights = np.where(known[:, 0], tall, contacts.heights[0])
    around = contacts.boxes - np.tile(contacts.points, 2)
    enlarged = (heights / contacts.heights)[:, None]
    boxes = np.tile(points, 2) + around * enlarged
    bases = points[:, :1] + (contacts.bases - contacts.points[:, :1]) * enlarged
    return replace(contacts, points=points, heights=heights, boxes=boxes, bases=bases)


def _bring_world(stands: Stance, world: FilmedWorld) -> tuple[Stance, Mask]:
    """The same stance seen by the camera that filmed it, its world moved to the first contact."""
    met, lowered = _meet_world(stands.contacts, world)
    shift = stands.contact[0] - met[0]
    as_filmed = np.repeat(np.eye(2, 3)[None], len(met), axis=0)
    seen_from = _shift_path(world.path, shift)
    return replace(
        stands, contact=met + shift, clip_to_frame=as_filmed, seen_from=seen_from
    ), lowered


def _shift_path(path: CameraPath, shift: Floats) -> CameraPath:
    """The path moved by ``shift`` (3,) in the world."""
    to_world = np.swapaxes(path.extrinsics[:, :, :3], 1, 2)
    return replace(path, extrinsics=pose_from_centre(to_world, centre(path.extrinsics) + shift))


def _room_text(room: float, contacts: Contacts) -> str:
    if not any(contacts.cut_edges):
        return (
            f"the person begins the move at {100 * (1 - room):.0f} % of their size, further away, "
            "so that it ends with head and feet in the picture; --position or --move-strength "
            "change that"
        )
    edges = " and ".join(compress(EDGES, contacts.cut_edges))
    return (
        f"the clip's {edges} edge cuts the person off: they are shown further out by up to "
        f"{100 * room:.0f} % of the frame, which leaves room for the move"
    )


def _floating(lowered: Mask, frame_rate: float) -> str:
    first, last = np.flatnonzero(lowered)[[0, -1]]
    return (
        f"the person walks up to the photo's horizon ({first / frame_rate:.1f}–"
        f"{(last + 1) / frame_rate:.1f} s): lower them with --position, or correct --horizon"
    )
