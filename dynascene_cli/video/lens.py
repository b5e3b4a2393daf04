"""The lens that a clip's own metadata names."""

import math

from dynascene_cli.geometry import SENSOR_DIAGONAL_MM
from dynascene_cli.shot import Clip
from dynascene_cli.video.containers import open_video
from dynascene_cli.video.images import focal_35mm
from dynascene_cli.video.picture_files import open_picture
from dynascene_cli.video.sequences import sequence_files

QUICKTIME_KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def read_tagged_focal(clip: Clip) -> float | None:
    """The focal length in clip pixels that EXIF or QuickTime metadata tells, or None.

    Both give the 35 mm equivalent, which compares diagonals (CIPA DCG-001).
    """
    equivalent = _focal_35mm(clip)
    if equivalent is None:
        return None
    return equivalent / SENSOR_DIAGONAL_MM * math.hypot(clip.width, clip.height)


def _focal_35mm(clip: Clip) -> float | None:
    if clip.kind in ("image", "sequence"):
        picture = open_picture(sequence_files(clip.path)[clip.source_frames[0]])
        return focal_35mm(picture.getexif())
    if clip.kind != "video":
        return None
    with open_video(clip.path) as (container, stream):
        tagged = {**container.metadata, **stream.metadata}.get(QUICKTIME_KEY)
    try:
        value = float(tagged) if tagged else 0.0
    except ValueError:
        return None
    return value if 1 <= value <= 2000 else None
