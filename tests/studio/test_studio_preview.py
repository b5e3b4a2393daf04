"""The plan of a preview, whatever was planned before it."""

from dataclasses import replace

import pytest

from dynascene_cli.console import Console
from dynascene_cli.pipeline.matte import open_request_clip
from dynascene_cli.pipeline.request import (
    CameraRequest,
    MatteRequest,
    RenderRequest,
    RunRequest,
    SceneRequest,
)
from dynascene_cli.pipeline.run import open_run
from dynascene_cli.scene import rim as whole_rim
from dynascene_cli.studio.preview import Preview
from dynascene_cli.studio.settings import ShotSettings

DOLLY = ShotSettings(camera="dolly-in")


@pytest.fixture
def open_preview(tmp_path, drawn_clip, photo):
    """Open a preview of a drawn figure in a photo, with nothing planned yet."""
    clip, matte = drawn_clip
    asked = MatteRequest(clip=str(clip), matte=matte, end=0.25)
    request = RenderRequest(
        filmed=CameraRequest(asked), scene=SceneRequest(photo=photo), camera="static"
    )

    def opened() -> Preview:
        run = open_run(RunRequest(tmp_path / "a.dynascene"), asked.clip, request.inputs, Console())
        with run.project.locked():
            return Preview(run, request, open_request_clip(asked), None)

    return opened


def test_a_plan_does_not_depend_on_those_before(open_preview):
    preview = open_preview()
    shown = preview.shown
    moved = (replace(DOLLY, horizon=0.4), replace(DOLLY, camera_height=2.5), DOLLY)
    after = [preview.plan(settings).as_json(shown) for settings in (*moved, *moved)]
    assert after[:3] == after[3:]
    assert after == [open_preview().plan(settings).as_json(shown) for settings in (*moved, *moved)]


def test_a_place_is_looked_at_once_for_all_its_moves(open_preview, monkeypatch):
    from dynascene_cli.pipeline import canvas

    rims = []
    monkeypatch.setattr(canvas, "rim", lambda *of: rims.append(of) or whole_rim(*of))
    preview = open_preview()
    preview.plan(DOLLY)
    looked = len(rims)
    assert looked
    preview.plan(replace(DOLLY, move_strength=0.7))
    preview.plan(ShotSettings(camera="zoom-in"))
    assert len(rims) == looked
