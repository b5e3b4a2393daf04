"""Image sequences: gaps, steps, and what lies beside the frames."""

import sys
from pathlib import Path

import pytest

from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip, read_frames, write_image

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from video_media import frame_number, numbered_frame


def pictures(folder, numbers, name="f.{:04d}.png"):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        write_image(folder / name.format(number), numbered_frame(number))
    return folder


def shown(clip):
    return [frame_number(image) for image in read_frames(clip)]


@pytest.mark.parametrize("pattern", ["", "f.%04d.png"])
def test_a_gap_is_named_or_filled(tmp_path, pattern):
    source = pictures(tmp_path / "f", [1, 2, 3, 5, 8, 9]) / pattern
    with pytest.raises(InputError, match=r"f\.0004\.png is missing \(3 of 9 in all\)") as error:
        open_clip(source, fps=24)
    assert "--fill-gaps" in error.value.hint
    clip = open_clip(source, fps=24, fill_gaps=True)
    assert shown(clip) == [1, 2, 3, 3, 5, 5, 5, 8, 9]
    assert "3 missing frames" in clip.warnings[0]


def test_numbers_may_rise_in_steps_in_a_folder(tmp_path):
    folder = pictures(tmp_path / "f", [0, 33, 67, 100], "{}.png")
    assert shown(open_clip(folder, fps=24)) == [0, 33, 67, 100]


def test_the_number_that_differs_counts(tmp_path):
    folder = pictures(tmp_path / "f", [7, 8, 10], "shot02.{:03d}.v3.png")
    with pytest.raises(InputError, match=r"shot02\.009\.v3\.png is missing"):
        open_clip(folder, fps=24)


def test_a_stray_picture_and_a_number_twice_are_named(tmp_path):
    folder = pictures(tmp_path / "f", [1, 2, 3])
    write_image(folder / "cover.png", numbered_frame(0))
    with pytest.raises(InputError, match=r"cover\.png is not of the series"):
        open_clip(folder, fps=24)
    (folder / "cover.png").rename(folder / "f.2.png")
    with pytest.raises(InputError, match="name the same frame"):
        open_clip(folder, fps=24)


def test_another_size_is_named_before_any_frame_is_read(tmp_path):
    folder = pictures(tmp_path / "f", [1, 2, 3])
    write_image(folder / "f.0003.png", numbered_frame(0)[:-2])
    with pytest.raises(InputError, match=r"f\.0003\.png is 96x62, the sequence is 96x64"):
        open_clip(folder, fps=24)
    assert open_clip(folder, fps=24, end=2 / 24).frame_count == 2
