"""Video files opened, and the one picture stream of each that is the clip."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from dynascene_cli.errors import InputError

FORMATS_HINT = "give a video, an image sequence (name.%05d.png or a folder), a GIF or a picture"

LARGEST_FRAME = 2**26
"""Pixels, twice those of 8K; a file that claims more is broken."""

OPENING_OTHERS = frozenset(
    {
        *("concat", "hls", "applehttp", "dash", "imf", "webm_dash_manifest"),
        *("rtp", "rtsp", "sap", "sdp", "lavfi", "avisynth", "vapoursynth", "dvdvideo"),
        *("image2", "image2pipe", "mlv", "vobsub"),
    }
)
"""FFmpeg's formats that name further files or addresses, which would be read unseen."""

_PLAYLISTS = {
    b"ffconcat": "an ffconcat playlist",
    b"#EXTM3U": "an M3U playlist",
    b"[playlist]": "a PLS playlist",
    b"v=0": "a session description",
    b"<?xml": "an XML playlist",
    b"<MPD": "a DASH playlist",
}
"""How files that name others begin."""


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """A media file's container.

    Raises:
        InputError: not a video, or cut short before its index.
    """
    try:
        # The protocol is named, since a colon in a file's name would be taken for one.
        container = av.open(f"file:{path}", metadata_errors="ignore", options=_options())
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path) from error
    with container:
        yield container


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a video file and the picture stream that is shown.

    That is the one flagged as default; of several, the largest, then the longest. Cover pictures
    are none.

    Raises:
        InputError: not a video, cut short before its index, without a picture or with pictures
            that cannot be decoded.
    """
    with open_container(path) as container:
        flags = av.stream.Disposition
        covers = flags.attached_pic | flags.timed_thumbnails
        streams = [one for one in container.streams.video if not one.disposition & covers]
        if not streams:
            raise _no_picture_error(path, container)
        decodable = [one for one in streams if one.codec_context is not None]
        if not decodable:
            raise InputError(
                f"{path}: its picture is in a coding that cannot be decoded ({_tag_of(path)})",
                "convert it first, for example to H.264: ffmpeg -i IN -c:v libx264 -crf 12 OUT.mp4",
            )
        stream = max(decodable, key=_rank)
        if stream.width * stream.height > LARGEST_FRAME:
            raise InputError(
                f"{path} claims frames of {stream.width}x{stream.height} pixels",
                f"frames have at most {LARGEST_FRAME // 10**6} million",
            )
        bound_frames(stream.codec_context)
        yield container, stream


@cache
def _options() -> dict[str, str]:
    """What a container is opened with: only files, and no format that opens further ones."""
    return {
        "fflags": "genpts",
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(sorted(av.formats_available - OPENING_OTHERS)),
    }


def bound_frames(decoder: VideoCodecContext) -> None:
    """Let a decoder that is not open yet refuse frames of more than ``LARGEST_FRAME`` pixels.

    The size that a container tells is not the one that is decoded: a coded frame tells its own.
    """
    decoder.options = {**decoder.options, "max_pixels": str(LARGEST_FRAME)}


def _rank(stream: VideoStream) -> tuple[bool, int, int]:
    is_default = bool(stream.disposition & av.stream.Disposition.default)
    return is_default, stream.width * stream.height, max(stream.frames, len(stream.index_entries))


def _no_picture_error(path: Path, container: InputContainer) -> InputError:
    if container.streams.audio:
        return InputError(f"{path} has sound but no picture", FORMATS_HINT)
    if _lacks_index(path):
        return _cut_before_index(path)
    return InputError(f"{path} has no picture", FORMATS_HINT)


def _tag_of(path: Path) -> str:
    """What an MP4 or MOV calls the coding of its first picture track; else that it is unknown."""
    with path.open("rb") as file:
        content = file.read(2**20)
        file.seek(max(path.stat().st_size - 2**20, 0))
        content += file.read()
    entry = content.find(b"stsd")
    tag = content[entry + 16 : entry + 20]
    return tag.decode("ascii") if entry >= 0 and tag.isalnum() else "unknown"


def _unreadable(path: Path) -> InputError:
    if _lacks_index(path):
        return _cut_before_index(path)
    with path.open("rb") as file:
        head = file.read(4096)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for beginning, kind in _PLAYLISTS.items():
        if start.startswith(beginning):
            return InputError(
                f"{path} is {kind}: the files that it names are not read",
                "give one of them, or join them first: ffmpeg -i PLAYLIST -c copy OUT.mkv",
            )
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # Only a character cut by the end of what was read still lets this be text.
        if error.start < len(head) - 3:
            return InputError(f"{path} is not a video that can be read", FORMATS_HINT)
    return InputError(f"{path} is text, not a video", FORMATS_HINT)


def _cut_before_index(path: Path) -> InputError:
    return InputError(
        f"{path} is cut short: its index (moov) is missing, so the last good time is 0.00 s",
        "copy the file again, or repair the recording",
    )


def _lacks_index(path: Path) -> bool:
    """Whether the file is an MP4 or MOV without a whole index."""
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            if position == 0 and header[4:8] != b"ftyp":
                return False
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if header[4:8] == b"moov":
                return position + length > size
            if length < 8:
                return True
            position += length
    return position > 0
