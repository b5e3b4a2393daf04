import os
import subprocess
import sys
import time

from dynascene_cli.projection import cut_fill, fast_path, mesh, rasteriser
from dynascene_cli.projection.compiling import compile_loops, is_compiled

LOOPS = (
    *(rasteriser.find_sources, rasteriser.paint_pending, rasteriser.source_map),
    *(rasteriser.row_extents, rasteriser.screen_vertices),
    *(cut_fill.lay_fringe, fast_path.interpolate, mesh.find_flat_pieces),
)


def test_a_render_finds_all_loops_compiled(dynascene, drawn_clip, photo):
    compile_loops()
    assert is_compiled()
    compiled = [set(loop.signatures) for loop in LOOPS]
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--matte", alphas, "--camera", "dolly-in")
    run = dynascene(*words, "--end", "0.2")
    assert run.code == 0, run.err
    assert [set(loop.signatures) for loop in LOOPS] == compiled


def test_a_source_written_anew_as_it_was_is_compiled_after_one_drawing(tmp_path, monkeypatch):
    compile_loops()
    time.sleep(0.1)
    written = tmp_path / "rasteriser.py"
    written.touch()
    monkeypatch.setattr(rasteriser, "__file__", str(written))
    assert not is_compiled()
    time.sleep(0.1)
    compile_loops()
    assert is_compiled()


def test_in_an_empty_cache_nothing_is_compiled(tmp_path):
    program = "from dynascene_cli.projection.compiling import is_compiled; print(is_compiled())"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.stdout == "False\n", run.stderr
