"""Files that claim what they do not hold: refused before memory or time is spent."""

import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip, read_depth
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
        ("a.exr", b"\x76\x2f\x31\x01" + b"channels\0chlist\0" + bytes(4)),
        ("a.exr", b"\x76\x2f\x31\x01" + b"dataWindow\0box2i\0"),
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


def png_of_zeros(path, width, height):
    """A grey PNG of 16 bits that holds all it claims: nothing but zeros, in a thousandth."""

    def chunk(name, content):
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 2 * width)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


READ_DEPTH = """
import re, sys, time
from pathlib import Path
from dynascene_cli.errors import InputError
from dynascene_cli.video import read_depth
begun = time.process_time()
try:
    read_depth(Path(sys.argv[1]))
except InputError as error:
    assert "claims" in error.message, error
    # getrusage would tell the memory of the process that began this one, too.
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
    print(time.process_time() - begun, int(peak) / 1024)
"""


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.exr", "a.png"])
def test_a_depth_map_that_asks_for_all_memory(tmp_path, name):
    """What is as large as it claims, or claims so: refused within two seconds and a gigabyte."""
    path, side = tmp_path / name, 10_000
    if name == "a.npy":
        # The file is as long as its head claims, and all holes.
        with path.open("wb") as file:
            file.write(header((side, side)))
            file.truncate(file.tell() + 4 * side * side)
    elif name == "a.npz":
        zipped(path, header((side, side)) + bytes(1000))
    elif name == "a.exr":
        content = exr_bytes(np.zeros((32, 32), np.uint8))
        for window in (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0"):
            at = content.index(window) + len(window) + 4
            content = content[:at] + struct.pack("<4i", 0, 0, side, side) + content[at + 16 :]
        path.write_bytes(content)
    else:
        png_of_zeros(path, side, side)
    run = subprocess.run([sys.executable, "-c", READ_DEPTH, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    seconds, mebibytes = map(float, run.stdout.split())
    assert (seconds < 2, mebibytes < 1024) == (True, True)


def test_an_animation_that_claims_a_huge_canvas(tmp_path):
    path = tmp_path / "a.webp"
    frames = [Pillow.new("RGB", (64, 64), (shade, 0, 0)) for shade in (0, 120)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    content = bytearray(path.read_bytes())
    assert content[12:16] == b"VP8X"
    content[24:30] = (8255).to_bytes(3, "little") + (4159).to_bytes(3, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="claims 8256x4160 pixels"):
        open_clip(path)


def test_an_exr_that_ends_anywhere(tmp_path):
    content = exr_bytes(np.zeros((8, 8), np.uint8))
    path = tmp_path / "a.exr"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.exr"):
            read_depth(path)


def test_an_exr_of_a_large_window(tmp_path):
    content = bytearray(exr_bytes(np.zeros((32, 32), np.uint8)))
    at = content.index(b"dataWindow\0box2i\0") + 17 + 4
    content[at : at + 16] = struct.pack("<4i", 0, 0, 99_999, 99_999)
    (tmp_path / "a.exr").write_bytes(content)
    with pytest.raises(InputError, match="claims 100000x100000 pixels"):
        read_depth(tmp_path / "a.exr")
