"""Wan-VACE's parts at a tiny size: what is given is used, kept pixels stay, windows join."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from tiny_shots import PLATE_SIZE, tiny_shot
from tiny_vace import TEXT_WIDTH, save_tiny_vace

from dynascene_cli.diffusion.kept_pixels import Rims, cover_copy, join, open_region
from dynascene_cli.diffusion.latent_frames import frame_count, frames_of, latent_count
from dynascene_cli.diffusion.prompts import encode_prompts, ready_prompts
from dynascene_cli.diffusion.sampled_plate import Reporter, Work
from dynascene_cli.diffusion.sampling_settings import STATE_FILE
from dynascene_cli.diffusion.vace import Prompts, VaceFrame, VaceModel
from dynascene_cli.diffusion.vace_renderer import Given, VaceRenderer
from dynascene_cli.diffusion.vace_settings import (
    PIPELINE,
    PROMPT,
    VaceSettings,
    resolve_vace,
)
from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint
from dynascene_cli.errors import InputError, MissingError

WIDTH, HEIGHT = PLATE_SIZE
SMALL = VaceSettings(steps=3, size=(112, 64), window=9)
CPU = torch.device("cpu")


class Stripes:
    """A plate of stripes that move by three pixels a frame."""

    def frame(self, index):
        x = np.arange(WIDTH)
        stripes = np.where((x + 3 * index) // 20 % 2, 190, 70).astype(np.uint8)
        return np.broadcast_to(stripes[:, None], (HEIGHT, WIDTH, 3)).copy()


class SeenLeft:
    """What the photo shows of it: ever less of its left."""

    def frame(self, index):
        seen = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        seen[:, : 110 - index] = 255
        return seen


PHOTO = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
GIVEN = Given(Stripes(), SeenLeft(), PHOTO)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_vace(tmp_path_factory.mktemp("vace") / "one", encodes_text=False)


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    return tiny_shot(tmp_path_factory.mktemp("shot"), frames=17, rate=16)


def prompts(seed=0):
    random = torch.Generator().manual_seed(seed)
    made = torch.randn(2, 1, 512, TEXT_WIDTH, generator=random)
    return Prompts(made[0], made[1])


def rendered(shot, folder, work, asked=SMALL, given=GIVEN, seed=0):
    """The renderer of a shot by the tiny weights."""
    work.folder.mkdir(exist_ok=True)
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    chosen = resolve_vace(asked, PLATE_SIZE)
    return VaceRenderer(shot, given, checkpoint, work, chosen, lambda: prompts(seed))


def latents_of(renderer):
    return renderer._whole_latents()


def test_one_window_gives_what_diffusers_own_pipeline_does(folder):
    rng = np.random.default_rng(1)
    frames = [
        VaceFrame(rng.integers(0, 256, (64, 112, 3), dtype=np.uint8), rng.random((64, 112)) > 0.5)
        for _ in range(9)
    ]
    photo = rng.integers(0, 256, (64, 112, 3), dtype=np.uint8)
    chosen = resolve_vace(replace(SMALL, conditioning_scale=0.7), PLATE_SIZE)
    model = VaceModel(open_video_checkpoint(str(folder), PIPELINE), chosen, CPU)
    noise = torch.randn(1, 16, 4, 8, 14, generator=torch.Generator().manual_seed(0))
    control, latents = model.control(frames, photo), noise
    for timestep in model.scheduler.timesteps:
        velocity = model.velocity(latents, timestep, control, prompts())
        latents = model.scheduler.step(velocity, timestep, latents, return_dict=False)[0]
    plain = WanVACEPipeline.from_pretrained(folder, tokenizer=None, text_encoder=None)
    plain.set_progress_bar_config(disable=True)
    wanted = plain(
        video=[Pillow.fromarray(frame.picture) for frame in frames],
        mask=[Pillow.fromarray(frame.generate.astype(np.uint8) * 255) for frame in frames],
        reference_images=Pillow.fromarray(photo),
        prompt_embeds=prompts().wanted,
        negative_prompt_embeds=prompts().unwanted,
        conditioning_scale=0.7,
        height=64,
        width=112,
        num_frames=9,
        num_inference_steps=3,
        guidance_scale=5.0,
        latents=noise,
        output_type="np",
    ).frames[0]
    made = np.stack(list(model.decode(latents[:, :, 1:])))
    assert made.shape == (9, 64, 112, 3)
    assert np.abs(made - wanted * 255).max() <= 0.51
    assert np.abs(np.diff(made.astype(int), axis=0)).mean() > 1


@pytest.mark.parametrize("repaint", ["unseen", "background"])
def test_every_input_moves_what_is_sampled(shot, folder, tmp_path, repaint):
    class Shifted(Stripes):
        def frame(self, index):
            return super().frame(index + 5)

    class SeenMore(SeenLeft):
        def frame(self, index):
            return super().frame(index - 30)

    asked = replace(SMALL, steps=1, repaint=repaint)
    aside = shot.placement.clip_to_frame + np.array([0.0, 0.0, 30.0])
    moved = replace(shot, placement=replace(shot.placement, clip_to_frame=aside))
    others = {
        "plate": {"given": replace(GIVEN, plate=Shifted())},
        "seen": {"given": replace(GIVEN, seen=SeenMore())},
        "photo": {"given": replace(GIVEN, photo=255 - PHOTO)},
        "person": {"shot": moved},
        "prompt": {"seed": 1},
        "scale": {"asked": replace(asked, conditioning_scale=0.5)},
        "guidance": {"asked": replace(asked, guidance=1.0)},
        "noise": {"asked": replace(asked, seed=1)},
    }
    common = {"shot": shot, "folder": folder, "asked": asked}
    whole = latents_of(rendered(**common, work=Work(tmp_path / "whole")))
    for name, change in others.items():
        made = latents_of(rendered(**{**common, **change}, work=Work(tmp_path / name)))
        assert (made - whole).abs().mean() > 1e-3, name


def test_kept_pixels_come_back_exactly(shot, folder, tmp_path):
    renderer = rendered(shot, folder, Work(tmp_path / "plate"), replace(SMALL, steps=1))
    frames = list(renderer.frames())
    assert len(frames) == 17
    assert {(frame.shape, frame.dtype) for frame in frames} == {((96, 160, 3), np.dtype("uint8"))}
    for index, frame in enumerate(frames):
        plate = Stripes().frame(index)
        # The figure is at most 45 pixels from x = 68, and its rim 35 wide at the plate's size.
        kept = np.zeros((HEIGHT, WIDTH), bool)
        kept[:, :14] = True
        assert np.array_equal(frame[kept], plate[kept])
        assert np.abs(frame[:, 135:].astype(int) - plate[:, 135:]).mean() > 3


def test_windows_join_without_a_seam(folder, tmp_path):
    shot = tiny_shot(tmp_path / "shot", frames=41, rate=16)
    changes = {}
    for window in (17, 41):
        asked = replace(SMALL, window=window, steps=2)
        renderer = rendered(shot, folder, Work(tmp_path / f"{window}"), asked)
        painted = np.stack([renderer._picture(number) for number in range(41)]).astype(float)
        changes[window] = np.abs(np.diff(painted, axis=0)).mean(axis=(1, 2, 3))
        if window == 17:
            assert renderer._spans == (range(5), range(3, 8), range(6, 11))
            spans = [frames_of(span, 4) for span in renderer._spans]
    edges = [span.start for span in spans[1:]] + [span.stop - 1 for span in spans[:-1]]
    # The untrained decoder itself takes some frames to settle.
    settled = changes[17][12:]
    assert np.max(changes[17][edges]) <= 1.1 * np.median(settled)


def test_a_frame_alone_is_the_same_as_among_others_and_the_last_one_is_there(folder, tmp_path):
    shot = tiny_shot(tmp_path / "shot", frames=6, rate=24)
    renderer = rendered(shot, folder, Work(tmp_path / "a"), replace(SMALL, steps=1))
    last = renderer.frame(5)
    assert renderer._indices.tolist() == [0, 2, 4, 5]
    frames = list(renderer.frames())
    assert len(frames) == 6
    assert np.array_equal(frames[5], last)


def test_killed_it_continues_to_the_same_bytes(shot, folder, tmp_path):
    asked = replace(SMALL, steps=7)
    whole = list(rendered(shot, folder, Work(tmp_path / "whole"), asked).frames())

    def killed(done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rendered(shot, folder, Work(tmp_path / "killed", Reporter(killed)), asked).frame(0)
    steps, said = [], []
    reporter = Reporter(lambda done, total: steps.append(done), said.append, said.append)
    work = Work(tmp_path / "killed", reporter, preview_every=1)
    again = list(rendered(shot, folder, work, asked).frames())
    assert steps == [6, 7]
    assert all(map(np.array_equal, again, whole))
    assert (tmp_path / "killed" / STATE_FILE).is_file()
    assert (tmp_path / "killed" / "preview.png").is_file()
    assert any("without a GPU, sampling 17 frames of 112x64 in 2 steps" in line for line in said)


def test_two_experts_share_the_steps(shot, tmp_path):
    folder = save_tiny_vace(tmp_path / "two", experts=2, encodes_text=False)
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    assert checkpoint.transformers == ("transformer", "transformer_2")
    asked = replace(SMALL, steps=4)
    chosen = resolve_vace(asked, PLATE_SIZE)
    model = VaceModel(checkpoint, chosen, CPU)
    called = []
    for name in checkpoint.transformers:
        module = getattr(model._pipeline, name)
        module.register_forward_pre_hook(lambda *given, name=name: called.append(name))
    renderer = rendered(shot, folder, Work(tmp_path / "a"), asked)
    renderer._model = model
    latents_of(renderer)
    order = [name for number, name in enumerate(called) if called[number - 1 : number] != [name]]
    assert order == ["transformer", "transformer_2"]
    below = (model.scheduler.timesteps < 875).sum()
    assert called.count("transformer_2") == int(below) * 2 * len(renderer._spans)


def test_a_prompt_is_encoded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    folder = save_tiny_vace(tmp_path / "one")
    checkpoint = open_video_checkpoint(str(folder), PIPELINE)
    (made,) = encode_prompts(checkpoint, ("a beach  abc",))
    assert (made.text, made.tokens) == ("a beach  abc", 11)
    first = ready_prompts(checkpoint, "one", PROMPT)
    assert first.wanted.shape == first.unwanted.shape == (1, 512, TEXT_WIDTH)
    assert not first.wanted[0, 300:].any() and first.wanted[0, :100].any()
    for name in ("text_encoder", "tokenizer"):
        for file in (folder / name).iterdir():
            file.unlink()
        (folder / name).rmdir()
    again = ready_prompts(checkpoint, "one", PROMPT)
    assert torch.equal(again.wanted, first.wanted)
    with pytest.raises(MissingError, match="has no text encoder here"):
        ready_prompts(checkpoint, "one", "another")


def test_the_weights_of_a_folder_are_looked_at_before_they_are_loaded(folder, tmp_path):
    for part, file in (("vae", "config.json"), ("transformer", "*.safetensors")):
        copy = save_tiny_vace(tmp_path / part, encodes_text=False)
        (lost,) = (copy / part).glob(file)
        lost.unlink()
        with pytest.raises(MissingError, match=f"{lost.name} is missing"):
            open_video_checkpoint(str(copy), PIPELINE)
    index = json.loads((copy / "model_index.json").read_text())
    other = {**index, "_class_name": "WanPipeline"}
    (copy / "model_index.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="holds a WanPipeline, not a WanVACEPipeline"):
        open_video_checkpoint(str(copy), PIPELINE)
    with pytest.raises(InputError, match="no weights are called 'nowhere'"):
        open_video_checkpoint("nowhere", PIPELINE)
    cut = save_tiny_vace(tmp_path / "cut", encodes_text=False)
    weights = cut / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    checkpoint = open_video_checkpoint(str(cut), PIPELINE)
    with pytest.raises(InputError, match="cannot be read as Wan-VACE's weights"):
        VaceModel(checkpoint, resolve_vace(SMALL, PLATE_SIZE), CPU)


@pytest.mark.parametrize(
    ("changed", "message", "hint"),
    [
        ({"window": 80}, "a window of 80 frames", "81"),
        ({"window": 5}, "a window of 5 frames", "9"),
        ({"size": (120, 64)}, "120x64 cannot be sampled", "128x64"),
        ({"steps": 0}, "0 steps", ""),
        ({"guidance": 0.5}, "guidance is 0.5", ""),
        ({"conditioning_scale": 0.0}, "the conditioning scale is 0.0", ""),
        ({"prompt": " "}, "the prompt is empty", ""),
    ],
)
def test_what_wan_cannot_do_is_told(changed, message, hint):
    with pytest.raises(InputError, match=message) as told:
        resolve_vace(replace(SMALL, **changed), PLATE_SIZE)
    assert hint in told.value.hint


def test_a_plate_is_sampled_at_480p_in_its_own_aspect():
    sizes = [resolve_vace(VaceSettings(), size).size for size in ((1920, 1080), (1080, 1920))]
    assert sizes == [(848, 480), (480, 848)]


@given(frames=st.integers(1, 400))
def test_frames_become_whole_latents_and_none_is_lost(frames):
    for held in (4, 8):
        latents = latent_count(frames, held)
        assert frames <= frame_count(latents, held) < frames + held
        assert frames_of(range(latents), held) == range(frame_count(latents, held))


@settings(max_examples=30)
@given(seed=st.integers(0, 999), share=st.floats(0, 1))
def test_pasted_pixels_are_the_plates_and_the_rest_meets_them(seed, share):
    rng = np.random.default_rng(seed)
    plate = np.full((48, 64, 3), 100, np.uint8)
    plate[:] = rng.integers(60, 200, 3, dtype=np.uint8)
    drifted = np.clip(plate.astype(int) + rng.integers(-40, 40, 3), 0, 255).astype(np.uint8)
    seen = np.full((48, 64), 255, np.uint8)
    seen[:, 64 - round(share * 60) :] = 0
    nobody = np.zeros((48, 64), np.float32)
    rims = Rims(seam=2, person=6, copy=2)
    region = open_region(seen, nobody, rims)
    made = join(drifted, plate, region, nobody > 0, rims)
    assert np.array_equal(made[~region], plate[~region])
    # A drift of colour alone is taken back wholly.
    assert np.abs(made.astype(int) - plate).max() <= 1


def test_the_networks_copy_of_the_person_is_covered():
    plate = np.full((60, 80, 3), 120, np.uint8)
    coverage = np.zeros((60, 80), np.float32)
    coverage[20:50, 30:45] = 1
    painted = np.full((60, 80, 3), 140, np.uint8)
    painted[17:53, 27:48] = (250, 10, 10)
    covered = cover_copy(painted, plate, coverage, 5)
    assert np.array_equal(covered[:, :15], painted[:, :15])
    assert np.abs(covered[17:53, 27:48].astype(int) - 140).max() <= 3
