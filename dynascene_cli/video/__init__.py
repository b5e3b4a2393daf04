"""Frames in and out (PyAV), colour, alpha and sound."""

from dynascene_cli.video.chunks import (
    CHUNK_LENGTH,
    GREY_SUFFIX,
    ChunkedFrames,
    chunk_path,
    chunk_sink,
    read_chunk,
    rgb_suffix,
    write_chunk,
)
from dynascene_cli.video.deep_pictures import eight_bits, read_deep_picture, sixteen_bits
from dynascene_cli.video.depth_maps import read_depth
from dynascene_cli.video.images import (
    CoverWindow,
    Photo,
    check_photo,
    check_picture,
    cover_deep_with_room,
    cover_window,
    cover_with_room,
    encode_image,
    picture_bits,
    read_photo,
    read_picture,
    resize_to_cover,
    room_around,
    write_image,
)
from dynascene_cli.video.lens import read_tagged_focal
from dynascene_cli.video.mattes import AlphaFrames, alpha_frames, matte_picture
from dynascene_cli.video.openexr import ExrCompression
from dynascene_cli.video.opening import open_clip
from dynascene_cli.video.outputs import check_spared, check_writable
from dynascene_cli.video.prefetch import LARGE_FRAME, prefetch
from dynascene_cli.video.reading import (
    DecodedFrame,
    decode_frames,
    deepen_frame,
    read_alpha,
    read_frames,
    read_frames_at,
)
from dynascene_cli.video.sequences import pattern_parts
from dynascene_cli.video.sound_tracks import sound_warnings
from dynascene_cli.video.timecode import timecode_frames
from dynascene_cli.video.writing import (
    Sink,
    check_output,
    is_deep,
    is_sequence,
    open_film,
    open_sink,
)

__all__ = [
    "CHUNK_LENGTH",
    "GREY_SUFFIX",
    "LARGE_FRAME",
    "AlphaFrames",
    "ChunkedFrames",
    "CoverWindow",
    "DecodedFrame",
    "ExrCompression",
    "Photo",
    "Sink",
    "alpha_frames",
    "check_output",
    "check_photo",
    "check_picture",
    "check_spared",
    "check_writable",
    "chunk_path",
    "chunk_sink",
    "cover_deep_with_room",
    "cover_window",
    "cover_with_room",
    "decode_frames",
    "deepen_frame",
    "eight_bits",
    "encode_image",
    "is_deep",
    "is_sequence",
    "matte_picture",
    "open_clip",
    "open_film",
    "open_sink",
    "pattern_parts",
    "picture_bits",
    "prefetch",
    "read_alpha",
    "read_chunk",
    "read_deep_picture",
    "read_depth",
    "read_frames",
    "read_frames_at",
    "read_photo",
    "read_picture",
    "read_tagged_focal",
    "resize_to_cover",
    "rgb_suffix",
    "room_around",
    "sixteen_bits",
    "sound_warnings",
    "timecode_frames",
    "write_chunk",
    "write_image",
]
