"""How far a shot's camera moves in a photo: as asked for, or as far as what it shows holds."""

from dataclasses import replace
from functools import partial

from dynascene_cli.camera.moves.files import is_camera
from dynascene_cli.pipeline.canvas import Canvas, CanvasPlan, holds_turned, limit_of
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.pipeline.shot_camera import ShotCamera
from dynascene_cli.projection import Invention
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging import Staged, Stance, stage, stand_in, tell_stand_in, tell_turn

SMALLEST_AMOUNT = 0.02
STANDING_IN = (1.0, 0.7, 0.45, 0.25)
"""Shares of the turn and zoom that may stand in for a way, as they are tried."""


def cover_path(
    run: Run,
    request: RenderRequest,
    camera: ShotCamera,
    place: Place,
    size: tuple[int, int],
    widest_margin: float,
) -> tuple[Staged, CanvasPlan]:
    """The staged shot, its move made smaller until what it shows of the place holds.

    A preset whose way is made shorter turns and zooms as far as that holds, so that the person is
    seen to move as they would.
    """
    stands, path_at = camera.stance, camera.path_at
    canvas = Canvas(run.project, place, stands.geometry, size, widest_margin, run.dry_run)
    # What the clip's own camera shows anyway is no reason to make a move smaller.
    unmoved = canvas.plan(path_at(0.0)).invention if camera.departs else None
    # A camera of another program's fits what was made with it, frame by frame or not at all.
    as_asked = request.allow_stretch or any(map(is_camera, request.camera.split("+")))
    staged = whole = stage(stands, path_at, request.move_strength, hold_body=camera.hold_body)
    reasons: list[str] = []
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
        return replace(staged, warnings=told), plan
    limited = (
        f"the move is limited to {staged.amount:.2f} of the {request.move_strength:.2f} asked "
        f"for: more would {reasons[0]}"
    )
    if camera.hold_body and stands.anchor == "ground":
        staged, plan, rest = _stand_in(camera, canvas, unmoved, whole, (staged, plan))
        limited += rest
    return replace(staged, warnings=(*told, limited)), plan


def _stand_in(
    camera: ShotCamera,
    canvas: Canvas,
    unmoved: Invention | None,
    whole: Staged,
    limited: tuple[Staged, CanvasPlan],
) -> tuple[Staged, CanvasPlan, str]:
    """The limited shot with as much of the turn and zoom that stand in for the rest as holds."""
    stands, (staged, plan) = camera.stance, limited
    for share in STANDING_IN:
        told = tell_stand_in(stands, staged.path, whole.path, share)
        if told is None:
            break
        turned = stage(stands, partial(_turn_further, stands, staged, whole, share), hold_body=True)
        seen = canvas.plan(turned.path)
        if turned.amount > 0.9 and holds_turned(seen, unmoved):
            return replace(turned, amount=staged.amount), seen, f"; {told}"
    return staged, plan, ""


def _turn_further(
    stands: Stance, limited: Staged, whole: Staged, share: float, done: float
) -> CameraPath:
    return stand_in(stands, limited.path, whole.path, done * share)
