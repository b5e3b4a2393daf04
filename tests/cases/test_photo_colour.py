"""The colours that a photo's file names: littleCMS and the PNG specification are the oracle."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from dynascene_cli.errors import InputError
from dynascene_cli.video import read_photo
from dynascene_cli.video.photo_colour import to_srgb_matrix

RIGHT = np.array([[200, 30, 60], [40, 120, 200], [230, 210, 90], [60, 140, 70]], np.uint8)
P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def quarters(colours):
    """A picture whose quarters have four colours (4, 3)."""
    return np.kron(np.asarray(colours).reshape(2, 2, 3), np.ones((24, 32, 1), np.uint8))


def light(values):
    """sRGB 0..255 to linear light 0..1."""
    v = np.asarray(values, float) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def stored(primaries, encode):
    """The four colours as they are stored in another space, uint8."""
    other = np.clip(light(RIGHT) @ np.linalg.inv(to_srgb_matrix(primaries)).T, 0, 1)
    return np.uint8(np.round(encode(other) * 255))


def srgb_curve(x):
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def with_chunks(path, colours, *chunks):
    """A PNG with chunks of these names and contents before its data."""
    Pillow.fromarray(quarters(colours)).save(path)
    return insert_chunks(path, *chunks)


def insert_chunks(path, *chunks):
    content = path.read_bytes()
    extra = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(content[:33] + extra + content[33:])
    return path


def gama(exponent):
    return b"gAMA", struct.pack(">I", round(exponent * 100_000))


def chrm(primaries):
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in primaries))


def cicp(*codes):
    return b"cICP", bytes(codes)


def off(path):
    """How far the quarters are from the right colours at most, in levels."""
    pixels = read_photo(path).pixels
    found = pixels[[10, 10, -10, -10], [10, -10, 10, -10]].astype(int)
    return int(np.abs(found - RIGHT).max())


SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


@pytest.mark.parametrize(
    ("colours", "chunks"),
    [
        (stored(SRGB_PRIMARIES, lambda x: x), [gama(1.0)]),
        (stored(SRGB_PRIMARIES, lambda x: x ** (1 / 1.8)), [gama(1 / 1.8)]),
        (stored(ADOBE, lambda x: x ** (1 / 2.2)), [gama(1 / 2.2), chrm(ADOBE)]),
        (stored(P3, srgb_curve), [cicp(12, 13, 0, 1)]),
        (stored(P3, lambda x: x), [cicp(12, 8, 0, 1)]),
        # An earlier one of cICP, sRGB and gAMA is right, whatever a later one says.
        (stored(P3, srgb_curve), [gama(1.0), cicp(12, 13, 0, 1)]),
        (RIGHT, [gama(1.0), (b"sRGB", b"\0")]),
        (RIGHT, [gama(0.45455)]),
        (RIGHT, []),
    ],
)
def test_png_colour_chunks(tmp_path, colours, chunks):
    # Linear light in 8 bits is coarse in the dark.
    assert off(with_chunks(tmp_path / "a.png", colours, *chunks)) <= 4


@pytest.mark.parametrize("chunk", [gama(1.0), cicp(1, 8, 0, 1)])
def test_linear_light_in_sixteen_bits_keeps_its_shadows(tmp_path, chunk):
    dark = quarters([[12, 8, 20], [3, 5, 2], [30, 1, 16], [60, 140, 70]])
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.round(light(dark) * 65535).astype(np.uint16)[..., ::-1])
    pixels = read_photo(insert_chunks(path, chunk)).pixels
    assert np.abs(pixels.astype(int) - dark).max() <= 1


def test_adobe_rgb_that_exif_alone_tells(tmp_path):
    colours = stored(ADOBE, lambda x: x ** (256 / 563))
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Pillow.fromarray(quarters(colours)).save(
        tmp_path / "a.jpg", quality=98, subsampling=0, exif=exif
    )
    assert off(tmp_path / "a.jpg") <= 4


def test_an_icc_profile_as_littlecms_has_it(tmp_path):
    """Lab is a space that nothing but a profile's own maths gets right."""
    image = Pillow.fromarray(quarters(RIGHT))
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    in_lab = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    in_lab.save(tmp_path / "a.tif", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    assert off(tmp_path / "a.tif") <= 4


def test_float_tiff_says_how_it_was_taken(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), quarters(RIGHT)[..., ::-1].astype(np.float32) / 255)
    assert off(tmp_path / "a.tif") <= 1
    assert "float" in read_photo(tmp_path / "a.tif").warnings[0]
    cv2.imwrite(str(tmp_path / "b.tif"), np.full((48, 64, 3), 4.0, np.float32))
    assert "HDR" in read_photo(tmp_path / "b.tif").warnings[0]


@pytest.mark.parametrize("compression", [1, 8])
def test_sixteen_bit_planar_tiff(tmp_path, compression):
    planes = np.moveaxis(quarters(RIGHT).astype("<u2") * 257, 2, 0)
    strips = [plane.tobytes() for plane in planes]
    strips = [zlib.compress(strip) for strip in strips] if compression == 8 else strips
    (tmp_path / "a.tif").write_bytes(planar_tiff(64, 48, strips, compression))
    assert off(tmp_path / "a.tif") <= 1


def planar_tiff(width, height, strips, compression):
    """A little-endian TIFF of three 16-bit planes, a strip each."""
    entries = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 200), (259, 3, 1, compression)),
        *((262, 3, 1, 2), (273, 4, 3, 206), (277, 3, 1, 3), (278, 3, 1, height)),
        *((279, 4, 3, 218), (284, 3, 1, 2)),
    ]
    begins, at = [], 230
    for strip in strips:
        begins.append(at)
        at += len(strip)
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    head = head.ljust(200, b"\0") + struct.pack("<3H", 16, 16, 16)
    lengths = [len(strip) for strip in strips]
    return head + struct.pack("<3I3I", *begins, *lengths) + b"".join(strips)


def test_hdr_is_warned_of(tmp_path):
    path = with_chunks(tmp_path / "a.png", RIGHT, cicp(9, 16, 0, 1))
    assert "HDR (PQ)" in read_photo(path).warnings[0]


@pytest.mark.parametrize("value", [float("nan"), 0, -28, (28, 0)])
def test_focal_lengths_that_are_none(tmp_path, value):
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    Pillow.fromarray(quarters(RIGHT)).save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").focal_35mm == 28
    from dynascene_cli.video.images import focal_35mm

    exif.get_ifd(0x8769)[0xA405] = value if not isinstance(value, tuple) else TiffFraction(*value)
    assert focal_35mm(exif) is None


class TiffFraction:
    """As Pillow's: a quotient that may have no value."""

    def __init__(self, top, bottom):
        self.top, self.bottom = top, bottom

    def __float__(self):
        return self.top / self.bottom


def test_heads_that_claim_too_much(tmp_path):
    path = with_chunks(tmp_path / "a.png", RIGHT)
    content = path.read_bytes()
    head = b"IHDR" + struct.pack(">II", 60_000, 60_000) + content[24:29]
    path.write_bytes(content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:])
    with pytest.raises(InputError, match="claims 60000x60000 pixels"):
        read_photo(path)
