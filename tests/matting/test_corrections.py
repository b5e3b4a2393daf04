import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from dynascene_cli.errors import InputError
from dynascene_cli.matting import CorrectedAlphas, read_corrections
from dynascene_cli.shot import Clip, ColourTags

CLIP = Clip(
    path=Path("clip.mp4"),
    kind="video",
    width=64,
    height=48,
    frame_rate=Fraction(24),
    source_frames=tuple(range(20)),
    source_times=tuple(Fraction(i, 24) for i in range(20)),
    rotation=0,
    colour=ColourTags("bt709", False, "sdr"),
    bit_depth=8,
    codec="h264",
    variable_rate=False,
    has_audio=False,
    start=Fraction(0),
    end=None,
)


@dataclasses.dataclass(frozen=True)
class StillAlphas:
    alpha: np.ndarray
    frame_count: int = 20

    def frames(self, first=0, last=None):
        for _ in range(first, self.frame_count if last is None else last):
            yield self.alpha


@pytest.fixture
def alphas():
    alpha = np.zeros((48, 64), np.uint8)
    alpha[10:40, 20:40] = 255
    return StillAlphas(alpha)


@pytest.fixture
def corrected(tmp_path, alphas):
    fixed = alphas.alpha.copy()
    fixed[20:30, 25:35] = 0
    PillowImage.fromarray(fixed).save(tmp_path / "00010.png")
    return tmp_path


def test_a_correction_fades_over_four_neighbours(alphas, corrected):
    kept = CorrectedAlphas(alphas, read_corrections(corrected, CLIP, 0))
    centre = [int(alpha[25, 30]) for alpha in kept.frames()]
    assert centre[10] == 0
    assert centre[6:15] == [204, 153, 102, 51, 0, 51, 102, 153, 204]
    assert set(centre[:6] + centre[15:]) == {255}


def test_the_blend_does_not_depend_on_where_reading_starts(alphas, corrected):
    kept = CorrectedAlphas(alphas, read_corrections(corrected, CLIP, 0))
    whole = list(kept.frames())
    for first, last in [(0, 9), (9, 12), (12, 20)]:
        for alpha, expected in zip(kept.frames(first, last), whole[first:last], strict=True):
            np.testing.assert_array_equal(alpha, expected)


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("00020.png", (64, 48), "names frame 20"),
        ("last.png", (64, 48), "has no frame number"),
        ("00003.png", (48, 64), "is 48×64"),
        ("notes.txt", (64, 48), "holds no alphas"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, name, size, told):
    PillowImage.new("L", size).save(tmp_path / name, format="PNG")
    with pytest.raises(InputError, match=told):
        read_corrections(tmp_path, CLIP, 0)


def test_a_frame_named_twice_or_unreadable_is_told(tmp_path):
    (tmp_path / "00003.png").write_text("no picture")
    with pytest.raises(InputError, match="is text, not a picture"):
        read_corrections(tmp_path, CLIP, 0)
    (tmp_path / "b_3.png").write_text("no picture")
    with pytest.raises(InputError, match="same frame"):
        read_corrections(tmp_path, CLIP, 0)
    with pytest.raises(InputError, match="is no folder"):
        read_corrections(tmp_path / "nothing", CLIP, 0)


def test_an_alpha_channel_is_preferred_and_sixteen_bits_are_read(tmp_path):
    alpha = np.full((48, 64), 200, np.uint8)
    PillowImage.fromarray(np.dstack([alpha * 0, alpha * 0, alpha * 0, alpha])).save(
        tmp_path / "1.png"
    )
    PillowImage.fromarray(np.full((48, 64), 200 * 257, np.uint16)).save(tmp_path / "2.png")
    kept = read_corrections(tmp_path, CLIP, 0)
    assert kept[1].min() == kept[1].max() == 200
    assert kept[2].min() == kept[2].max() == 200
