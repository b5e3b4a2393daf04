"""How far a shot's camera moves in a photo: as asked for, or as far as what it shows holds."""

from dataclasses import dataclass, replace
from functools import partial

from dynascene_cli.camera.moves.files import is_camera
from dynascene_cli.pipeline.canvas import (
    CLEAN,
    MOST_PAST,
    Canvas,
    CanvasPlan,
    Limit,
    holds_turned,
    limit_of,
)
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.pipeline.shot_camera import ShotCamera
from dynascene_cli.projection import Invention
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging import Staged, Stance, stage, stand_in, tell_stand_in, tell_turn

SMALLEST_AMOUNT = 0.02
SAME_AMOUNT = 0.9
"""So much of a move is about all of it."""

STANDING_IN = (1.0, 0.7, 0.45, 0.25)
"""Shares of the turn and zoom that may stand in for a way, as they are tried."""


@dataclass(frozen=True, eq=False)
class CoveredShot:
    """A staged shot, what it needs of the canvas, and what made its move smaller, if anything did.

    ``limit`` tells the amount that was left of the move.
    """

    staged: Staged
    canvas: CanvasPlan
    limit: Limit | None


def cover_path(
    run: Run,
    request: RenderRequest,
    camera: ShotCamera,
    place: Place,
    size: tuple[int, int],
    widest_margin: float,
    known: Limit | None = None,
) -> CoveredShot:
    """The staged shot, its move made smaller until what it shows of the place holds.

    Of a photo that was covered before, ``known`` is what made the move smaller there.

    A preset whose way is made shorter turns and zooms as far as that holds, so that the person is
    seen to move as they would.
    """
    stands, path_at = camera.stance, camera.path_at
    canvas = Canvas.of(run, place, stands.geometry, size, widest_margin)
    # What the clip's own camera shows anyway is no reason to make a move smaller.
    unmoved = canvas.plan(path_at(0.0)).invention if camera.departs else None
    # A camera of another program's fits what was made with it, frame by frame or not at all.
    as_asked = request.allow_stretch or any(map(is_camera, request.camera.split("+")))
    staged = whole = stage(stands, path_at, request.move_strength, hold_body=camera.hold_body)
    reasons: list[str] = []
    if known is not None:
        reasons = [known.reason]
        staged = stage(stands, path_at, known.share, hold_body=camera.hold_body)
    while True:
        plan = canvas.plan(staged.path)
        limit = None
        if camera.departs and staged.amount > SMALLEST_AMOUNT:
            limit = limit_of(plan, unmoved, as_asked)
        if limit is None:
            break
        reasons = [limit.reason, *reasons]
        staged = stage(stands, path_at, staged.amount * limit.share, hold_body=camera.hold_body)
    told = *staged.warnings, *tell_turn(camera.unheld_path_at(staged.amount), staged.path)
    if not reasons:
        return CoveredShot(replace(staged, warnings=told), plan, None)
    limited = (
        f"the move is limited to {staged.amount:.2f} of the {request.move_strength:.2f} asked "
        f"for: more would {reasons[0]}"
    )
    if camera.hold_body and stands.anchor == "ground":
        most_past = MOST_PAST if known is None else max(CLEAN, plan.invention.worst_past)
        staged, plan, rest = _stand_in(camera, canvas, unmoved, whole, (staged, plan), most_past)
        limited += rest
    left = Limit(reasons[0], staged.amount)
    return CoveredShot(replace(staged, warnings=(*told, limited)), plan, left)


def shows_less(tried: CoveredShot, shot: CoveredShot) -> bool:
    """Whether a shot shows less past its photo's edges than another, and moves about as far."""
    less = tried.canvas.invention.worst_past < shot.canvas.invention.worst_past
    return less and tried.staged.amount >= SAME_AMOUNT * shot.staged.amount


def _stand_in(
    camera: ShotCamera,
    canvas: Canvas,
    unmoved: Invention | None,
    whole: Staged,
    limited: tuple[Staged, CanvasPlan],
    most_past: float,
) -> tuple[Staged, CanvasPlan, str]:
    """The limited shot with as much of the turn and zoom that stand in for the rest as holds."""
    stands, (staged, plan) = camera.stance, limited
    for share in STANDING_IN:
        told = tell_stand_in(stands, staged.path, whole.path, share)
        if told is None:
            break
        turned = stage(stands, partial(_turn_further, stands, staged, whole, share), hold_body=True)
        seen = canvas.plan(turned.path)
        if turned.amount > 0.9 and holds_turned(seen, unmoved, most_past):
            return replace(turned, amount=staged.amount), seen, f"; {told}"
    return staged, plan, ""


def _turn_further(
    stands: Stance, limited: Staged, whole: Staged, share: float, done: float
) -> CameraPath:
    return stand_in(stands, limited.path, whole.path, done * share)
