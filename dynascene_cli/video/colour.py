"""Colour between coded frames and bt709 display RGB.

Matrices and ranges follow ITU-R BT.601, BT.709, BT.2020 and H.273. A bt2020 or HDR picture keeps
its primaries and transfer: only its matrix is undone, and the clip carries a warning.
"""

from functools import cache
from typing import Literal, cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from dynascene_cli.shot import ColourTags, DeepImage, Image

LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Weights of red and blue in the luma of each matrix."""

BT709 = 1
LIMITED, FULL = 1, 2
HD_LINES = 720

_MATRIX_OF_TAG: dict[int, Literal["bt601", "bt709", "bt2020"]] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    9: "bt2020",
    10: "bt2020",
}
_SWSCALE_MATRIX = {"bt601": 5, "bt709": BT709, "bt2020": 9, "rgb": BT709}
_BT2020_PRIMARIES, _PQ, _HLG = 9, 16, 18
_PRECISE = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
FAST_FORMATS = ("yuv420p", "yuvj420p")
"""What is converted here and not by swscale, and can be converted in part."""


def colour_tags(frame: av.VideoFrame) -> ColourTags:
    """A frame's tags; an untagged picture of fewer than 720 lines is taken as bt601, else bt709."""
    transfer: Literal["sdr", "pq", "hlg"] = "sdr"
    if frame.color_trc in (_PQ, _HLG):
        transfer = "pq" if frame.color_trc == _PQ else "hlg"
    if frame.format.is_rgb or frame.format.name == "pal8":
        return ColourTags("rgb", True, transfer)
    matrix = _MATRIX_OF_TAG.get(frame.colorspace)
    if matrix is None:
        if frame.color_primaries == _BT2020_PRIMARIES:
            matrix = "bt2020"
        else:
            matrix = "bt601" if min(frame.width, frame.height) < HD_LINES else "bt709"
    full = frame.color_range == FULL
    if frame.color_range not in (LIMITED, FULL):
        full = frame.format.name.startswith(("yuvj", "gray"))
    return ColourTags(matrix, full, transfer)


def colour_warnings(frame: av.VideoFrame, tags: ColourTags) -> list[str]:
    """What of a frame's colour this program cannot keep."""
    if tags.transfer != "sdr":
        curve = {"pq": "PQ (HDR10)", "hlg": "HLG"}[tags.transfer]
        return [f"the clip is HDR ({curve}): it is read as if SDR, so colours will look flat"]
    if tags.matrix == "bt2020" or frame.color_primaries == _BT2020_PRIMARIES:
        return ["the clip has wide-gamut bt2020 colour: it is read as bt709 and looks duller"]
    return []


def rgb_image(frame: av.VideoFrame, tags: ColourTags) -> Image:
    """RGB uint8 (H, W, 3) of a decoded frame."""
    if frame.format.name in FAST_FORMATS:
        y, u, v = map(plane_array, frame.planes)
        return _rgb_of_planes(y, u, v, tags)
    plane = _rgb_plane(frame, tags, "rgb24")
    return np.ascontiguousarray(plane_array(plane, channels=3))


def deep_rgb_image(frame: av.VideoFrame, tags: ColourTags) -> NDArray[np.uint16]:
    """RGB uint16 (H, W, 3) of a decoded frame: 257 times ``rgb_image``, with all of its bits."""
    plane = _rgb_plane(frame, tags, "rgb48le")
    rows = np.frombuffer(memoryview(plane), "<u2").reshape(-1, plane.line_size // 2)
    whole = rows[: plane.height, : plane.width * 3].reshape(plane.height, plane.width, 3)
    if tags.matrix == "rgb":
        return np.ascontiguousarray(whole)
    # swscale makes 256 times the 8-bit value of YUV, and 257 times that of RGB.
    return np.minimum(np.round(whole * np.float32(257 / 256)), 65535).astype(np.uint16)


def _rgb_plane(
    frame: av.VideoFrame, tags: ColourTags, pixel_format: str
) -> av.video.plane.VideoPlane:
    """A decoded frame converted by swscale, with care."""
    converted = frame.reformat(
        format=pixel_format,
        src_colorspace=_SWSCALE_MATRIX[tags.matrix],
        src_color_range=FULL if tags.full_range else LIMITED,
        dst_color_range=FULL,
        interpolation=_PRECISE,
        threads=1,
    )
    return converted.planes[0]


def rgb_window(
    frame: av.VideoFrame, tags: ColourTags, rows: tuple[int, int], columns: tuple[int, int]
) -> Image:
    """A window of ``rgb_image``, first ≤ i < last of rows and columns, at the window's cost.

    Only of a frame in one of ``FAST_FORMATS``.
    """
    y, u, v = map(plane_array, frame.planes)
    (top, bottom), (left, right) = (
        # Chroma of one more pixel either way, since it is interpolated.
        (max(first // 2 - 1, 0), min((last + 1) // 2 + 1, count))
        for (first, last), count in zip((rows, columns), u.shape, strict=True)
    )
    chroma = np.s_[top:bottom, left:right]
    around = _rgb_of_planes(
        y[2 * top : 2 * bottom, 2 * left : 2 * right], u[chroma], v[chroma], tags
    )
    inner = np.s_[
        rows[0] - 2 * top : rows[1] - 2 * top, columns[0] - 2 * left : columns[1] - 2 * left
    ]
    return np.ascontiguousarray(around[inner])


def _rgb_of_planes(y: Image, u: Image, v: Image, tags: ColourTags) -> Image:
    """RGB from planes of which the chroma ones are half as large, rounded up.

    OpenCV's linear resize and 3 × 4 transform are as precise as swscale's careful path at half its
    cost; swscale's quick path is wrong by up to three levels.
    """
    size = (u.shape[1] * 2, u.shape[0] * 2)
    wide = [
        cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)[: y.shape[0], : y.shape[1]]
        for chroma in (u, v)
    ]
    yuv = cv2.merge([y, *wide])
    return np.asarray(cv2.transform(yuv, _rgb_of_yuv(tags.matrix, tags.full_range)), np.uint8)


def plane_array(plane: av.video.plane.VideoPlane, channels: int = 1) -> Image:
    """A view of one 8-bit plane, (H, W) or (H, W, channels), without the rows' padding."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
    if channels == 1:
        return rows[:, : plane.width]
    return rows[:, : plane.width * channels].reshape(plane.height, plane.width, channels)


def encode_frame(image: DeepImage, pixel_format: str) -> av.VideoFrame:
    """A frame of bt709 limited-range YUV, tagged, from RGB or RGBA, uint8 or uint16."""
    deep = image.dtype == np.uint16
    if pixel_format == "yuv420p" and image.shape[2] == 3 and not deep:
        frame = _subsample_frame(cast(Image, image))
    else:
        if deep:
            # swscale takes white for 256 times 255 where it makes YUV, but 65535 in alpha.
            image = image.copy()
            image[..., :3] = np.round(image[..., :3] * np.float32(256 / 257))
        with_alpha, without = ("rgba64le", "rgb48le") if deep else ("rgba", "rgb24")
        source = av.VideoFrame.from_ndarray(
            image, format=with_alpha if image.shape[2] == 4 else without
        )
        frame = source.reformat(
            format=pixel_format,
            src_color_range=FULL,
            dst_colorspace=BT709,
            dst_color_range=LIMITED,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
            threads=1,
        )
    frame.colorspace = BT709
    frame.color_range = LIMITED
    frame.color_primaries = BT709
    frame.color_trc = BT709
    return frame


def _subsample_frame(image: Image) -> av.VideoFrame:
    """A yuv420p frame from RGB with even sides, chroma averaged over 2 × 2 pixels."""
    # Here, because loading numba's kernels takes a while that a reader need not wait.
    from dynascene_cli.video.subsampling import subsample

    frame = av.VideoFrame(image.shape[1], image.shape[0], "yuv420p")
    subsample(image, _yuv_of_rgb("bt709", False), *map(plane_array, frame.planes))
    return frame


@cache
def _yuv_of_rgb(matrix: str, full_range: bool) -> NDArray[np.float32]:
    """The affine map (3, 4) from RGB 0..255 to 8-bit Y, Cb, Cr."""
    red, blue = LUMA[matrix]
    green = 1 - red - blue
    luma = np.array([red, green, blue])
    yuv_of_rgb = np.stack(
        [luma, ([0, 0, 1] - luma) / (2 * (1 - blue)), ([1, 0, 0] - luma) / (2 * (1 - red))]
    )
    offset = np.array([0.0, 128.0, 128.0])
    if not full_range:
        yuv_of_rgb *= np.array([[219.0], [224.0], [224.0]]) / 255
        offset[0] = 16
    return np.hstack([yuv_of_rgb, offset[:, None]]).astype(np.float32)


@cache
def _rgb_of_yuv(matrix: str, full_range: bool) -> NDArray[np.float32]:
    """The affine map (3, 4) from 8-bit Y, Cb, Cr to RGB 0..255."""
    inverse = np.vstack([_yuv_of_rgb(matrix, full_range), [0, 0, 0, 1]]).astype(float)
    return np.asarray(np.linalg.inv(inverse)[:3], np.float32)
