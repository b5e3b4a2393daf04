from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dynascene_cli.errors import StageError
from dynascene_cli.video import (
    GREY_SUFFIX,
    ChunkedFrames,
    chunk_path,
    read_chunk,
    rgb_suffix,
    write_chunk,
)

RATE = Fraction(30000, 1001)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), grey=st.booleans(), width=st.integers(2, 70), height=st.integers(2, 40))
def test_chunks_are_exact(tmp_path, data, grey, width, height):
    shape = (3, height, width) if grey else (3, height, width, 3)
    frames = list(data.draw(arrays(np.uint8, shape)))
    path = chunk_path(tmp_path, 0, GREY_SUFFIX if grey else rgb_suffix(width, height))
    write_chunk(path, frames, RATE)
    read = list(read_chunk(path))
    assert len(read) == 3
    assert all(np.array_equal(image, frame) for image, frame in zip(read, frames, strict=True))


@pytest.mark.parametrize("shape", [(90, 160), (90, 160, 3), (91, 161), (91, 161, 3)])
def test_noise_is_exact_and_bytes_repeat(tmp_path, shape):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, shape, np.uint8) for _ in range(4)]
    suffix = GREY_SUFFIX if len(shape) == 2 else rgb_suffix(shape[1], shape[0])
    paths = [chunk_path(tmp_path, index, suffix) for index in (0, 1)]
    for path in paths:
        write_chunk(path, iter(frames), RATE)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert all(map(np.array_equal, read_chunk(paths[0]), frames))


def test_frames_beyond_full_hd_are_compressed_and_exact(tmp_path):
    frame = np.zeros((1441, 2561, 3), np.uint8)
    frame[:] = np.arange(2561)[:, None] // 16
    frame[::7, ::5] = np.random.default_rng(0).integers(0, 256, (206, 513, 3), np.uint8)
    path = chunk_path(tmp_path, 0, rgb_suffix(2561, 1441))
    write_chunk(path, [frame], RATE)
    assert path.stat().st_size < frame.nbytes / 2
    assert np.array_equal(next(read_chunk(path)), frame)


@pytest.fixture(params=[".mov", ".npy", ".avi"], ids=["grey", "rgb", "large rgb"])
def chunked(request, tmp_path):
    shape = (16, 24) if request.param == ".mov" else (16, 24, 3)
    for index in range(3):
        frames = [np.full(shape, 10 * index + offset, np.uint8) for offset in range(10)]
        path = chunk_path(tmp_path, index, request.param)
        write_chunk(path, frames[: 10 if index < 2 else 5], RATE)
    return ChunkedFrames(tmp_path, 25, request.param, chunk_length=10)


@pytest.mark.parametrize(
    ("first", "last"), [(0, None), (7, None), (9, 11), (10, 20), (24, None), (3, 3), (0, 99)]
)
def test_frames_from_the_middle(chunked, first, last):
    values = [int(image[0, 0].flat[0]) for image in chunked.frames(first, last)]
    assert values == list(range(25))[first:last]


def test_damaged_missing_or_short_chunk(chunked):
    path = chunk_path(chunked.folder, 1, chunked.suffix)
    data = path.read_bytes()
    shape = (16, 24) if chunked.suffix == ".mov" else (16, 24, 3)
    write_chunk(path, [np.zeros(shape, np.uint8)], RATE)
    with pytest.raises(StageError, match="is short"):
        list(chunked.frames())
    path.write_bytes(data[:100])
    with pytest.raises(StageError, match=r"cannot be read|is short"):
        list(chunked.frames())
    path.unlink()
    with pytest.raises(StageError, match=r"cannot be read"):
        list(chunked.frames())
