"""Where the person's own motion and the camera's contradict each other, told in words."""

import numpy as np

from dynascene_cli.geometry import Floats, project
from dynascene_cli.shot import CameraPath, Placement
from dynascene_cli.staging.billboard import card
from dynascene_cli.staging.limits import ENDS, Staged, ends_beyond
from dynascene_cli.staging.person_motion import person_heights
from dynascene_cli.staging.picture_sides import SIDES, share_beyond_sides
from dynascene_cli.staging.stance import Stance

OPPOSED_GROWTH = float(np.log(1.12))
UNEXPLAINED_GROWTH = float(np.log(1.25))
SLIDE_HEIGHTS = 0.25
LEAVING_SHARE = 0.2
"""Share of the person's width past the picture's side from which it is told."""
FOREIGN_SIZE = 1.5
"""How many times too tall or small somebody looks beside who stands in the photo, to be told."""
TILTS = {"head": "tilt-up", "feet": "tilt-down"}


def move_conflicts(stance: Stance, staged: Staged) -> tuple[str, ...]:
    """What a viewer will find odd about the person under the shot's camera, each with a remedy.

    Told are, as trends over the whole clip: a person who grows while the camera leaves where they
    stood, or shrinks while it comes (Yao et al. 2025, appendix F), unless the clip's own camera
    does; a size that their way over the ground does not explain; one anchored to the screen whom
    the camera carries over the ground; and when one on the ground, or their head or feet, leave
    the picture though the clip holds them.
    """
    if len(stance.contact) < 2:
        return ()
    path, placement = staged.path, staged.placement
    told = (
        _growth_against_move(stance, placement, path),
        _unexplained_growth(stance, placement, path),
        _sliding(stance, placement, path),
        _leaving(stance, placement, path),
        _ends_leaving(stance, placement, path),
    )
    return tuple(sentence for sentence in told if sentence is not None)


def size_conflict(stance: Stance, camera_height: float, spread: float) -> str | None:
    """How another size the person has, seen by their own camera, than people in the photo.

    The photo was taken from ``camera_height`` metres, whose logarithm is known to ``spread``.
    """
    filmed = stance.geometry.camera_height
    ratio = float(np.log(camera_height / filmed))
    if abs(ratio) < max(np.log(FOREIGN_SIZE), spread):
        return None
    return (
        f"beside people and things in the photo the person looks {np.exp(abs(ratio)):.1f} times "
        f"too {'tall' if ratio > 0 else 'small'}: their camera was {filmed:.1f} m above the "
        f"ground, the photo's about {camera_height:.1f} m; a preset move gives them the size that "
        "the photo's ground asks for, or --crop leaves those people out"
    )


def trend(values: Floats) -> float:
    """The change of values (F,) from beginning to end along their least-squares line."""
    frames = np.arange(len(values)) - (len(values) - 1) / 2
    return float(frames @ values / (frames @ frames) * (len(values) - 1))


def _growth_against_move(stance: Stance, placement: Placement, path: CameraPath) -> str | None:
    """Growth of the person against the growth of the spot on which they stood at first."""
    spot, as_filmed = _spot_heights(stance, path), _spot_heights(stance, stance.seen_from)
    if not np.isfinite(spot + as_filmed).all():
        return None
    person, place = trend(np.log(_shown_heights(stance, placement))), trend(np.log(spot))
    added = place - trend(np.log(as_filmed))
    if person * place >= 0 or added * place <= 0:
        return None
    if min(abs(person), abs(place), abs(added)) < OPPOSED_GROWTH:
        return None
    lens = abs(trend(np.log(path.intrinsics[:, 0, 0])))
    comes = ("zooms in", "comes nearer")[lens < abs(place) / 2]
    leaves = ("zooms out", "moves away")[lens < abs(place) / 2]
    if person > 0:
        return (
            f"the person grows by {_percent(person)} while the camera {leaves}: "
            "a move inwards, such as dolly-in, or a lower --move-strength would go with them"
        )
    return (
        f"the person shrinks by {_percent(person)} while the camera {comes}: "
        "a move outwards, such as dolly-out, or a lower --move-strength would go with them"
    )


def _unexplained_growth(stance: Stance, placement: Placement, path: CameraPath) -> str | None:
    """Growth that remains when the distance of the person's spot is taken out."""
    if stance.geometry.is_card:
        return None
    drift = trend(np.log(_shown_heights(stance, placement) / person_heights(placement, path)))
    if abs(drift) < UNEXPLAINED_GROWTH:
        return None
    does = "grows" if drift > 0 else "shrinks"
    return (
        f"the person {does} by {_percent(drift)} more than their way over the ground explains: "
        "the clip's lens may zoom, or --horizon be off"
    )


def _sliding(stance: Stance, placement: Placement, path: CameraPath) -> str | None:
    """How far the ground on which a locked person was filmed runs away from their feet."""
    if stance.anchor != "screen":
        return None
    there = project(path.intrinsics, path.extrinsics, stance.contact)
    apart = np.linalg.norm(there - placement.contact_pixels, axis=1)
    slide = apart / _shown_heights(stance, placement)
    slid = np.nanmax(np.abs(slide - slide[0]), initial=0.0)
    if slid < SLIDE_HEIGHTS:
        return None
    return (
        f"the person, locked to the picture, slides over the ground by {slid * stance.height:.1f} "
        "m: --person-anchor ground keeps their feet where they stand"
    )


def _leaving(stance: Stance, placement: Placement, path: CameraPath) -> str | None:
    """When the picture's side cuts the person, though the clip's does not."""
    beyond = share_beyond_sides(stance.contacts, placement.clip_to_frame, path.width)
    out = beyond > LEAVING_SHARE
    never_in = beyond.max(axis=1).min() == 1
    if stance.anchor == "screen" or never_in or not out.any():
        return None
    first = int(np.flatnonzero(out.any(axis=1))[0])
    side = SIDES[int(np.argmax(beyond[first]))]
    return (
        f"the person leaves the picture on the {side} at {float(first / path.frame_rate):.1f} s, "
        f"{100 * beyond.max():.0f} % of their width at most: a camera that goes with them (follow, "
        "or the clip's own: auto) or another --position keeps them framed"
    )


def _ends_leaving(stance: Stance, placement: Placement, path: CameraPath) -> str | None:
    """When head or feet are past the picture's upper or lower edge, though the clip holds them."""
    out = ends_beyond(stance, placement, path)
    if stance.anchor == "screen" or not out.any():
        return None
    first = int(np.flatnonzero(out.any(axis=1))[0])
    ends = " and ".join(name for name, end in zip(ENDS, out.T, strict=True) if end.any())
    leave = "leave" if out[:, ENDS.index("feet")].any() else "leaves"
    tilts = " or ".join(f"+{TILTS[name]}" for name in TILTS if name in ends)
    return (
        f"the person's {ends} {leave} the picture at {float(first / path.frame_rate):.1f} s: "
        f"a camera that tilts after them ({tilts}), a smaller --move-strength or another "
        "--position keeps them in it"
    )


def _spot_heights(stance: Stance, path: CameraPath) -> Floats:
    """How tall the person would be in the picture, had they stayed on their first spot (F,)."""
    _, upright = card(path.intrinsics, path.extrinsics, stance.contact[0], stance.height)
    return np.asarray(np.linalg.norm(upright, axis=-1))


def _shown_heights(stance: Stance, placement: Placement) -> Floats:
    """The person's standing height as it is seen in the picture, in pixels (F,)."""
    scale = np.hypot(placement.clip_to_frame[:, 0, 0], placement.clip_to_frame[:, 1, 0])
    return np.asarray(stance.contacts.heights * scale)


def _percent(log_ratio: float) -> str:
    return f"{100 * abs(np.expm1(log_ratio)):.0f} %"
