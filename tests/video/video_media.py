"""Small real media files for the tests of video/."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from dynascene_cli.video import open_sink

WIDTH, HEIGHT = 96, 64
RATE = Fraction(24000, 1001)


def numbered_frame(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A frame whose number can be read back from its 8 black or white columns."""
    bits = [(index >> place) & 1 for place in range(8)]
    columns = np.repeat(np.array(bits, np.uint8) * 255, width // 8)
    image = np.zeros((height, width), np.uint8)
    image[:, : len(columns)] = columns
    return np.repeat(image[..., None], 3, axis=2)


def frame_number(image: np.ndarray) -> int:
    """The index that ``numbered_frame`` drew."""
    row = image[image.shape[0] // 2, :, 1]
    step = image.shape[1] // 8
    return sum(int(row[step * place + step // 2] > 127) << place for place in range(8))


def write_video(
    path: Path,
    images: Iterable[np.ndarray],
    *,
    rate: Fraction | int = 24,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    matrix: int = 1,
    tagged: bool = True,
    full_range: bool = False,
    transfer: int = 1,
    primaries: int = 1,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: np.ndarray | None = None,
    sound_start: float = 0.0,
    sound_codec: str = "aac",
) -> Path:
    """A video of RGB images at ``rate``, or at ``times`` in seconds, in the given coding."""
    images = list(images)
    tick = 1 / Fraction(rate) if times is None else Fraction(1, 90000)
    span = 2 if full_range else 1
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = tick
        stream.time_base = tick
        if rotation:
            stream.set_display_rotation(rotation)
        if tagged:
            stream.codec_context.colorspace = matrix
            stream.codec_context.color_range = span
            stream.codec_context.color_trc = transfer
            stream.codec_context.color_primaries = primaries
        audio = None
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=48000, layout="mono")
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format=pixel_format, dst_colorspace=matrix, dst_color_range=span
            )
            if not tagged:
                frame.colorspace, frame.color_range = 2, 0
            frame.time_base = tick
            frame.pts = index if times is None else round(times[index] / tick)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            block = av.AudioFrame.from_ndarray(
                sound[None].astype(np.float32), format="fltp", layout="mono"
            )
            block.sample_rate = 48000
            block.time_base = Fraction(1, 48000)
            block.pts = round(sound_start * 48000)
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def beeps(seconds: float, at: Sequence[float]) -> np.ndarray:
    """Silence at 48 kHz with a 20 ms burst of 1 kHz at each time."""
    sound = np.zeros(round(seconds * 48000))
    burst = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(960) / 48000)
    for time in at:
        start = round(time * 48000)
        sound[start : start + 960] = burst[: len(sound) - start]
    return sound


def beep_times(path: Path) -> list[float]:
    """When bursts begin in a file's sound, seconds on the file's own clock."""
    blocks = []
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                blocks.append((part.pts * part.time_base * rate, part.to_ndarray()[0]))
    times, quiet_since = [], -1.0
    for start, block in blocks:
        for offset in np.flatnonzero(np.abs(block) > 0.2):
            time = float(start + int(offset)) / rate
            if time - quiet_since > 0.03:
                times.append(time)
            quiet_since = time
    return times


def first_picture_time(path: Path) -> float:
    """When the first frame is shown, seconds on the file's own clock."""
    with av.open(str(path)) as container:
        return float(next(container.decode(video=0)).time)


def colour_chart(patch: int = 32) -> np.ndarray:
    """32 flat patches: a ColorChecker's 24 and the corners of the RGB cube, RGB uint8."""
    checker = (
        "735244 c29682 627a9d 576c43 8580b1 67bdaa d67e2c 505ba6 c15a63 5e3c6c 9dbc40 e0a32e "
        "383d96 469449 af363c e7c71f bb5695 0885a1 f3f3f2 c8c8c8 a0a0a0 7a7a79 555555 343434 "
        "000000 ffffff ff0000 00ff00 0000ff ffff00 00ffff ff00ff"
    )
    colours = np.array([list(bytes.fromhex(colour)) for colour in checker.split()], np.uint8)
    return colours.reshape(4, 8, 3).repeat(patch, 0).repeat(patch, 1)


def patch_error(image: np.ndarray, chart: np.ndarray, patch: int = 32) -> int:
    """The largest difference between the middles of two charts' patches, in levels."""
    middle = slice(patch // 2, None, patch)
    return int(np.abs(image.astype(int) - chart)[middle, middle].max())


def written(path, images, *, alpha=False, audio_from=None, rate=RATE):
    height, width = images[0].shape[:2]
    with open_sink(
        path, width=width, height=height, frame_rate=rate, alpha=alpha, audio_from=audio_from
    ) as sink:
        for image in images:
            sink.write(image)
    return path
