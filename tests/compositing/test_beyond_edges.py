"""What an edge of the clip cuts off for a moment is carried on beyond it."""

import cv2
import numpy as np
import pytest

from dynascene_cli.compositing import complete_beyond_edges

WIDTH, HEIGHT, MARGIN = 320, 240, 72
RADIUS, FRAMES = 40, 12


def filmed_disc(turns, centre):
    """A textured disc before a textured wall, on the wide canvas, and its alpha."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 24, 32, 3)).astype(np.uint8)
    size = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN
    wall, skin = (cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in noise)
    moved = np.float32([[1, 0, centre[0]], [0, 1, centre[1]]])
    skin = cv2.warpAffine(skin, moved, size, borderMode=cv2.BORDER_REFLECT)
    alpha = np.zeros(size[::-1], np.uint8)
    cv2.circle(alpha, (MARGIN + centre[0], MARGIN + centre[1]), RADIUS, 255, -1, cv2.LINE_AA)
    share = alpha[..., None] / 255
    frame = np.round(wall // 4 * (1 - share) + skin * share).astype(np.uint8)
    return np.rot90(frame, turns).copy(), np.rot90(alpha, turns).copy()


def leaving_clip(turns):
    """The wide truth of a disc that leaves by an edge, and how the clip shows it."""
    rows = np.round(np.linspace(60, 4, FRAMES)).astype(int)
    truth = [filmed_disc(turns, (160 + 2 * i, int(row))) for i, row in enumerate(rows)]
    inner = slice(MARGIN, -MARGIN)
    seen = [(frame[inner, inner].copy(), alpha[inner, inner].copy()) for frame, alpha in truth]
    cut = np.zeros((FRAMES, 4), bool)
    cut[rows - RADIUS < 0, (1, 0, 3, 2)[turns]] = True
    return truth, seen, cut


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_leaves_the_clip_goes_on_beyond_its_edge(turns, backwards):
    truth, seen, cut = leaving_clip(turns)
    if backwards:
        truth, seen, cut = truth[::-1], seen[::-1], cut[::-1]
    for made, (frame, alpha), is_cut in zip(
        complete_beyond_edges(seen, cut), truth, cut.any(axis=1), strict=True
    ):
        assert (made.margin > 0) == is_cut
        if is_cut:
            assert overlap(made.alpha > 127, alpha > 127) > 0.93
            solid = (made.alpha > 250) & (alpha > 250)
            apart = np.abs(made.frame.astype(int) - frame)[solid]
            assert apart.mean() < 12


def test_frames_that_nothing_cuts_stay_as_they_are():
    _, seen, cut = leaving_clip(0)
    for made, (frame, alpha) in zip(complete_beyond_edges(seen, cut & False), seen, strict=True):
        assert made.frame is frame
        assert made.alpha is alpha


def test_nothing_is_carried_on_where_no_frame_is_whole():
    _, seen, cut = leaving_clip(0)
    made = list(complete_beyond_edges(seen, np.ones_like(cut)))
    assert [each.margin for each in made] == [0] * FRAMES


def test_the_clip_keeps_its_place_in_the_picture():
    _, seen, cut = leaving_clip(0)
    made = list(complete_beyond_edges(seen, cut))[-1]
    clip_to_frame = np.array([[0.5, 0.0, 30.0], [0.0, 0.5, 20.0]])
    at = made.similarity(clip_to_frame) @ [made.margin + 10, made.margin + 20, 1]
    assert at == pytest.approx(clip_to_frame @ [10, 20, 1])


def test_a_deep_frame_keeps_its_own_bits_inside_the_clip():
    _, seen, cut = leaving_clip(0)
    made = list(complete_beyond_edges(seen, cut))[-1]
    deep = seen[-1][0].astype(np.uint16) * 257 + 3
    wide = made.deepened(deep)
    inner = slice(made.margin, -made.margin)
    assert (wide[inner, inner] == deep).all()
    assert (wide[: made.margin] == made.frame[: made.margin].astype(np.uint16) * 257).all()
