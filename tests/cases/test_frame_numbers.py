"""One numbering: that of the clip's own files, else from 1, for what is written and corrected."""

import re
import shutil
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.camera.formats import read_camera
from dynascene_cli.video import open_clip, read_frames, write_image


def white_frames(folder, pattern="m.*.png"):
    """The numbers of the written alphas that are white throughout."""
    return {
        int(file.stem.split(".")[-1])
        for file in sorted(folder.glob(pattern))
        if np.asarray(Pillow.open(file)).min() == 255
    }


@pytest.fixture
def take(person_clip, tmp_path):
    """A sequence of six pictures whose first is number 1001."""
    folder = tmp_path / "take"
    folder.mkdir()
    for number, frame in enumerate(read_frames(open_clip(person_clip), 0, 6), start=1001):
        write_image(folder / f"take.{number}.png", frame)
    return folder


def painted_white(file, name):
    """A correction: the written alpha, white throughout, in a folder of its own."""
    folder = file.parent / "fixed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    image = np.full(np.asarray(Pillow.open(file)).shape, 255, np.uint8)
    write_image(folder / name, image)
    return folder


@pytest.mark.parametrize(
    ("options", "number"), [((), 2), (("--start-number", 1001), 1004), (("--start", 0.1), 3)]
)
def test_a_correction_lands_on_the_file_that_it_was_made_of(
    dynascene, person_clip, tmp_path, options, number
):
    trim = ("--end", 0.2)
    assert dynascene("matte", person_clip, "-o", "m.%05d.png", *trim, *options).code == 0
    before = white_frames(tmp_path)
    name = f"m.{number:05d}.png"
    fixed = painted_white(tmp_path / name, name)
    words = ("-o", "m.%05d.png", *trim, *options)
    run = dynascene("matte", person_clip, *words, "--matte-fixes", fixed)
    assert run.code == 0, run.err
    assert white_frames(tmp_path) - before == {number}


def test_the_last_frame_can_be_corrected_and_none_after_it(dynascene, take, tmp_path):
    words = ("matte", "take/take.%04d.png", "--fps", 24, "-o", "m.%04d.png")
    assert dynascene(*words).code == 0
    assert sorted(file.name for file in tmp_path.glob("m.*"))[0] == "m.1001.png"
    fixed = painted_white(tmp_path / "m.1006.png", "m.1006.png")
    assert dynascene(*words, "--matte-fixes", fixed).code == 0
    assert white_frames(tmp_path) == {1006}
    (fixed / "m.1006.png").rename(fixed / "m.1007.png")
    run = dynascene(*words, "--matte-fixes", fixed)
    assert run.code == 1
    assert "names frame 1007\nhint: the clip has frames 1001 to 1006" in run.err


def test_a_trimmed_sequence_keeps_its_files_numbers(dynascene, take, tmp_path):
    run = dynascene("info", "take", "--fps", 10, "--start", 0.2, "--json")
    assert (run.json["first_number"], run.json["frames"]) == (1003, 4)


def test_another_first_number_is_no_answer_for_a_cached_correction(dynascene, take, tmp_path):
    """The same folder of corrections means other frames under another numbering."""
    words = ("matte", "take", "--fps", 24, "-o", "m.%04d.png")
    assert dynascene(*words).code == 0
    fixed = painted_white(tmp_path / "m.1003.png", "m.1003.png")
    assert dynascene(*words, "--matte-fixes", fixed).code == 0
    assert white_frames(tmp_path) == {1003}
    assert dynascene(*words, "--matte-fixes", fixed, "--start-number", 1000).code == 0
    assert white_frames(tmp_path) == {1003}
    assert np.asarray(Pillow.open(tmp_path / "m.1002.png")).min() < 255


NUMBERED = {
    "cam.chan": r"^(\d+) ",
    "cam.usda": r"^        (\d+): \(",
    "transforms.json": r"_(\d+)\.png",
    "cam.json": r'"first_frame": (\d+)',
    "colmap": r"_(\d+)\.png",
    "cam.py": r"^FIRST_FRAME = (\d+)",
}
"""Camera files that number frames, and how their numbers are found in them."""


def first_number(path, pattern):
    file = path / "images.txt" if path.is_dir() else path
    return int(re.findall(pattern, file.read_text(), re.MULTILINE)[0])


@pytest.mark.parametrize("name", NUMBERED)
def test_cameras_have_the_numbers_of_the_source(tmp_path, dynascene, name):
    words = ("trajectory", "convert", "dolly-in")
    move = ("--frames", 4, "--fps", 24, "--size", "96x64")
    assert dynascene(*words, "from.usda", *move, "--start-number", 1001).code == 0
    run = dynascene("trajectory", "convert", "from.usda", name)
    assert run.code == 0, run.err
    assert first_number(tmp_path / name, NUMBERED[name]) == 1001
    run = dynascene("trajectory", "convert", "from.usda", name, "--start-number", 7)
    assert first_number(tmp_path / name, NUMBERED[name]) == 7
    if name != "cam.py":
        found = read_camera(tmp_path / name, size=(96, 64), frame_rate=Fraction(24))
        assert (found.first_frame, found.frame_count) == (7, 4)
    run = dynascene("trajectory", "convert", "dolly-in", name, *move)
    assert first_number(tmp_path / name, NUMBERED[name]) == 1


def test_an_estimated_camera_has_the_numbers_of_the_clip(dynascene, take, tmp_path):
    words = ("estimate-camera", "take", "--fps", 24, "--end", 0.1)
    assert dynascene(*words, "-o", "a.chan").code == 0
    assert first_number(tmp_path / "a.chan", NUMBERED["cam.chan"]) == 1001
    run = dynascene(*words, "-o", "b.chan", "--start-number", 5)
    assert "changes nothing" not in run.err
    assert first_number(tmp_path / "b.chan", NUMBERED["cam.chan"]) == 5


def test_a_first_number_that_numbers_nothing_is_told(dynascene, person_clip):
    words = ("matte", person_clip, "--end", 0.1, "--start-number", 5, "-q")
    told = dynascene(*words, "-o", "m.mov")
    assert told.code == 0
    assert "--start-number changes nothing" in told.err
    assert "--start-number" not in dynascene(*words, "-o", "m.%03d.png").err
