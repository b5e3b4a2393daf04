"""``render --renderer dynascene``: the network's plate in a finished video, by the real command."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dynascene_cli.video import open_clip, read_frames

SMALL = ("--checkpoint", "tests-tiny", "--steps", 2, "--sample-size", "64x64")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def words(drawn_clip, photo):
    clip, alphas = drawn_clip
    given = ("render", clip, "--matte", alphas, "--scene", photo, "--end", "0.2", "--json")
    return (*given, "--camera", "truck-left")


def test_a_render_by_the_network_and_once_more_from_the_cache(dynascene, tmp_path, words):
    first = dynascene(*words, *SMALL, "--layers", "layers")
    assert first.code == 0, first.err
    assert (first.json["renderer"], first.json["cached"]) == ("dynascene", [])
    assert "without a GPU" in " ".join(first.json["warnings"])
    plate = list(read_frames(open_clip(tmp_path / "layers" / "plate.mov")))
    assert len(plate) == first.json["frames"] == 5
    assert np.std(plate[0]) > 1
    assert not list(tmp_path.rglob("sampling.safetensors"))
    before = digest(tmp_path / first.json["output"])
    second = dynascene(*words, *SMALL)
    assert {"matte", "camera", "plate"} <= set(second.json["cached"])
    assert digest(tmp_path / second.json["output"]) == before
    other = dynascene(*words, *SMALL, "--seed", 3)
    assert "plate" not in other.json["cached"]
    assert digest(tmp_path / other.json["output"]) != before
    projected = dynascene(*words)
    assert (projected.json["renderer"], projected.code) == ("projection", 0)
    assert digest(tmp_path / projected.json["output"]) != before


def test_a_real_clip_is_rendered_with_previews(dynascene, tmp_path, person_clip, photo):
    words = ("render", person_clip, "--scene", photo, "--end", "0.05", "--camera", "static")
    less = ("--precision", "bfloat16", "--reuse-deep", 2, "--vae-tile", 64, "--channels-last")
    size = ("--sample-size", "64x128", "--steps", 2, "--checkpoint", "tests-tiny")
    run = dynascene(*words, *size, *less, "--preview-every", 1, "--json")
    assert run.code == 0, run.err
    assert run.json["renderer"] == "dynascene"
    assert open_clip(tmp_path / run.json["output"]).frame_count == run.json["frames"] > 1
    (preview,) = tmp_path.rglob("preview.png")
    assert str(preview.relative_to(tmp_path)) in run.err


def test_a_guide_starts_from_the_projections_plate(dynascene, tmp_path, words):
    weak = ("--guide", "projection", "--strength", "0.5")
    run = dynascene(*words, *SMALL, *weak, "--renderer", "dynascene")
    assert run.code == 0, run.err
    assert open_clip(tmp_path / run.json["output"]).frame_count == 5
    dry = dynascene(*words, *SMALL, *weak, "--dry-run")
    assert dry.json["would_run"] == ["composite"]


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        (("--renderer", "dynascene"), 3, "models assemble"),
        (("--checkpoint", "nowhere"), 1, "nowhere"),
        (
            ("--renderer", "projection", "--checkpoint", "tests-tiny"),
            1,
            "sampling options are given",
        ),
        (("--steps", "5"), 1, "--renderer dynascene"),
        (("--checkpoint", "tests-tiny", "--steps", "0"), 1, "steps"),
        (("--checkpoint", "tests-tiny", "--sampler", "lcm"), 1, "lcm"),
        (("--checkpoint", "tests-tiny", "--sample-size", "65x64"), 1, "65"),
        (("--checkpoint", "tests-tiny", "--sample-size", "wide"), 2, "--sample-size"),
        (("--checkpoint", "tests-tiny", "--guidance", "nan"), 1, "guidance"),
        (("--checkpoint", "tests-tiny", "--window", "999"), 1, "window"),
        (("--checkpoint", "tests-tiny", "--reuse-deep", "51"), 1, "1 to 50, the number of steps"),
        (("--checkpoint", "tests-tiny", "--vae-tile", "63"), 1, "63 pixels"),
        (("--reuse-deep", "2"), 1, "sampling options are given"),
    ],
)
def test_what_cannot_be_sampled_is_told_before_anything_is_made(
    dynascene, tmp_path, words, settings, code, said
):
    before = sorted(tmp_path.rglob("*"))
    run = dynascene(*words, *settings)
    assert run.code == code, run.err
    assert said in run.err
    assert "Traceback" not in run.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="the address space can be bounded on Linux")
def test_out_of_memory_is_told_with_what_takes_less(tmp_path, words):
    bounded = (
        "import resource, sys\nfrom dynascene_cli.app import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))\nsys.exit(main(sys.argv[1:]))"
    )
    huge = ("--checkpoint", "tests-tiny", "--steps", 2, "--sample-size", "8192x8192", "-o", "o.mp4")
    arguments = [str(word) for word in (*words, *huge)]
    run = subprocess.run(
        [sys.executable, "-c", bounded, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 4, run.stderr
    assert "out of memory: 24 frames of 8192x8192" in run.stderr
    assert "--sample-size 5792x5792" in run.stderr
    assert not (tmp_path / "o.mp4").exists()


def test_a_projected_render_never_loads_torch(tmp_path, words):
    script = (
        "import sys\nfrom dynascene_cli.app import main\ncode = main(sys.argv[1:])\n"
        "assert 'torch' not in sys.modules and 'diffusers' not in sys.modules\nsys.exit(code)"
    )
    arguments = [str(word) for word in words]
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
