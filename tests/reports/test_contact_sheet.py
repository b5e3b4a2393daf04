import numpy as np
import pytest

from dynascene_cli.errors import InputError
from dynascene_cli.reports.contact_sheet import GAP, PAPER, checkerboard_sheet, contact_sheet


def frame(value, height=90, width=160):
    return np.full((height, width, 3), value, np.uint8)


def test_frames_stand_in_rows_with_their_labels_under_them():
    sheet = contact_sheet([frame(v) for v in (40, 90, 200)], ["a", "b", "c"], 2, 160)
    assert sheet.shape[1] == GAP + 2 * (160 + GAP)
    assert sheet[GAP + 45, GAP + 80].tolist() == [40] * 3
    assert sheet[GAP + 45, 2 * GAP + 240].tolist() == [90] * 3
    under = sheet[GAP + 90 : GAP + 90 + 20, GAP : GAP + 60]
    assert (under > 150).any()
    assert sheet[-3, -3].tolist() == list(PAPER)


def test_portrait_and_landscape_frames_share_a_sheet():
    sheet = contact_sheet([frame(50), frame(60, 160, 90)], ["wide", "tall"], 4, 90)
    assert sheet.shape[0] > 160


def test_long_labels_do_not_run_into_their_neighbours():
    sheet = contact_sheet([frame(50), frame(60)], ["w" * 200, ""], 2, 160)
    gap = sheet[GAP + 90 :, GAP + 160 : 2 * GAP + 160]
    assert np.array_equal(gap, np.broadcast_to(PAPER, gap.shape))


def test_the_cut_out_shows_the_person_and_the_board():
    alpha = np.zeros((90, 160), np.uint8)
    alpha[20:70, 60:100] = 255
    sheet = checkerboard_sheet([(frame(250), alpha)], [1.25], columns=1, tile_width=160)
    assert sheet[GAP + 45, GAP + 80].tolist() == [250] * 3
    corner = sheet[GAP : GAP + 90, GAP : GAP + 40].reshape(-1, 3)
    assert {tuple(pixel) for pixel in corner.tolist()} == {(153,) * 3, (102,) * 3}


def test_a_sheet_needs_frames_and_as_many_labels():
    with pytest.raises(InputError, match="a contact sheet of no frames"):
        contact_sheet([], [])
    with pytest.raises(InputError, match="1 labels for 2 frames"):
        contact_sheet([frame(1), frame(2)], ["a"])
