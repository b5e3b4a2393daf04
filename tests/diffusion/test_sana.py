"""SANA-WM's parts at a tiny size: what is given is used, the person is put back, runs continue."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import SanaWMPipeline
from PIL import Image as Pillow
from tiny_sana import TEXT_WIDTH, save_tiny_sana
from tiny_shots import PLATE_SIZE, still, tiny_shot

from dynascene_cli.diffusion.latent_frames import frames_of, whole_frames
from dynascene_cli.diffusion.sampled_plate import Reporter, Work
from dynascene_cli.diffusion.sana import Cameras, SanaModel, SanaPrompts, generate_cells
from dynascene_cli.diffusion.sana_prompts import ready_sana_prompts
from dynascene_cli.diffusion.sana_renderer import SanaRenderer, sana_cameras
from dynascene_cli.diffusion.sana_settings import (
    PIPELINE,
    PROMPT,
    SanaSettings,
    resolve_sana,
)
from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint
from dynascene_cli.errors import InputError

WIDTH, HEIGHT = PLATE_SIZE
SMALL = SanaSettings(steps=3, size=(96, 64))
CPU = torch.device("cpu")


class Stripes:
    """A plate of stripes that move by three pixels a frame."""

    def __init__(self, shift=0):
        self.shift = shift

    def frame(self, index):
        x = np.arange(WIDTH)
        stripes = np.where((x + 3 * index + self.shift) // 20 % 2, 190, 70).astype(np.uint8)
        return np.broadcast_to(stripes[:, None], (HEIGHT, WIDTH, 3)).copy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_sana(tmp_path_factory.mktemp("sana") / "tiny", encodes_text=False)


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    return tiny_shot(tmp_path_factory.mktemp("shot"), frames=15, rate=16, degrees=3.0)


@pytest.fixture(scope="module")
def long_shot(tmp_path_factory):
    return tiny_shot(tmp_path_factory.mktemp("long"), frames=45, rate=16, degrees=1.0)


def prompts(seed=0):
    made = torch.randn(2, 1, 1, 300, TEXT_WIDTH, generator=torch.Generator().manual_seed(seed))
    mask = torch.ones(1, 300, dtype=torch.long)
    return SanaPrompts(made[0], mask, made[1], mask)


def rendered(shot, folder, work, asked=SMALL, plate=None, seed=0):
    work.folder.mkdir(exist_ok=True)
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    chosen = resolve_sana(asked, PLATE_SIZE)
    return SanaRenderer(shot, plate or Stripes(), checkpoint, work, chosen, lambda: prompts(seed))


def latents_of(renderer):
    return renderer._whole_latents()


def test_it_gives_what_diffusers_own_pipeline_does(folder):
    picture = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    chosen = resolve_sana(SMALL, PLATE_SIZE)
    model = SanaModel(open_video_checkpoint(str(folder), PIPELINE), chosen, CPU)
    to_world = np.tile(np.eye(4), (17, 1, 1))
    to_world[:, 0, 3] = np.linspace(0, 1, 17)
    K = np.tile(np.array([[90.0, 0, 48], [0, 90, 32], [0, 0, 1]]), (17, 1, 1))
    start = model.start(model.encode([picture]), 3)
    kept = []
    made = model.denoise(start, Cameras(to_world, K), prompts(), None, kept.append)
    plain = SanaWMPipeline.from_pretrained(folder, tokenizer=None, text_encoder=None)
    plain.set_progress_bar_config(disable=True)
    given = prompts()
    wanted = plain(
        image=Pillow.fromarray(picture),
        prompt="",
        c2w=to_world,
        intrinsics=K,
        height=64,
        width=96,
        num_frames=17,
        num_inference_steps=3,
        guidance_scale=5.0,
        prompt_embeds=given.wanted,
        prompt_attention_mask=given.wanted_mask,
        negative_prompt_embeds=given.unwanted,
        negative_prompt_attention_mask=given.unwanted_mask,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
    ).latent
    assert [state.step for state in kept] == [1, 2, 3]
    assert torch.allclose(made, wanted, atol=1e-4)


def test_every_input_moves_what_is_sampled(shot, folder, tmp_path):
    asked = replace(SMALL, steps=2)
    aside = shot.placement.clip_to_frame + np.array([0.0, 0.0, 40.0])
    wider = shot.path.intrinsics * np.array([[0.5, 1, 1], [1, 0.5, 1], [1, 1, 1]])
    others = {
        "first frame": {"plate": Stripes(11)},
        "still camera": {"shot": still(shot)},
        "lens": {"shot": replace(shot, path=replace(shot.path, intrinsics=wider))},
        "unit": {"asked": replace(asked, translation_scale=30.0)},
        "person": {"shot": replace(shot, placement=replace(shot.placement, clip_to_frame=aside))},
        "not put back": {"asked": replace(asked, reinsert=False)},
        "prompt": {"seed": 1},
        "guidance": {"asked": replace(asked, guidance=1.0)},
        "noise": {"asked": replace(asked, seed=1)},
    }
    common = {"shot": shot, "folder": folder, "asked": asked}
    whole = latents_of(rendered(**common, work=Work(tmp_path / "whole")))
    assert whole.shape == (1, 8, 3, 2, 3)
    for name, change in others.items():
        made = latents_of(rendered(**{**common, **change}, work=Work(tmp_path / name)))
        assert (made - whole).abs().mean() > 1e-3, name


def test_the_person_is_put_back_exactly_and_nothing_else_is(shot, folder, tmp_path):
    """Equation 4: what the mask keeps is the foreground after the last step."""
    large = shot.placement.clip_to_frame * 3 + np.array([0.0, 0.0, -170.0])
    near = replace(shot, placement=replace(shot.placement, clip_to_frame=large))
    renderer = rendered(near, folder, Work(tmp_path / "a"))
    masks = []
    video = list(renderer._video(masks))
    mask = generate_cells(masks)
    assert mask.shape == (1, 1, 3, 2, 3)
    assert 0 < mask.mean() < 1
    wanted = renderer._network().encode_clip(video, len(video))
    made = latents_of(renderer)
    person = (mask == 0).expand_as(made).clone()
    person[:, :, 0] = False
    assert torch.allclose(made[person], wanted[person], atol=1e-5)
    others = (mask == 1).expand_as(made)
    assert (made[others] - wanted[others]).abs().mean() > 0.1


def test_frames_come_back_and_killed_it_continues_to_the_same_bytes(long_shot, folder, tmp_path):
    asked = replace(SMALL, steps=7, window=25)
    whole = list(rendered(long_shot, folder, Work(tmp_path / "whole"), asked).frames())
    assert len(whole) == 45
    assert {frame.shape for frame in whole} == {(96, 160, 3)}

    def killed(done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work = Work(tmp_path / "killed", Reporter(killed))
        rendered(long_shot, folder, work, asked).frame(0)
    steps, said = [], []
    reporter = Reporter(lambda done, total: steps.append(done), said.append, said.append)
    work = Work(tmp_path / "killed", reporter, preview_every=1)
    again = list(rendered(long_shot, folder, work, asked).frames())
    assert steps == [6, 7]
    assert all(map(np.array_equal, again, whole))
    assert (tmp_path / "killed" / "preview.png").is_file()
    assert any("without a GPU, sampling 45 frames of 96x64" in line for line in said)


def test_windows_join_without_a_seam(long_shot, folder, tmp_path):
    asked = replace(SMALL, window=25, steps=2)
    renderer = rendered(long_shot, folder, Work(tmp_path / "a"), asked)
    spans = renderer._network().spans(7)
    assert spans == (range(4), range(2, 6), range(3, 7))
    frames = [frames_of(span, 8) for span in spans]
    painted = np.stack([renderer._picture(number) for number in range(45)]).astype(float)
    changes = np.abs(np.diff(painted, axis=0)).mean(axis=(1, 2, 3))
    edges = [span.start - 1 for span in frames[1:]] + [span.stop - 1 for span in frames[:-1]]
    assert np.max(changes[edges]) <= 1.1 * np.median(changes)


def test_a_window_is_shown_the_first_frame_and_its_own_cameras(long_shot, folder, tmp_path):
    """A change of the last cameras alone moves the last windows alone, in the first step."""
    asked = replace(SMALL, window=17, steps=1, reinsert=False)
    E = long_shot.path.extrinsics.copy()
    E[41:, :, 3] += 3.0
    other = replace(long_shot, path=replace(long_shot.path, extrinsics=E))
    made = [
        latents_of(rendered(shot, folder, Work(tmp_path / name), asked))
        for name, shot in (("a", long_shot), ("b", other))
    ]
    changed = (made[0] - made[1]).abs().mean(dim=(0, 1, 3, 4))
    assert torch.equal(changed[:5], torch.zeros(5))
    assert (changed[5:] > 1e-4).all(), changed
    first = latents_of(rendered(long_shot, folder, Work(tmp_path / "c"), asked, Stripes(11)))
    assert ((made[0] - first).abs().mean(dim=(0, 1, 3, 4)) > 1e-3).all()


def test_a_long_clip_is_encoded_and_decoded_in_windows_as_in_one(folder):
    rng = np.random.default_rng(0)
    video = [
        np.kron(rng.integers(0, 256, (8, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for _ in range(49)
    ]
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    one, some = (
        SanaModel(checkpoint, resolve_sana(replace(SMALL, window=window), PLATE_SIZE), CPU)
        for window in (49, 33)
    )
    whole, parts = one.encode_clip(video[:47], 47), some.encode_clip(video[:47], 47)
    # The untrained networks look far along time; five of the seven latents are the first window's.
    assert torch.allclose(parts[:, :, :5], whole[:, :, :5], atol=1e-5)
    pictures = [np.stack(list(each.decode(whole))).astype(float) for each in (one, some)]
    apart = np.abs(pictures[0] - pictures[1]).mean(axis=(1, 2, 3))
    assert apart.max() < pictures[0].std() / 3
    assert np.abs(np.diff(apart)).max() < 2.5
    assert whole.shape == parts.shape == (1, 8, 7, 2, 3)
    assert len(pictures[0]) == len(pictures[1]) == 49


def test_cameras_begin_at_the_origin_in_the_networks_unit(shot):
    chosen = resolve_sana(replace(SMALL, translation_scale=2.0), PLATE_SIZE)
    cameras = sana_cameras(shot.path, [3, 9], chosen, 4.0)
    assert np.allclose(cameras.to_world[0], np.eye(4))
    moved = np.linalg.norm(cameras.to_world[1, :3, 3])
    E = shot.path.extrinsics
    centres = [-E[i, :, :3].T @ E[i, :, 3] for i in (3, 9)]
    assert moved == pytest.approx(np.linalg.norm(centres[1] - centres[0]) * 2 / 4)
    assert np.allclose(cameras.intrinsics[0], np.diag([0.6, 64 / 96, 1]) @ shot.path.intrinsics[3])


def test_a_prompt_is_encoded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    folder = save_tiny_sana(tmp_path / "tiny")
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    first = ready_sana_prompts(checkpoint, "tiny", PROMPT)
    assert first.wanted.shape == (1, 1, 300, TEXT_WIDTH)
    assert first.wanted_mask.shape == (1, 300)
    (folder / "text_encoder" / "model.safetensors").unlink()
    assert torch.equal(ready_sana_prompts(checkpoint, "tiny", PROMPT).wanted, first.wanted)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": (100, 64)}, "100x64 cannot be sampled"),
        ({"translation_scale": 0.0}, "the translation scale is 0"),
        ({"prompt": ""}, "the prompt is empty"),
        ({"steps": 0}, "0 steps"),
        ({"window": 24}, "a window of 24 frames is none of SANA-WM's"),
        ({"window": 9}, "8k . 1 from 17 on"),
    ],
)
def test_what_it_cannot_do_is_told(changed, message):
    with pytest.raises(InputError, match=message):
        resolve_sana(replace(SMALL, **changed), PLATE_SIZE)


def test_frames_are_filled_up_to_whole_latents():
    assert [whole_frames(count, 8) for count in (1, 2, 9, 10, 161)] == [1, 9, 9, 17, 161]
