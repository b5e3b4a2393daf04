"""Matting networks that a user adds: what they are fed, whom they keep, what is refused."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from onnx_files import RGB_OFFSET, RGB_WEIGHTS, picture_network, recurrent_network, save

from dynascene_cli import weights
from dynascene_cli.matting import alpha_box
from dynascene_cli.matting.person_detector import people_boxes
from dynascene_cli.matting.person_region import (
    person_region_around,
    remove_other_people,
    resample_region,
)
from dynascene_cli.matting.portrait_networks import PictureNetwork
from dynascene_cli.matting.registry import choose_matting_model, network_matting_model
from dynascene_cli.matting.rembg_networks import RembgNetwork
from dynascene_cli.matting.robust_video import RobustVideoNetwork
from dynascene_cli.video import open_clip, read_frames

UNKNOWN = np.full(4, np.nan)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "u2net"))
    return tmp_path / "weights"


@pytest.fixture(scope="module")
def gym(person_clip):
    return list(read_frames(open_clip(person_clip), 0, 4))


def expected_alpha(image):
    logits = (image / 127.5 - 1) @ np.array(RGB_WEIGHTS) + RGB_OFFSET
    return 1 / (1 + np.exp(-3 * logits))


@pytest.mark.parametrize("half", [False, True])
def test_a_picture_goes_in_as_rgb_between_minus_one_and_one(tmp_path, half):
    path = picture_network(tmp_path / "modnet.onnx", half=half)
    network = PictureNetwork("modnet", path)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    alpha, _ = network.alpha(image, {})
    assert alpha.dtype == np.float32
    np.testing.assert_allclose(alpha, expected_alpha(image), atol=0.01 if half else 1e-4)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [((1000, 1000), (512, 512)), ((540, 960), (448, 768)), ((200, 100), (768, 384)),
     ((64, 2000), (32, 768))],
)  # fmt: skip
def test_pictures_come_near_the_size_of_training_in_multiples_of_32(tmp_path, picture, expected):
    network = PictureNetwork("modnet", picture_network(tmp_path / "modnet.onnx"))
    size = network.input_size(*picture)
    assert size == expected
    assert size[0] % 32 == size[1] % 32 == 0


def test_a_file_with_fixed_sides_gets_them(tmp_path):
    path = picture_network(tmp_path / "pp.onnx", names=("img", "tmp_75"), sides=(64, 96))
    network = PictureNetwork("pp-mattingv2", path)
    assert network.input_size(540, 960) == (96, 64)
    assert network.alpha(np.zeros((64, 96, 3), np.uint8), {})[0].shape == (64, 96)


def test_an_added_network_mattes_a_clip(dynascene, folder, tmp_path, person_clip):
    path = picture_network(tmp_path / "model.onnx")
    added = dynascene("models", "add", "modnet", path, "--json")
    assert added.code == 0, added.err
    assert added.json["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "Apache-2.0" in added.err
    run = dynascene("matte", person_clip, "-o", "m.%05d.png", "--json")
    assert run.code == 0, run.err
    assert run.json["matting_model"] == run.json["matter"] == "modnet"
    assert "modnet: the best of the matting networks" in run.err
    assert len(list(Path().glob("m.*.png"))) == 12


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("rvm", "is not Robust Video Matting: it takes input_1:0"),
        ("modnet", "is not MODNet"),
        ("pp-mattingv2", "is not PP-MattingV2"),
        ("rembg:u2net_human_seg", "does not run as"),
        ("rembg:isnet-general-use", "does not run as"),
    ],
)
def test_a_detector_is_no_matting_network(dynascene, folder, name, error):
    run = dynascene("models", "add", name, weights.find("nanodet").path, "--json")
    assert run.code == 1
    assert error in run.json["error"]
    assert "\n" not in run.json["error"]
    assert weights.find(name).state == "absent"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_network_that_sees_no_person_is_refused(dynascene, folder, tmp_path):
    path = picture_network(tmp_path / "model.onnx", sign=-1.0)
    run = dynascene("models", "add", "modnet", path, "--json")
    assert run.code == 1
    assert "does not separate the person from the background" in run.json["error"]
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    run = dynascene("models", "add", "modnet", text, "--json")
    assert run.code == 1
    assert "cannot be read as an ONNX network" in run.json["error"]


@pytest.mark.parametrize("published", [True, False])
def test_a_recurrent_networks_memory_moves_with_the_person(tmp_path, gym, published):
    model = network_matting_model(
        "rvm", recurrent_network(tmp_path / "rvm.onnx", published=published)
    )
    state = model.initial_state(UNKNOWN)
    regions = []
    for frame in (gym[0], np.roll(gym[1], 60, axis=1), np.roll(gym[2], -60, axis=1)):
        matte, state = model.step(frame, state)
        regions.append(tuple(state["network/region"]))
        height, width = state["network/image"].shape[:2]
        for number in range(1, 5):
            sides = state[f"network/memory/r{number}"].shape[1:3]
            assert sides == (-(-height // 2**number), -(-width // 2**number))
        assert matte.alpha.shape == frame.shape[:2]
    assert len(set(regions)) > 1


def test_both_layouts_of_a_recurrent_network_are_fed_alike(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    made = []
    for published in (True, False):
        path = recurrent_network(tmp_path / f"{published}.onnx", published=published)
        network = RobustVideoNetwork(path)
        alpha, memory = network.alpha(image, network.initial_memory())
        made.append((alpha, *network.alpha(image, memory)))
        np.testing.assert_allclose(alpha, expected_alpha(image), atol=1e-4)
    (_, _, one), (_, _, other) = made
    for name, sides in (("r1", (25, 35, 16)), ("r4", (4, 5, 64))):
        assert one[name].shape == other[name].shape == (1, *sides)
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)


@pytest.mark.parametrize("kind", ["modnet", "rvm"])
def test_a_matte_resumes_to_the_same_bytes(tmp_path, gym, kind):
    made = recurrent_network if kind == "rvm" else picture_network
    model = network_matting_model(kind, made(tmp_path / "network.onnx"))
    state = model.initial_state(UNKNOWN)
    states, alphas = [], []
    for frame in gym:
        matte, state = model.step(frame, state)
        alphas.append(matte.alpha)
        states.append(state)
    saved = io.BytesIO()
    np.savez(saved, **states[1])
    saved.seek(0)
    with np.load(saved) as loaded:
        again = dict(loaded)
    for index in (2, 3):
        matte, again = model.step(gym[index], again)
        np.testing.assert_array_equal(matte.alpha, alphas[index])


def test_the_network_sees_the_person_and_nobody_beside_them(tmp_path, gym):
    model = network_matting_model("modnet", picture_network(tmp_path / "modnet.onnx"))
    frame = np.hstack([gym[0], gym[0][:, ::-1]])
    height, width = frame.shape[:2]
    alone, _ = model.step(gym[0], model.initial_state(UNKNOWN))
    x0, y0, x1, y1 = alpha_box(alone.alpha)
    left = np.array([x0, y0, x1, y1])
    _, state = model.step(frame, model.initial_state(left))
    assert state["network/region"][2] < width - 0.5 * x0
    assert state["network/region"][3] <= height


@pytest.mark.media
def test_rvm_keeps_the_chosen_of_two_people(shared_models, gym):
    model = network_matting_model("rvm", shared_models / "rvm_mnv3.onnx")
    frame = np.hstack([gym[0][:, 60:220], gym[0][:, 219:59:-1]])
    boxes = people_boxes(frame)
    assert len(boxes) == 2
    left = boxes[np.argmin(boxes[:, 0]), :4]
    matte, _ = model.step(frame, model.initial_state(left))
    assert (matte.alpha[:, :160] > 127).mean() > 0.1
    assert not (matte.alpha[:, 160:] > 127).any()
    np.testing.assert_allclose(matte.detection, left, atol=1e-6)


def test_a_region_rests_while_the_person_stays_in_it():
    first = person_region_around(np.array([400, 200, 500, 500.0]), 720, 1280, UNKNOWN)
    np.testing.assert_array_equal(first, [325, 125, 575, 575])
    np.testing.assert_array_equal(
        person_region_around(np.array([420, 210, 520, 510.0]), 720, 1280, first), first
    )
    moved = person_region_around(np.array([480, 200, 580, 500.0]), 720, 1280, first)
    np.testing.assert_array_equal(moved, [405, 125, 655, 575])
    small = person_region_around(np.array([420, 300, 450, 400.0]), 720, 1280, first)
    assert (small[2:] - small[:2] < 160).all()


def test_what_is_carried_stays_where_it_is_in_the_picture():
    picture = np.random.default_rng(1).random((40, 60)).astype(np.float32)
    past, present = np.array([10, 0, 50, 30.0]), np.array([20, 10, 60, 40.0])
    held = picture[:30, 10:50]
    moved = resample_region(held, past, present, (40, 30))
    np.testing.assert_allclose(moved[:20, :30], picture[10:30, 20:50], atol=1e-5)
    assert not moved[21:].any()
    assert not moved[:, 31:].any()


def test_a_piece_that_is_somebody_else_goes():
    alpha = np.zeros((100, 200), np.float32)
    alpha[20:90, 20:60] = 1
    alpha[20:90, 120:160] = 1
    alpha[5:9, 30:40] = 1
    region = np.array([100, 100, 500, 300.0])
    ours, theirs = np.array([140, 130, 220, 280.0]), np.array([[330, 130, 430, 290.0]])
    kept = remove_other_people(alpha, region, ours, theirs)
    np.testing.assert_array_equal(kept[:, :100], alpha[:, :100])
    assert not kept[:, 100:].any()
    np.testing.assert_array_equal(remove_other_people(alpha, region, ours, theirs[:0]), alpha)


def test_weights_in_rembgs_own_folder_are_used_and_never_changed(
    dynascene, folder, tmp_path, monkeypatch
):
    home = tmp_path / "home/.u2net"
    home.mkdir(parents=True)
    file = u2net_like(home / "u2net_human_seg.onnx")
    before = file.read_bytes()
    monkeypatch.delenv("U2NET_HOME")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert weights.find("rembg:u2net_human_seg").state == "found"
    assert choose_matting_model("auto")[0] == "rembg:u2net_human_seg"
    rows = {row["name"]: row for row in dynascene("models", "list", "--json").json["models"]}
    assert rows["rembg:u2net_human_seg"]["path"] == str(file)
    own = u2net_like(tmp_path / "own.onnx", scale=2.0)
    added = dynascene("models", "add", "rembg:u2net_human_seg", own, "--json")
    assert added.code == 0, added.err
    assert weights.find("rembg:u2net_human_seg").state == "added"
    assert file.read_bytes() == before
    assert sorted(path.name for path in home.iterdir()) == ["u2net_human_seg.onnx"]


def test_u2net_home_is_looked_into(folder, tmp_path):
    (tmp_path / "u2net").mkdir()
    file = u2net_like(tmp_path / "u2net/silueta.onnx")
    assert weights.path_of("rembg:silueta") == file
    assert "rembg:silueta" in {known.name for known in weights.on_this_machine()}
    assert choose_matting_model("auto")[0] == "bundled"
    network = RembgNetwork("silueta", file)
    alpha, _ = network.alpha(np.random.default_rng(2).integers(0, 256, (320, 320, 3), np.uint8), {})
    assert alpha.shape == (320, 320)


def u2net_like(path, scale=1.0):
    """A network of U²-Net's input and first output, 320 × 320, ImageNet's mean and deviation."""
    from onnx import TensorProto, helper

    deviation = np.array([0.229, 0.224, 0.225])
    values = scale * np.array(RGB_WEIGHTS) * 2 * deviation
    nodes = [
        helper.make_node("Conv", ["input.1", "weights"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["1959"]),
    ]
    shapes = (
        [("input.1", TensorProto.FLOAT, [1, 3, 320, 320])],
        [("1959", TensorProto.FLOAT, [1, 1, 320, 320])],
    )
    return save(path, nodes, *shapes, {"weights": values.astype(np.float32).reshape(1, 3, 1, 1)})


def test_the_best_that_is_there_is_taken(folder, tmp_path):
    assert choose_matting_model("auto") == (
        "bundled", "bundled: no other matting network is on this machine"
    )  # fmt: skip
    source = picture_network(tmp_path / "any.onnx")
    for name in ("rembg:isnet-general-use", "rembg:u2net_human_seg", "modnet", "rvm"):
        weights.add(name, source)
        expected = "bundled" if name == "rembg:isnet-general-use" else name
        assert choose_matting_model("auto")[0] == expected
