"""The focal length that a clip's own metadata tells."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

from dynascene_cli.video import open_clip, read_tagged_focal
from dynascene_cli.video.lens import QUICKTIME_KEY


def film(path: Path, tags: dict[str, str]) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width, stream.height = 64, 48
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_quicktime_metadata_compare_diagonals(tmp_path: Path) -> None:
    clip = open_clip(film(tmp_path / "phone.mov", {QUICKTIME_KEY: "26"}))
    assert read_tagged_focal(clip) == pytest.approx(26 / np.hypot(36, 24) * 80)


@pytest.mark.parametrize("told", ["", "wide", "0", "-3", "nan", "1e9"])
def test_what_is_no_focal_length_is_not_believed(tmp_path: Path, told: str) -> None:
    assert read_tagged_focal(open_clip(film(tmp_path / "odd.mov", {QUICKTIME_KEY: told}))) is None


def test_a_clip_without_it_tells_nothing(tmp_path: Path) -> None:
    assert read_tagged_focal(open_clip(film(tmp_path / "plain.mp4", {}))) is None


def test_exif_of_a_sequence(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 35
    for number in (1, 2):
        Pillow.new("RGB", (96, 72), (90, 80, 70)).save(
            tmp_path / f"take.{number:04d}.jpg", exif=exif
        )
    clip = open_clip(tmp_path / "take.%04d.jpg", fps=24)
    assert read_tagged_focal(clip) == pytest.approx(35 / np.hypot(36, 24) * 120)
