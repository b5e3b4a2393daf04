"""The person at the photo's own pose: one similarity, and where on its ground they stand."""

from dataclasses import dataclass, replace
from itertools import compress
from typing import Literal

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, centre, compose, relative_to_first
from dynascene_cli.shot import CameraPath, PersonTracks, SceneGeometry
from dynascene_cli.staging.card import card, carried, composed, ground_met, similarities
from dynascene_cli.staging.contact import EDGES, Contacts, contact_points
from dynascene_cli.staging.framing import Framer, Framing
from dynascene_cli.staging.smoothing import Mask

Subject = Literal["anchored", "locked"]


@dataclass(frozen=True, eq=False)
class Stance:
    """The person in the place as the photo's own camera sees them, before any move.

    ``clip_to_frame`` (F, 2, 3) carries clip pixels to the frame: one similarity, repeated, when
    the clip was filmed from a tripod. ``contact`` (F, 3) in the scene's world and ``height`` are
    in metres; ``geometry`` has the camera height that the person's size implies.
    """

    contacts: Contacts
    clip_width: int
    clip_height: int
    geometry: SceneGeometry
    height: float
    contact: Floats
    clip_to_frame: Floats
    subject: Subject
    warnings: tuple[str, ...] = ()

    @property
    def subject_distance(self) -> float:
        """Metres from the photo's camera to the first ground-contact point."""
        return float(np.linalg.norm(self.contact[0] - centre(self.geometry.extrinsics)))


def stance(
    tracks: PersonTracks,
    filmed: CameraPath,
    geometry: SceneGeometry,
    *,
    place: tuple[float, float] | None = None,
    person_height: float = 1.7,
    camera_height_given: bool = False,
    subject: Subject = "anchored",
    room: float = 0.0,
) -> Stance:
    """Where the person of a clip stands in a photo, and how large.

    ``filmed`` is the clip's camera, with the clip's size; it may move, in metres then.
    ``geometry`` is the photo's, of the output's size; its camera height is only a start unless
    ``camera_height_given``. ``place`` (fractions of the output) puts the first contact there.
    ``room`` keeps edges that cut the person this share of the frame outside it (a tenth at most
    above and below), so that a move has something to use up; a given ``place`` goes before it.
    A ``locked`` subject covers the frame as it was filmed.

    Raises:
        InputError: nobody is seen; ``place`` is not on the ground, or given for a locked subject;
            ``person_height`` is not a person's; the filmed camera moves in unknown units.
    """
    if not 0.3 <= person_height <= 3.0:
        raise InputError(
            f"--person-height {person_height:g} is no person's height",
            "give metres, between 0.3 and 3",
        )
    if subject == "locked" and place is not None:
        raise InputError(
            "--place moves the person, and --subject locked keeps them where they were filmed",
            "leave one out",
        )
    size = filmed.width, filmed.height
    contacts = contact_points(tracks, *size, float(filmed.frame_rate))
    given = geometry.camera_height if camera_height_given else None
    room = room if place is None else 0.0
    framer = Framer(contacts, size, geometry, person_height, given, room)
    if subject == "locked":
        framing = _covering(framer)
    else:
        framing = framer.kept() if place is None else framer.placed(place)
    geometry = replace(geometry, camera_height=framing.camera_height)
    base = np.repeat(framing.similarity[None], len(contacts.points), axis=0)
    if subject == "locked" or _is_still(filmed):
        pixels = carried(base, contacts.points)
        contact, lowered = ground_met(
            geometry.intrinsics, geometry.extrinsics, pixels, geometry.camera_height
        )
        clip_to_frame = base
    else:
        contact, lowered, clip_to_frame = _seen_from_the_photo(
            contacts, filmed, geometry, person_height, base
        )
    warnings = framing.warnings
    if room > 0 and subject == "anchored" and any(contacts.cut_edges):
        edges = " and ".join(compress(EDGES, contacts.cut_edges))
        warnings += (
            f"the clip's {edges} edge cuts the person off: they are shown further out by up to "
            f"{100 * room:.0f} % of the frame, which leaves room for the move",
        )
    if lowered.any() and subject == "anchored":
        warnings += (_floating(lowered, float(filmed.frame_rate)),)
    return Stance(
        contacts=contacts,
        clip_width=filmed.width,
        clip_height=filmed.height,
        geometry=geometry,
        height=person_height,
        contact=contact,
        clip_to_frame=clip_to_frame,
        subject=subject,
        warnings=warnings,
    )


def _covering(framer: Framer) -> Framing:
    """The clip covering the frame, centred; the camera height is believed only within bounds."""
    width, height = framer.geometry.width, framer.geometry.height
    clip_width, clip_height = framer.clip_size
    scale = max(width / clip_width, height / clip_height)
    x, y = (width - scale * clip_width) / 2, (height - scale * clip_height) / 2
    return Framing(scale, x, y, framer.believable(framer.implied(scale, x, y)))


def _is_still(filmed: CameraPath) -> bool:
    return bool(
        np.ptp(filmed.extrinsics, axis=0).max() < 1e-9
        and np.ptp(filmed.intrinsics, axis=0).max() < 1e-6
    )


def _seen_from_the_photo(
    contacts: Contacts,
    filmed: CameraPath,
    geometry: SceneGeometry,
    person_height: float,
    base: Floats,
) -> tuple[Floats, Mask, Floats]:
    """Contacts (F, 3), which were lowered, and the clip as the photo's still camera would see it.

    The filmed camera starts at the photo's pose, and its motion is taken out of the clip by the
    card's two views. Its own lens lifts the contacts; the photo's lens, if longer, shows the
    same pixels in a place that is deeper by the ratio of their focal lengths.
    """
    if filmed.unit != "metres" and np.ptp(centre(filmed.extrinsics), axis=0).max() > 1e-9:
        raise InputError(
            "the clip's camera moves by unknown lengths", "give its path in metres (--scale)"
        )
    K = np.repeat(geometry.intrinsics[None], filmed.frame_count, axis=0)
    K[:, [0, 1], [0, 1]] = filmed.intrinsics[:, [0, 1], [0, 1]] * base[0, 0, 0]
    E = compose(relative_to_first(filmed.extrinsics), geometry.extrinsics)
    met, lowered = ground_met(K, E, carried(base, contacts.points), geometry.camera_height)
    contact = met * [1.0, 1.0, geometry.focal / K[0, 0, 0]]
    as_filmed = card(K, E, met, person_height)
    from_photo = card(geometry.intrinsics, geometry.extrinsics, contact, person_height)
    return contact, lowered, composed(similarities(as_filmed, from_photo), base)


def _floating(lowered: Mask, frame_rate: float) -> str:
    first, last = np.flatnonzero(lowered)[[0, -1]]
    return (
        f"the person walks up to the photo's horizon ({first / frame_rate:.1f}–"
        f"{(last + 1) / frame_rate:.1f} s): lower them with --place, or correct --horizon"
    )
