"""Segment Anything on video and ViTMatte: real classes at tiny sizes, from folders as published."""

import io
import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from tiny_prompted import save_sam2, save_sam3, save_vitmatte

from dynascene_cli.errors import InputError
from dynascene_cli.matting.base import CLICKS
from dynascene_cli.matting.prompted.sam_session import masks_of_frame, memory_of, session_of
from dynascene_cli.matting.prompted.sam_video import NETWORKS, SamVideoModel, _prompts_of
from dynascene_cli.matting.prompted.vitmatte import VitMatte
from dynascene_cli.video import open_clip, read_frames

UNKNOWN = np.full(4, np.nan)
SAVED = {"sam2": save_sam2, "sam3": save_sam3}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def folder(name):
        if name not in made:
            made[name] = SAVED[name](tmp_path_factory.mktemp("networks") / name)
        return made[name]

    return folder


@pytest.fixture(scope="module")
def gym(person_clip):
    return list(read_frames(open_clip(person_clip), 0, 4))


@pytest.mark.parametrize("name", ["sam2", "sam3"])
def test_what_is_remembered_is_what_the_networks_own_session_keeps(folders, name):
    """Frame by frame from arrays gives what transformers gives in one session."""
    model = SamVideoModel(name, folders(name), None)
    network, kind = model._network, NETWORKS[name][1]
    side = network.config.image_size
    frames = [
        torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(i)) for i in range(10)
    ]
    clicks = np.array([[0, 0.3, 0.4, 1], [2, 0.6, 0.5, -1]])
    whole, memory = session_of(network, kind, {}), {}
    for number, pixels in enumerate(frames):
        prompts = _prompts_of(clicks, number)
        expected = masks_of_frame(network, whole, pixels, number, prompts)
        part = session_of(network, kind, memory)
        made = masks_of_frame(network, part, pixels, number, prompts)
        memory = memory_of(network, part, number)
        assert list(made) == ([1] if number < 2 else [1, 2])
        for thing, logits in made.items():
            np.testing.assert_array_equal(logits, expected[thing])
    assert all(array.dtype != object for array in memory.values())


@pytest.mark.parametrize("name", ["sam2", "sam3"])
def test_a_matte_resumes_to_the_same_bytes(folders, gym, name):
    model = SamVideoModel(name, folders(name), None)
    state = {**model.initial_state(UNKNOWN), CLICKS: np.array([[1, 0.2, 0.2, 1]])}
    states, alphas = [], []
    for frame in gym[:3]:
        matte, state = model.step(frame, state)
        alphas.append(matte.alpha)
        states.append(state)
    saved = io.BytesIO()
    np.savez(saved, **states[1])
    saved.seek(0)
    with np.load(saved) as loaded:
        again, _ = model.step(gym[2], dict(loaded))
    np.testing.assert_array_equal(again.alpha, alphas[2])
    assert alphas[2].shape == gym[0].shape[:2]


def test_a_click_adds_a_thing_and_another_takes_one_away(folders, gym):
    """Of masks that are known: the union of what is added, without what is taken away."""
    model = SamVideoModel("sam2", folders("sam2"), None)
    frame = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    person, added, taken = (np.full((32, 32), -20, np.float32) for _ in range(3))
    person[4:28, 4:12] = added[4:28, 16:24] = taken[16:28, 2:26] = 20
    masks = {0: person, 1: added, 2: taken}
    clicks = np.array([[0, 0.6, 0.2, 1], [0, 0.5, 0.8, -1]])
    alone = model._alpha(frame, {0: person}, np.zeros((0, 4)))
    both = model._alpha(frame, {0: person, 1: added}, clicks)
    less = model._alpha(frame, masks, clicks)
    assert alone[100, 80] == 255 and alone[100, 200] == 0
    assert both[100, 80] == both[100, 200] == both[240, 80] == 255
    assert less[100, 80] == less[100, 200] == 255
    assert less[240, 80] == less[240, 200] == 0
    assert not model._alpha(frame, {2: taken}, clicks).any()


def test_edges_are_decided_where_a_mask_is_unsure(tmp_path):
    edges = VitMatte(save_vitmatte(tmp_path / "vitmatte"))
    image = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    mask = np.zeros((90, 70), np.float32)
    mask[20:70, 20:50] = 1
    alpha = edges.alpha(image, mask, 4.0)
    assert alpha.shape == mask.shape
    assert (alpha[26:64, 26:44] == 1).all()
    assert not alpha[:14].any() and not alpha[:, 56:].any()
    assert len(np.unique(alpha[16:24, 30:40])) > 10


def test_a_folder_of_another_network_is_refused(folders, tmp_path):
    other = save_vitmatte(tmp_path / "other")
    with pytest.raises(InputError, match=r"sam2.*(cannot be read as sam2|is not sam2)"):
        SamVideoModel("sam2", other.rename(tmp_path / "sam2"), None)
    with pytest.raises(InputError, match=r"cannot be read as vitmatte|is not vitmatte"):
        VitMatte(folders("sam2"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="cannot be read as sam3"):
        SamVideoModel("sam3", empty, None)


def test_the_command_follows_clicks(dynascene, folders, tmp_path, person_clip):
    missing = dynascene("matte", person_clip, "--click", "0,0.5,0.5", "--json")
    assert missing.code == 3
    assert missing.json["hint"] == "dynascene models pull sam2 --accept-licence"
    added = dynascene("models", "add", "sam2", folders("sam2"), "--json")
    assert added.code == 0, added.err
    assert "Apache-2.0" in added.err
    edges = dynascene("models", "add", "vitmatte", save_vitmatte(tmp_path / "vm"), "--json")
    assert edges.code == 0, edges.err
    words = ("matte", person_clip, "--end", "0.1", "-o", "m.%05d.png", "--json")
    plain = dynascene(*words, "--matting-model", "sam2")
    assert plain.code == 0, plain.err
    clicked = dynascene(*words, "--click", "0,0.2,0.3", "--click", "-0.05,0.5,0.5")
    assert clicked.code == 0, clicked.err
    assert clicked.json["matting_model"] == "sam2"
    assert clicked.json["cached"] == []
    assert dynascene(*words, "--click", "0,0.2,0.3", "--click", "-0.05,0.5,0.5").json["cached"]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--click", "0,0.5"), 2, "is not TIME,X,Y"),
        (("--click", "0,0.5,1.5"), 2, "is not TIME,X,Y"),
        (("--click", "nan,0.5,0.5"), 2, "is not TIME,X,Y"),
        (("--click", "0,0.5,0.5", "--matting-model", "bundled"), 1, "bundled takes no --click"),
        (("--matting-model", "sam3"), 3, "the weights of sam3 are not on this machine"),
    ],
)
def test_clicks_that_cannot_be_are_told(dynascene, person_clip, words, code, error):
    run = dynascene("matte", person_clip, *words, "--json")
    assert run.code == code
    assert error in (run.json["error"] if code != 2 else run.err)


def test_a_click_after_the_end_is_told(dynascene, folders, person_clip):
    assert dynascene("models", "add", "sam2", folders("sam2"), "--json").code == 0
    run = dynascene("matte", person_clip, "--click", "9,0.5,0.5", "--json")
    assert run.code == 1
    assert "--click at 9 s is after the end" in run.json["error"]


def test_a_config_alone_is_no_network(dynascene, tmp_path):
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "sam2_video"}))
    run = dynascene("models", "add", "sam2", folder, "--json")
    assert run.code == 1
    assert "half" in run.json["error"]
    assert "\n" not in run.json["error"]
