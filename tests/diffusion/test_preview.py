"""Contact sheets of what sampling is heading for."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from tiny_networks import seeded
from tiny_shots import tiny_shot

from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.diffusion.image_processor import to_signed_tensor
from dynascene_cli.diffusion.preview import SHOWN, WIDTH, Previewer
from dynascene_cli.diffusion.renderer import DiffusionRenderer
from dynascene_cli.diffusion.sampled_plate import PREVIEW_FILE, Reporter, Work
from dynascene_cli.diffusion.sampling_settings import SamplingSettings
from dynascene_cli.video import read_photo


def smooth_photo(width: int, height: int) -> np.ndarray:
    small = np.random.default_rng(2).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def test_colours_are_the_best_linear_function_of_the_scenes_latents():
    """Of latents that are a linear function of the photo, it is that function."""
    photo = smooth_photo(16, 9)
    mixing = torch.tensor([[0.5, 0.1, 0.2], [0.0, 0.7, 0.3], [0.4, 0.2, 0.9], [0.3, 0.3, 0.1]])
    latents = torch.einsum("lc,nchw->nlhw", mixing, to_signed_tensor(photo)) + 0.2
    previewer = Previewer(latents, photo)
    assert np.abs(previewer.picture(latents).astype(int) - photo).max() <= 1
    darker = 0.2 + 0.5 * (latents - 0.2)
    expected = ((photo / 127.5 - 1) * 0.5 + 1) * 127.5
    assert np.abs(previewer.picture(darker) - expected).max() <= 1


def test_a_photo_of_one_colour_leaves_the_preview_finite():
    grey = np.full((9, 16, 3), 90, np.uint8)
    previewer = Previewer(torch.ones(1, 4, 9, 16), grey)
    assert np.abs(previewer.picture(torch.ones(1, 4, 9, 16)).astype(int) - 90).max() <= 1


def test_latents_without_a_vae_are_decoded_exactly():
    network = seeded(preset("mini"))
    photo = smooth_photo(64, 36)
    with torch.no_grad():
        latents = network.encode(to_signed_tensor(photo))
    picture = Previewer(latents, photo, network.blocks.decode_anywhere).picture(latents)
    assert picture.shape == photo.shape
    assert np.abs(picture.astype(int) - photo).mean() < 3


def test_a_sheet_shows_frames_of_the_whole_clip_in_order():
    network = seeded(preset("mini"))
    levels = torch.linspace(-3, 3, 40)
    latents = torch.zeros(1, 12, 40, 9, 16)
    latents[:, 0] = levels[:, None, None]
    exact = network.blocks.decode_anywhere
    sheet = Previewer(latents[:, :, 0], smooth_photo(64, 36), exact).sheet(latents)
    height = round(WIDTH * 9 / 16)
    assert sheet.shape == (3 * height, 4 * WIDTH, 3)
    middles = [
        sheet[row * height + height // 2, column * WIDTH + WIDTH // 2].mean()
        for row in range(3)
        for column in range(4)
    ]
    assert len(middles) == SHOWN
    assert middles == sorted(middles)
    assert middles[-1] - middles[0] > 50


def test_previews_are_written_while_it_samples_and_change_nothing(tmp_path):
    shot = tiny_shot(tmp_path / "shot", frames=2)
    settings = SamplingSettings(steps=5, size=(64, 64))
    file, seen, said = tmp_path / PREVIEW_FILE, [], []

    def progress(done, total):
        seen.append(file.read_bytes() if file.exists() else b"")

    reporter = Reporter(progress, say=said.append)
    with_previews = DiffusionRenderer(
        shot, "tests-tiny", Work(tmp_path, reporter, preview_every=2, device="cpu"), settings
    ).frame(0)
    assert said == [f"preview after every 2 steps: {file}"]
    first, second = seen[1], seen[3]
    assert [picture == b"" for picture in seen] == [True, False, False, False, False]
    assert seen == [b"", first, first, second, second]
    assert first != second
    assert read_photo(file).pixels.shape == (WIDTH, 2 * WIDTH, 3)
    (tmp_path / "plain").mkdir()
    plain = DiffusionRenderer(
        shot, "tests-tiny", Work(tmp_path / "plain", device="cpu"), replace(settings)
    )
    assert np.array_equal(plain.frame(0), with_previews)
    assert not (tmp_path / "plain" / PREVIEW_FILE).exists()
