"""Every reader of the user's files, and small right files for each to be mutated."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from PIL import Image as Pillow

from dynascene_cli.camera import load_move
from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.dataset.manifest import read_manifest
from dynascene_cli.diffusion.checkpoint_file import read_info
from dynascene_cli.scene.scene_file import read_scene_edits
from dynascene_cli.shot import CameraPath
from dynascene_cli.training.settings import read_settings
from dynascene_cli.video import (
    matte_picture,
    open_clip,
    read_alpha,
    read_depth,
    read_frames,
    read_photo,
    read_tagged_focal,
    write_image,
)
from dynascene_cli.video.audio import samples
from dynascene_cli.video.openexr import exr_bytes
from dynascene_cli.video.sound_tracks import sound_tracks

FRAMES = 8
SIDE = 64


@dataclass(frozen=True)
class Reader:
    """What reads a kind of file, and the right files that mutations begin with.

    ``path`` is the file that is mutated; ``given`` what is read, its folder for some.
    """

    name: str
    path: Path
    read: Callable[[Path], object]
    given: Path


def readers(folder: Path) -> list[Reader]:
    """All readers with their files, which are made in ``folder``."""
    found: list[Reader] = []
    for name, read, paths in (
        ("clip", _read_clip, _clips(folder)),
        ("photo", read_photo, _photos(folder)),
        ("matte", matte_picture, _mattes(folder)),
        ("depth", read_depth, _depths(folder)),
        ("camera", _read_camera, _cameras(folder)),
        ("trajectory", lambda path: load_move(str(path)), [_trajectory(folder)]),
        ("settings", lambda path: read_settings(str(path)), [_settings(folder)]),
        ("manifest", read_manifest, [_manifest(folder)]),
        ("scene file", lambda path: read_scene_edits(path, "0"), [_scene(folder)]),
        ("checkpoint", read_info, [_checkpoint(folder)]),
    ):
        found += [Reader(name, path, read, path) for path in paths]
    for path in _colmap(folder):
        found.append(Reader("camera", path, _read_camera, path.parent))
    return found


def _read_clip(path: Path) -> None:
    clip = open_clip(path, fps=24 if path.suffix in (".h264", ".hevc") else None)
    for _ in islice(read_frames(clip), FRAMES):
        pass
    for _ in islice(read_alpha(clip), FRAMES if clip.has_alpha else 0):
        pass
    read_tagged_focal(clip)
    if clip.has_audio:
        for track in sound_tracks(clip, ".mp4")[0]:
            for _ in islice(samples(clip, track), 2):
                pass


def _read_camera(path: Path) -> object:
    return read_camera(path, size=(96, 64), frame_rate=Fraction(24))


def _pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (FRAMES, 8, 8, 3), np.uint8)
    return [np.kron(one, np.ones((SIDE // 8, SIDE // 8, 1), np.uint8)) for one in coarse]


def _clips(folder: Path) -> list[Path]:
    pictures = _pictures()
    codings = {
        "a.mp4": ("libx264", "yuv420p", "aac"),
        "a.mov": ("prores_ks", "yuva444p10le", "pcm_s24le"),
        "a.avi": ("mjpeg", "yuvj420p", "pcm_s16le"),
        "a.mkv": ("ffv1", "bgr0", "flac"),
        "a.webm": ("libvpx-vp9", "yuva420p", "libopus"),
        "a.ts": ("libx264", "yuv420p", "aac"),
        "a.h264": ("libx264", "yuv420p", None),
        "a.gif": ("gif", "rgb8", None),
    }
    paths = []
    for name, (codec, pixel_format, sound) in codings.items():
        paths.append(folder / name)
        with av.open(str(paths[-1]), "w") as container:
            stream = container.add_stream(codec, rate=24)
            stream.width = stream.height = SIDE
            stream.pix_fmt = pixel_format
            audio = container.add_stream(sound, rate=48000, layout="stereo") if sound else None
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if audio is not None:
                tone = np.sin(np.arange(32000) / 9).astype(np.float32)[None]
                block = av.AudioFrame.from_ndarray(tone, format="flt", layout="stereo")
                block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
                container.mux(audio.encode(block))
                container.mux(audio.encode(None))
    images = [Pillow.fromarray(picture) for picture in pictures]
    paths.append(folder / "a.webp")
    images[0].save(paths[-1], save_all=True, append_images=images[1:], duration=40)
    return paths


def _photos(folder: Path) -> list[Path]:
    picture = Pillow.fromarray(_pictures()[0])
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = 28
    paths = [folder / f"photo{suffix}" for suffix in (".jpg", ".png", ".tif", ".webp", ".bmp")]
    for path in paths:
        picture.save(path, **({} if path.suffix == ".bmp" else {"exif": exif}))
    paths.append(folder / "photo.exr")
    paths[-1].write_bytes(exr_bytes(np.asarray(picture)))
    return paths


def _mattes(folder: Path) -> list[Path]:
    alpha = np.asarray(Pillow.fromarray(_pictures()[1]).convert("L"))
    write_image(folder / "matte.png", alpha)
    Pillow.fromarray(alpha).convert("P").save(folder / "matte.tif", compression="tiff_lzw")
    (folder / "matte.exr").write_bytes(exr_bytes(alpha))
    return [folder / f"matte{suffix}" for suffix in (".png", ".tif", ".exr")]


def _depths(folder: Path) -> list[Path]:
    depth = np.linspace(1, 9, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    np.save(folder / "depth.npy", depth)
    np.savez_compressed(folder / "depth.npz", depth=depth)
    Pillow.fromarray(depth).save(folder / "depth.tif")
    Pillow.fromarray((depth * 7000).astype(np.uint16)).save(folder / "depth.png")
    return [folder / f"depth{suffix}" for suffix in (".npy", ".npz", ".tif", ".png")]


def _camera_path() -> CameraPath:
    extrinsics = np.repeat(np.eye(3, 4)[None], FRAMES, axis=0)
    extrinsics[:, 0, 3] = -0.1 * np.arange(FRAMES)
    lens = np.array([[100.0, 0, 48], [0, 100, 32], [0, 0, 1]])
    K = np.repeat(lens[None], FRAMES, axis=0)
    return CameraPath(K, extrinsics, 96, 64, Fraction(24), "scene_depth")


def _cameras(folder: Path) -> list[Path]:
    names = ("cam.json", "cam.txt", "cam.chan", "cam.usda", "transforms.json", "camera_path.json")
    for name in names:
        write_camera(folder / name, _camera_path())
    return [folder / name for name in names]


def _colmap(folder: Path) -> list[Path]:
    write_camera(folder / "colmap", _camera_path())
    binary = folder / "colmap_binary"
    binary.mkdir()
    cameras = struct.pack("<QiiQQ4d", 1, 1, 1, 96, 64, 100, 100, 48, 32)
    image = struct.pack("<I7dI", 1, 1, 0, 0, 0, 0.1, 0, 0, 1) + b"a_0001.png\0"
    (binary / "cameras.bin").write_bytes(cameras)
    (binary / "images.bin").write_bytes(struct.pack("<Q", 1) + image + struct.pack("<Q", 0))
    text = [folder / "colmap" / name for name in ("cameras.txt", "images.txt")]
    return [*text, binary / "cameras.bin", binary / "images.bin"]


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _trajectory(folder: Path) -> Path:
    keyframes = [
        {"time": 0, "position": [0, 0, 0], "look_at": [0, 0, 1], "easing": "ease-in-out"},
        {"time": 1, "position": [0, 0, 0.25], "rotation_quat": [1, 0, 0, 0], "roll_deg": 2},
    ]
    document = {"version": 1, "units": "subject_distance", "keyframes": keyframes}
    shake = {"deg": 0.3, "pct": 0.5, "hz": 3, "seed": 0}
    return _written(folder / "move.json", json.dumps({**document, "shake": shake}))


def _settings(folder: Path) -> Path:
    text = 'stage = "single"\nsteps = 4\nlearning_rate = 1e-4\nbetas = [0.9, 0.99]\n'
    return _written(folder / "settings.toml", text)


def _manifest(folder: Path) -> Path:
    line = {"clip": "a.mp4", "camera": "cam.json", "fps": 24, "frames": 8, "name": "one"}
    return _written(folder / "manifest.jsonl", json.dumps(line) + "\n" + json.dumps(line))


def _scene(folder: Path) -> Path:
    guessed = {"horizon": 0.5, "focal": 1.0, "roll_deg": 0.0, "camera_height": 1.6}
    document = {**guessed, "horizon": 0.45, "guessed": guessed, "photo_sha256": "0"}
    return _written(folder / "scene.json", json.dumps(document))


def _checkpoint(folder: Path) -> Path:
    metadata = {"dynascene": json.dumps({"format": 1, "config": {"latent": "pixels"}})}
    tensors = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    header = json.dumps({"__metadata__": metadata, **tensors}).encode()
    return _written(
        folder / "checkpoint.safetensors", struct.pack("<Q", len(header)) + header + bytes(8)
    )
