"""Tripods that turn on their spot, seen in real panoramas."""

import cv2
import numpy as np
from filmed_clips import panorama_clip
from path_errors import rpe_degrees

from dynascene_cli.camera.estimation.estimate import ClipFacts
from dynascene_cli.camera.estimation.solver import estimate_from_tracks
from dynascene_cli.camera.estimation.tracking import track_features


def test_few_points_of_a_tripod_claim_no_travel(shared_media):
    dark = shared_media / "panoramas" / "studio_small_03_1k.jpg"
    picture = np.ascontiguousarray(cv2.imread(str(dark))[..., ::-1])
    path, frame = panorama_clip(picture)
    nobody = np.zeros((path.height, path.width), np.uint8)
    frames = (frame(index) for index in range(path.frame_count))
    tracks = track_features(frames, (nobody for _ in range(path.frame_count)))
    clip = ClipFacts(path.frame_rate, (path.width, path.height))
    estimate = estimate_from_tracks(tracks, clip)
    assert np.median(np.bincount(tracks.frame)) < 80
    assert estimate.confidence == "rotation", estimate.reasons
    assert rpe_degrees(estimate.path, path) < 0.03
