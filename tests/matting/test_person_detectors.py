"""A detector that a user brings: boxes decoded, other files refused, people counted by it."""

from fractions import Fraction

import numpy as np
import pytest
from onnx_files import picture_network, yolox_network

from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.inference.yolox import YoloxNetwork
from dynascene_cli.matting.person_detector import people_boxes
from dynascene_cli.matting.weight_trial import try_detector
from dynascene_cli.video import open_clip, open_sink, read_frames, read_photo, resize_to_cover

GYMNAST = (94, 91, 168, 285)
"""The box of the demo clip's man on a canvas of 416 × 416."""


def build(dynascene, *words):
    lenient = ("--min-side", 200, "--min-seconds", 0.1, "--max-score", 0)
    return dynascene("dataset", "build", *words, "-o", "set", *lenient)


def test_boxes_are_told_in_pixels_of_the_picture(tmp_path):
    network = YoloxNetwork(yolox_network(tmp_path / "yolox.onnx", (100, 50, 200, 250), score=0.75))
    image = np.zeros((208, 104, 3), np.uint8)
    np.testing.assert_allclose(
        network.people_boxes(image, 0.5), [[50, 25, 100, 125, 0.75]], atol=1e-4
    )
    assert network.people_boxes(image, 0.8).shape == (0, 5)


def test_boxes_end_at_the_pictures_sides(tmp_path):
    network = YoloxNetwork(yolox_network(tmp_path / "yolox.onnx", (-20, 100, 60, 460)))
    ((x0, y0, x1, y1, _),) = network.people_boxes(np.zeros((416, 416, 3), np.uint8), 0.3)
    assert (x0, y0, x1, y1) == pytest.approx((0, 100, 60, 416))


def test_a_published_network_agrees_with_the_bundled_one(shared_models):
    path = shared_models / "yolox_nano.onnx"
    if not path.is_file():
        pytest.skip("needs models/yolox_nano.onnx of the shared folder")
    try_detector(path)
    frame = next(read_frames(open_clip(MEDIA / "gym.mp4"), 10, 11))
    (ours,) = people_boxes(frame, 0.45)
    (theirs,) = YoloxNetwork(path).people_boxes(frame, 0.45)
    np.testing.assert_allclose(ours[:4], theirs[:4], atol=0.1 * (ours[3] - ours[1]))


def test_people_are_counted_by_the_detector_that_is_named(tmp_path, photo, dynascene):
    yolox_network(tmp_path / "everywhere.onnx", GYMNAST)
    meadow = resize_to_cover(read_photo(photo).pixels, 272, 480)
    with open_sink(tmp_path / "a.mp4", width=272, height=480, frame_rate=Fraction(4)) as sink:
        for _ in range(4):
            sink.write(meadow)
    bundled = build(dynascene, "a.mp4", "--json")
    assert bundled.json["funnel"]["people"] == {"in": 1, "fell": 1}
    refused = build(dynascene, "a.mp4", "--detector", "everywhere.onnx")
    assert refused.code == 1
    assert "set holds clips of other settings" in refused.err
    (tmp_path / "set").rename(tmp_path / "first")
    other = build(dynascene, "a.mp4", "--detector", "everywhere.onnx", "--json")
    assert other.json["funnel"]["people"] == {"in": 1, "fell": 0}
    assert other.json["funnel"]["motion"] == {"in": 1, "fell": 1}


def test_what_is_no_detector_is_refused_before_a_folder_is_made(tmp_path, person_clip, dynascene):
    picture_network(tmp_path / "matte.onnx")
    yolox_network(tmp_path / "blind.onnx", (300, 300, 400, 400))
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    for name, told in (
        ("matte.onnx", "matte.onnx is no YOLOX: it has input"),
        ("blind.onnx", "blind.onnx does not find the person in the frame that it was tried on"),
        ("broken.onnx", "broken.onnx cannot be read as an ONNX network"),
        ("gone.onnx", "no weights are called 'gone.onnx'"),
        ("yolo", "hint: did you mean yolox?"),
    ):
        run = build(dynascene, person_clip, "--detector", name)
        assert run.code == 1, name
        assert told in run.err, name
    assert not (tmp_path / "set").exists()


def test_the_registered_detector_is_added_once_it_was_tried(tmp_path, person_clip, dynascene):
    absent = build(dynascene, person_clip, "--detector", "yolox")
    assert absent.code == 3
    assert "dynascene models add yolox FILE" in absent.err
    yolox_network(tmp_path / "blind.onnx", (300, 300, 400, 400))
    assert dynascene("models", "add", "yolox", "blind.onnx").code == 1
    yolox_network(tmp_path / "good.onnx", GYMNAST)
    assert dynascene("models", "add", "yolox", "good.onnx").code == 0
    found = build(dynascene, person_clip, "--detector", "yolox", "--json")
    assert found.json["funnel"]["people"] == {"in": 1, "fell": 0}
