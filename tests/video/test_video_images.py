import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from dynascene_cli.errors import InputError
from dynascene_cli.video import cover_window, read_depth, read_photo, resize_to_cover, write_image

RED = (200, 30, 60)


def flat(colour=RED, size=(40, 60)):
    return np.full((*size, 3), colour, np.uint8)


def close(image, colour, tolerance=2):
    return np.abs(image.reshape(-1, 3).astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_usual_files(tmp_path, suffix):
    path = tmp_path / f"a b ж{suffix}"
    Pillow.fromarray(flat()).save(path, quality=95)
    photo = read_photo(path)
    assert photo.pixels.shape == (40, 60, 3)
    assert photo.pixels.dtype == np.uint8
    assert close(photo.pixels, RED, 3)
    assert photo.focal_35mm is None
    assert photo.warnings == ()


def test_cmyk(tmp_path):
    Pillow.fromarray(flat()).convert("CMYK").save(tmp_path / "a.jpg", quality=98)
    assert close(read_photo(tmp_path / "a.jpg").pixels, RED, 4)


def test_sixteen_bit_grey_palette_and_alpha(tmp_path):
    ramp = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    Pillow.fromarray(ramp).save(tmp_path / "deep.png")
    eight = read_photo(tmp_path / "deep.png").pixels
    assert np.abs(eight[..., 0] - ramp / 257.0).max() <= 0.51
    assert (eight == eight[..., :1]).all()
    Pillow.fromarray(np.full((40, 60), 77, np.uint8)).save(tmp_path / "grey.png")
    assert close(read_photo(tmp_path / "grey.png").pixels, (77, 77, 77), 0)
    Pillow.fromarray(flat()).quantize(4).save(tmp_path / "palette.png")
    assert close(read_photo(tmp_path / "palette.png").pixels, RED, 1)
    alpha = np.dstack([flat(), np.full((40, 60), 90, np.uint8)])
    Pillow.fromarray(alpha).save(tmp_path / "alpha.png")
    photo = read_photo(tmp_path / "alpha.png")
    assert close(photo.pixels, RED, 0)
    assert "transparency is ignored" in photo.warnings[0]


def test_exif_orientation_and_focal_length(tmp_path):
    image = flat()
    image[:, :10] = 0
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = 28
    Pillow.fromarray(image).save(tmp_path / "a.jpg", exif=exif, quality=98)
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.pixels.shape == (60, 40, 3)
    assert photo.pixels[:6].max() < 12
    assert photo.focal_35mm == 28


def test_embedded_profile_becomes_srgb(tmp_path):
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    Pillow.fromarray(flat()).save(tmp_path / "odd.png", icc_profile=wide.tobytes())
    assert close(read_photo(tmp_path / "odd.png").pixels, RED, 0)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Pillow.fromarray(flat()).save(tmp_path / "srgb.png", icc_profile=srgb.tobytes())
    assert close(read_photo(tmp_path / "srgb.png").pixels, RED, 1)


def test_what_is_no_photo(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_photo(tmp_path / "none.jpg")
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.7\n%\xe2\xe3")
    with pytest.raises(InputError, match="is a PDF, not a picture"):
        read_photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_text("hello")
    with pytest.raises(InputError, match="is text, not a picture"):
        read_photo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").touch()
    with pytest.raises(InputError, match="is an empty file"):
        read_photo(tmp_path / "c.jpg")
    Pillow.new("RGB", (10, 10)).save(tmp_path / "d.png")
    with pytest.raises(InputError, match="too small: 10x10"):
        read_photo(tmp_path / "d.png")
    rng = np.random.default_rng(0)
    Pillow.fromarray(rng.integers(0, 255, (99, 99, 3), np.uint8)).save(tmp_path / "e.png")
    (tmp_path / "e.png").write_bytes((tmp_path / "e.png").read_bytes()[:9000])
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_photo(tmp_path / "e.png")


sides = st.integers(32, 400)
shares = st.floats(0, 1)


@given(width=sides, height=sides, frame=st.tuples(sides, sides), centre=st.tuples(shares, shares))
def test_window_covers_the_frame(width, height, frame, centre):
    window = cover_window((width, height), frame, centre)
    assert window.left >= 0
    assert window.top >= 0
    assert window.left + frame[0] <= width * window.scale + 1e-6
    assert window.top + frame[1] <= height * window.scale + 1e-6
    fits = [width * window.scale - frame[0], height * window.scale - frame[1]]
    assert min(fits) == pytest.approx(0, abs=1e-6)


def test_cover_agrees_with_its_window():
    y, x = np.mgrid[0:300, 0:400] + 0.5
    image = np.dstack([x / 400 * 255, y / 300 * 255, 0 * x]).astype(np.uint8)
    frame = resize_to_cover(image, 90, 120, (0.8, 0.4))
    window = cover_window((400, 300), (90, 120), (0.8, 0.4))
    column, row = 40, 70
    expected_x = (column + 0.5 + window.left) / window.scale / 400 * 255
    expected_y = (row + 0.5 + window.top) / window.scale / 300 * 255
    assert frame.shape == (120, 90, 3)
    assert abs(int(frame[row, column, 0]) - expected_x) <= 1.5
    assert abs(int(frame[row, column, 1]) - expected_y) <= 1.5


def test_cover_of_the_same_size_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    assert np.array_equal(resize_to_cover(image, 70, 50), image)


def test_depth_files(tmp_path):
    depth = np.linspace(1, 60000, 40 * 50).reshape(40, 50)
    Pillow.fromarray(depth.astype(np.uint16)).save(tmp_path / "d.png")
    Pillow.fromarray(depth.astype(np.float32)).save(tmp_path / "d.tif")
    np.save(tmp_path / "d.npy", depth)
    np.savez(tmp_path / "d.npz", depth=depth)
    for name, tolerance in (("d.png", 1), ("d.tif", 0.01), ("d.npy", 0.01), ("d.npz", 0.01)):
        read = read_depth(tmp_path / name)
        assert read.dtype == np.float32
        assert read.shape == (40, 50)
        assert np.abs(read - depth).max() <= tolerance
    rng = np.random.default_rng(0)
    Pillow.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(tmp_path / "rgb.png")
    with pytest.raises(InputError, match="not a depth map"):
        read_depth(tmp_path / "rgb.png")
    np.save(tmp_path / "nan.npy", np.full((4, 4), np.nan))
    with pytest.raises(InputError, match="no finite depth"):
        read_depth(tmp_path / "nan.npy")
    (tmp_path / "bad.npy").write_text("no")
    with pytest.raises(InputError, match="cannot be read as a depth map"):
        read_depth(tmp_path / "bad.npy")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_are_written_whole(tmp_path, channels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30, channels), np.uint8).squeeze()
    path = tmp_path / "é 日.png"
    write_image(path, image)
    assert np.array_equal(np.asarray(Pillow.open(path)), image)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="is not a supported picture format"):
        write_image(tmp_path / "a.xyz", image)
