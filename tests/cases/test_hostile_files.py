"""Files that claim what they do not hold: refused before memory or time is spent."""

import struct
import zipfile

import numpy as np
import pytest

from dynascene_cli.errors import InputError
from dynascene_cli.video import read_depth
from dynascene_cli.video.openexr import exr_bytes


def header(shape, kind="<f4"):
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    text = text.ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(path, content, name="depth.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", b""),
        ("a.npy", header((60_000, 60_000))),
        ("a.npy", header((-1, 5)) + bytes(40)),
        ("a.npy", header((2, 2), "|O") + bytes(40)),
        ("a.npz", b""),
        ("a.npz", b"PK\x03\x04 and no more"),
        ("a.exr", b""),
        ("a.exr", b"\x76\x2f\x31\x01" + bytes(500)),
        ("a.tif", b"II*\0" + bytes(20)),
        ("a.png", b"%!PS-Adobe-3.0\n"),
    ],
)
def test_what_is_no_depth_map(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_depth(tmp_path / name)


def test_archives_of_what_is_too_large_or_none(tmp_path):
    zipped(tmp_path / "a.npz", header((60_000, 60_000)) + bytes(1000))
    with pytest.raises(InputError, match="claims an array"):
        read_depth(tmp_path / "a.npz")
    zipped(tmp_path / "b.npz", b"text", "readme.txt")
    with pytest.raises(InputError, match="holds no array"):
        read_depth(tmp_path / "b.npz")


def test_an_exr_of_a_large_window(tmp_path):
    content = bytearray(exr_bytes(np.zeros((32, 32), np.uint8)))
    at = content.index(b"dataWindow\0box2i\0") + 17 + 4
    content[at : at + 16] = struct.pack("<4i", 0, 0, 99_999, 99_999)
    (tmp_path / "a.exr").write_bytes(content)
    with pytest.raises(InputError, match="claims 100000x100000 pixels"):
        read_depth(tmp_path / "a.exr")
