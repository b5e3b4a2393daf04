"""Things pointed at in the studio: a tiny network of random weights in sam2's published layout."""

import sys
from pathlib import Path

import pytest
from studio_process import Studio

pytest.importorskip("transformers", reason="needs the extra [diffusion]")
sys.path.append(str(Path(__file__).parents[1] / "matting"))

from tiny_prompted import save_sam2


def test_points_make_the_matte_again(dynascene, tmp_path, person_clip, photo):
    added = dynascene("models", "add", "sam2", save_sam2(tmp_path / "sam2"), "--json")
    assert added.code == 0, added.err
    studio = Studio(tmp_path, person_clip, "--scene", photo, "--end", "0.1")
    try:
        state = studio.json("/api/state")
        assert state["matte"]["why_no_clicks"] == ""
        _, before = studio.ask("/api/alpha/2.jpg")
        time = 1 / state["frame_rate"]
        click = {"time": time, "x": 0.2, "y": 0.3, "adds": True}
        body = {"settings": {**state["settings"], "clicks": [click]}, "version": state["version"]}
        clicked = studio.json("/api/settings", "PUT", body)
        assert "--click=0.0333,0.2,0.3" in clicked["command"]
        assert clicked["version"] == state["version"] + 1
        _, after = studio.ask("/api/alpha/2.jpg")
        assert after != before
        late = {**click, "time": 5}
        wrong = {"settings": {**state["settings"], "clicks": [late]}, "version": 1}
        status, told = studio.ask("/api/settings", "PUT", wrong)
        assert (status, b"after the end" in told) == (422, True)
        assert studio.ask("/api/alpha/2.jpg")[1] == after
        body = {"settings": state["settings"], "version": 1}
        assert studio.json("/api/settings", "PUT", body)["settings"]["clicks"] == []
        assert studio.ask("/api/alpha/2.jpg")[1] == before
    finally:
        studio.end()
