"""What is told about a matte is told again when the matte comes from the cache."""

import cv2
import numpy as np

from dynascene_cli.video import open_clip, open_sink, read_frames


def two_of(person_clip, path, count=3):
    """A clip of a person beside their own mirror image."""
    clip = open_clip(person_clip)
    with open_sink(path, width=544, height=480, frame_rate=clip.frame_rate) as sink:
        for frame in read_frames(clip, 0, count):
            sink.write(np.hstack([frame, cv2.flip(frame, 1)]))
    return path


def test_several_people_are_warned_about_again_from_the_cache(dynascene, tmp_path, person_clip):
    clip = two_of(person_clip, tmp_path / "two.mp4")
    words = ("matte", clip, "--person", "left", "--matting-model", "bundled", "--json")
    first, again = dynascene(*words), dynascene(*words)
    assert first.json["cached"] == []
    assert again.json["cached"] == ["matte"]
    assert any("several people" in warning for warning in first.json["warnings"])
    assert again.json["warnings"] == first.json["warnings"]
