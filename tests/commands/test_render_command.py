import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.geometry import project
from dynascene_cli.video import open_clip, read_frames, read_photo, resize_to_cover

pytestmark = pytest.mark.usefixtures("dynascene")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def frames_of(path: Path) -> list[np.ndarray]:
    return list(read_frames(open_clip(path)))


def test_a_person_a_photo_and_a_move_become_a_video(dynascene, tmp_path, person_clip, photo):
    run = dynascene("render", person_clip, "--scene", photo, "--camera", "dolly-in", "--json")
    assert run.code == 0, run.err
    answer = run.json
    assert answer["output"] == "person-meadow-dolly-in.mp4"
    assert answer["frames"] == 12
    assert answer["fps"] == 30
    assert answer["renderer"] == "projection"
    assert answer["camera"] == {"source": "dolly-in", "confidence": "static"}
    assert answer["cached"] == []
    assert answer["report"] is None
    assert answer["layers"] is None
    assert set(answer["seconds"]) == {"matte", "camera", "staging", "scene", "composite"}
    clip = open_clip(tmp_path / answer["output"])
    assert (clip.width, clip.height, clip.frame_count) == (272, 480, 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "person-meadow-dolly-in.mp4",
        "person.dynascene",
    ]


def test_the_second_time_everything_is_cached_and_the_same(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--camera", "truck-left", "--matte", alphas)
    words += ("--end", "1", "--json")
    first = dynascene(*words)
    assert first.code == 0, first.err
    before = digest(tmp_path / first.json["output"])
    second = dynascene(*words)
    assert second.json["cached"] == ["matte", "camera", "scene", "plate"]
    assert digest(tmp_path / second.json["output"]) == before
    forced = dynascene(*words, "--force")
    assert forced.json["cached"] == []
    assert digest(tmp_path / forced.json["output"]) == before


def test_a_static_camera_leaves_the_photo_exactly_as_it_is(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    run = dynascene(
        *("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas),
        *("--end", "0.2", "--layers", "layers", "-o", "out.%05d.png"),
    )
    assert run.code == 0, run.err
    from dynascene_cli.video import read_chunk

    folder = next((tmp_path / "drawn.dynascene" / "plate").iterdir())
    (chunk,) = folder.glob("chunk_*")
    (plate,) = read_chunk(chunk)
    assert (plate == resize_to_cover(read_photo(photo).pixels, 128, 96)).all()
    layer = list(read_frames(open_clip(tmp_path / "layers" / "plate.mov")))
    assert len(layer) == 5
    assert all((frame == layer[0]).all() for frame in layer)


def test_layers_are_whole_and_named_by_the_design(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    run = dynascene(
        *("render", clip, "--scene", photo, "--camera", "orbit-left", "--matte", alphas),
        *("--end", "0.25", "--layers", "layers", "--json"),
    )
    assert run.code == 0, run.err
    folder = tmp_path / "layers"
    assert sorted(path.name for path in folder.iterdir()) == [
        "background.mov",
        "camera.json",
        "foreground.mov",
        "matte.mov",
        "plate.mov",
        "settings.json",
        "shadow.mov",
        "timeline.otio",
    ]
    for name in ("background", "foreground", "matte", "plate", "shadow"):
        assert open_clip(folder / f"{name}.mov").frame_count == 6
    camera = json.loads((folder / "camera.json").read_text())
    assert len(camera["frames"]) == 6
    assert camera["unit"] == "metres"
    first = np.array(camera["frames"][0]["world_to_camera"])
    assert first.shape == (3, 4)
    assert json.loads((folder / "settings.json").read_text())["camera"] == "orbit-left"

    ground = camera["ground"]
    feet = np.array(ground["feet"])
    assert ground["person_height"] == 1.7
    np.testing.assert_allclose(feet[:, 1], ground["y"])
    shown = project(
        np.array([frame["intrinsics"] for frame in camera["frames"]]),
        np.array([frame["world_to_camera"] for frame in camera["frames"]]),
        feet,
    )
    for (_, row), matte in zip(shown, frames_of(folder / "matte.mov"), strict=True):
        lowest = np.flatnonzero((matte[..., 0] > 127).any(axis=1)).max() + 1
        assert abs(row - lowest) <= 1.5


def test_a_dry_run_makes_nothing(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas)
    words += ("--end", "0.25", "--json")
    dry = dynascene(*words, "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.json["would_run"] == ["matte", "camera", "scene", "plate", "composite"]
    assert list(tmp_path.iterdir()) == []
    dynascene(*words)
    assert dynascene(*words, "--dry-run").json["would_run"] == ["composite"]


def test_a_killed_render_continues_to_the_same_bytes(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    words = ["render", str(clip), "--scene", str(photo), "--camera", "dolly-in+handheld"]
    words += ["--matte", str(alphas), "--seed", "3"]
    assert dynascene(*words, "--project", "whole", "-o", "whole.mp4").code == 0
    command = [sys.executable, "-m", "dynascene_cli", *words, "--project", "cut", "-o", "cut.mp4"]
    killed = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and killed.poll() is None:
        if list((tmp_path / "cut").glob("plate/*/chunk_00000.npy")):
            break
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "cut.mp4").exists()
    assert dynascene(*words, "--project", "cut", "-o", "cut.mp4").code == 0
    assert digest(tmp_path / "cut.mp4") == digest(tmp_path / "whole.mp4")
    plates = [
        [digest(chunk) for chunk in sorted((tmp_path / name).glob("plate/*/chunk_*.npy"))]
        for name in ("whole", "cut")
    ]
    assert len(plates[0]) == 2
    assert plates[0] == plates[1]


def test_an_interruption_exits_130_and_leaves_no_output(
    tmp_path, drawn_clip, photo, hears_interruptions
):
    clip, alphas = drawn_clip
    words = ["render", str(clip), "--scene", str(photo), "--camera", "static"]
    words += ["--matte", str(alphas)]
    command = [sys.executable, "-m", "dynascene_cli", *words]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_interruptions,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (tmp_path / "drawn.dynascene" / "lock").exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} <= {"drawn.dynascene"}


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    dynascene, tmp_path, drawn_clip, photo
):
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--camera", "handheld", "--matte", alphas)
    words += ("--end", "0.5")
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        output = f"{name}.mp4"
        assert dynascene(*words, "--seed", seed, "--project", name, "-o", output).code == 0
        made.append(digest(tmp_path / output))
    assert made[0] == made[1] != made[2]


def test_one_image_gives_a_still(dynascene, tmp_path, person_clip, photo):
    still = tmp_path / "une personne 人.png"
    Pillow.fromarray(next(iter(read_frames(open_clip(person_clip))))).save(still)
    run = dynascene("render", still, "--scene", photo, "--camera", "static", "-o", "out.png")
    assert run.code == 0, run.err
    assert Pillow.open(tmp_path / "out.png").size == (272, 480)


def photo_of_kind(kind: str, photo: Path, folder: Path) -> Path:
    picture = Pillow.open(photo).resize((320, 240))
    path = folder / f"{kind} photo.{'tif' if kind in ('cmyk', 'deep') else 'jpg'}"
    if kind == "cmyk":
        picture.convert("CMYK").save(path)
    elif kind == "deep":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        Pillow.fromarray(grey).save(path)
    elif kind == "grey":
        picture.convert("L").save(path)
    elif kind == "turned":
        exif = Pillow.Exif()
        exif[0x0112] = 6
        picture.save(path, exif=exif)
    return path


@pytest.mark.parametrize("kind", ["cmyk", "deep", "grey", "turned"])
def test_photos_of_every_kind_render(dynascene, tmp_path, drawn_clip, photo, kind):
    clip, alphas = drawn_clip
    run = dynascene(
        *("render", clip, "--scene", photo_of_kind(kind, photo, tmp_path), "--camera", "pan-left"),
        *("--matte", alphas, "--end", "0.1"),
    )
    assert run.code == 0, run.err


@pytest.mark.parametrize(
    ("size", "camera"), [("96x128", "dolly-out"), ("120x90", "crane-up"), ("131x97", "roll-cw")]
)
def test_other_sizes_and_shapes_render(dynascene, tmp_path, drawn_clip, photo, size, camera):
    clip, alphas = drawn_clip
    run = dynascene(
        *("render", clip, "--scene", photo, "--camera", camera, "--matte", alphas),
        *("--end", "0.1", "--size", size, "-o", "o.%05d.png"),
    )
    assert run.code == 0, run.err
    made = Pillow.open(tmp_path / "o.00001.png" if (tmp_path / "o.00001.png").exists() else "")
    assert f"{made.width}x{made.height}" == size


def broken_input(kind: str, folder: Path, clip: Path) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a video\n")
    elif kind == "truncated":
        path.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    elif kind == "audio":
        with av.open(str(path), "w") as out:
            stream = out.add_stream("aac", rate=48000)
            sound = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            sound.sample_rate = 48000
            for packet in [*stream.encode(sound), *stream.encode()]:
                out.mux(packet)
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "audio"])
def test_a_broken_clip_is_told_in_one_line(dynascene, tmp_path, drawn_clip, photo, kind):
    broken = broken_input(kind, tmp_path, drawn_clip[0])
    before = set(tmp_path.iterdir())
    run = dynascene("render", broken, "--scene", photo, "--camera", "static", "--json")
    assert run.code == 1
    assert set(run.json) == {"error", "hint", "exit_code"}
    assert broken.name in run.json["error"]
    assert run.err == f"error: {run.json['error']}\nhint: {run.json['hint']}\n"
    assert "Traceback" not in run.err
    assert set(tmp_path.iterdir()) == before


def trajectory(**changes: object) -> str:
    first = {"time": 0, "position": [0, 0, 0], "look_at": [0, 0, 1]}
    last = {"time": 1, "position": [0, 0, 0.1], "look_at": [0, 0, 1], **changes}
    document = {"version": 1, "units": "subject_distance", "keyframes": [first, last]}
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (trajectory(position=[float("nan"), 0, 0]), "finite"),
        (trajectory(time=-1), "time"),
        (trajectory(rotation_quat=[1, 0, 0, 0]), "look_at"),
        (trajectory(position=[0, 9, 0], look_at=[0, 9, 1]), "ground"),
        (trajectory(position=[0, 0, 3], look_at=[0, 0, 5]), "person"),
        ("{", "JSON"),
    ],
    ids=["nan", "unsorted", "both", "ground", "person", "json"],
)
def test_a_broken_trajectory_is_told(dynascene, tmp_path, drawn_clip, photo, text, said):
    (tmp_path / "mine.json").write_text(text)
    clip, alphas = drawn_clip
    run = dynascene(
        *("render", clip, "--scene", photo, "--camera", "mine.json", "--matte", alphas),
        *("--end", "0.1"),
    )
    assert run.code == 1
    assert "mine.json" in run.err
    assert said in run.err
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--camera", "doly-in"), 1, "dolly-in"),
        (("--camera", "static", "-o", "nowhere/out.mp4"), 1, "nowhere"),
        (("--camera", "static", "-o", "out.docx"), 1, ".mp4"),
        (("--camera", "static", "--renderer", "dynascene"), 3, "models assemble"),
        (("--camera", "static", "--matting-model", "rvm"), 3, "models add rvm"),
        (("--camera", "static", "--matting-model", "magic"), 1, "bundled"),
        (("--camera", "static", "--position", "2,2"), 2, "--position"),
        (("--camera", "static", "--size", "big"), 2, "--size"),
        (("--camera", "static", "--start", "99"), 1, "outside the clip"),
        (("--camera", "static", "--relight", "sun"), 2, "relight"),
        (("--camera", "static", "--sun", "150"), 2, "sun"),
        (("--camera", "static", "--sun", "150,-5"), 2, "sun"),
        (("--camera", "static", "--shadow", "long"), 2, "shadow"),
    ],
)
def test_a_wrong_setting_is_told(dynascene, tmp_path, drawn_clip, photo, words, code, said):
    run = dynascene("render", drawn_clip[0], "--scene", photo, *words)
    assert run.code == code, run.err
    assert said in run.err
    assert "Traceback" not in run.err
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.parametrize("kind", ["missing", "pdf", "tiny"])
def test_a_wrong_photo_is_told(dynascene, tmp_path, drawn_clip, kind):
    wrong = tmp_path / f"{kind}.jpg"
    if kind == "pdf":
        wrong.write_bytes(b"%PDF-1.7\n")
    elif kind == "tiny":
        Pillow.new("RGB", (10, 10)).save(wrong)
    clip, alphas = drawn_clip
    run = dynascene("render", clip, "--scene", wrong, "--camera", "static", "--matte", alphas)
    assert run.code == 1
    assert f"{kind}.jpg" in run.err
    assert [path for path in tmp_path.iterdir() if path != wrong] == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_exits_4_and_leaves_nothing(dynascene, tmp_path, drawn_clip, photo):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        clip, alphas = drawn_clip
        run = dynascene(
            *("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas),
            *("-o", disk / "out.mp4"),
        )
        assert run.code == 4, run.err
        assert "full" in run.err
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_orbit_around_the_demos_person_sees_no_hole(dynascene):
    """Its canvas misses a corner of some twenty frames by three pixels."""
    run = dynascene(
        *("render", MEDIA / "gym.mp4", "--scene", MEDIA / "picos.jpg"),
        *("--camera", "orbit-left", "--end", "0.5", "--size", "360x640", "-o", "o.mp4"),
    )
    assert run.code == 0, run.err
