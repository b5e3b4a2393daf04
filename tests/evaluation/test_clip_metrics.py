"""The metrics on pictures whose numbers are known, or that another implementation measures too."""

import cv2
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dynascene_cli import geometry as maths
from dynascene_cli.evaluation.clips import pictures
from dynascene_cli.evaluation.clips.camera_following import camera_errors
from dynascene_cli.evaluation.clips.mattes import MatteErrors, connectivity_error, gradient_error
from dynascene_cli.evaluation.clips.warping import WarpingError
from dynascene_cli.evaluation.frechet import frechet_distance, frechet_score
from dynascene_cli.evaluation.networks.i3d import I3D
from dynascene_cli.evaluation.networks.inception import Inception
from dynascene_cli.evaluation.networks.resnet3d import ResNet3D
from dynascene_cli.video import read_photo, resize_to_cover


@pytest.fixture(scope="module")
def picture(photo) -> np.ndarray:
    """768 × 432, whose colours leave room for what is added to them."""
    return np.clip(resize_to_cover(read_photo(photo).pixels, 768, 432), 60, 190)


def noisy(picture: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return np.clip(np.round(picture + noise), 0, 255).astype(np.uint8)


def test_psnr_of_known_errors_in_both_protocols(picture):
    """What the paper's arithmetic makes of them, overflows and all."""
    added = picture + np.uint8(16)
    assert pictures.psnr(added, picture, "standard") == pytest.approx(24.05, abs=0.005)
    assert pictures.psnr(added, picture, "paper") == 100
    noise = noisy(picture, 20)
    with np.errstate(over="ignore"):
        wrapped = np.mean((noise - picture) ** 2)
    assert wrapped < np.mean((noise.astype(float) - picture) ** 2)
    expected = 20 * np.log10(255 / np.sqrt(wrapped))
    assert pictures.psnr(noise, picture, "paper") == pytest.approx(expected, rel=1e-12)
    # On which the paper's rows sit: that of differences of which any is as likely.
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    plateau = pictures.psnr(ramp, np.zeros_like(ramp), "paper")
    assert plateau == pytest.approx(27.898, abs=5e-4)


def test_psnr_and_ssim_are_scikit_images(picture):
    noise = noisy(picture, 12)
    theirs = peak_signal_noise_ratio(picture, noise, data_range=255)
    assert pictures.psnr(noise, picture, "standard") == pytest.approx(theirs, rel=1e-12)
    gaussian = structural_similarity(
        picture, noise, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, data_range=255,
    )  # fmt: skip
    assert pictures.ssim(noise, picture, "standard") == pytest.approx(gaussian, rel=1e-9)
    grey = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (picture, noise)]
    assert pictures.ssim(noise, picture, "paper") == pytest.approx(
        structural_similarity(*grey), rel=1e-12
    )


def test_l1_of_the_paper_is_over_the_pixels(picture):
    added = picture + np.uint8(3)
    assert pictures.l1(added, picture, "standard") == pytest.approx(3 / 255)
    assert pictures.l1(added, picture, "paper") * 331776 == pytest.approx(3)


def test_a_perfect_picture_is_perfect(picture):
    for protocol in ("standard", "paper"):
        assert pictures.l1(picture, picture, protocol) == 0
        assert pictures.psnr(picture, picture, protocol) == 100
        assert pictures.ssim(picture, picture, protocol) == 1


def test_background_and_person_are_told_apart(picture):
    alpha = np.zeros(picture.shape[:2], np.uint8)
    alpha[100:300, 200:400] = 255
    changed = picture.copy()
    changed[100:300, 200:400] += 40
    assert pictures.background_errors(changed, picture, alpha == 0) == {
        "background_l1": 0, "background_psnr": 100, "background_ssim": 1,
    }  # fmt: skip
    person = pictures.surely_person(alpha)
    assert person.sum() == 196**2
    found = pictures.foreground_errors(changed, picture, person)
    assert found["foreground_mae"] == 40
    assert found["foreground_psnr"] == pytest.approx(20 * np.log10(255 / 40))


def test_what_moves_with_the_truth_has_no_warping_error(picture):
    """Shifted by whole pixels: the truth's own flow explains it; noise of each frame does not."""
    panned = [np.ascontiguousarray(picture[:, 4 * i : 4 * i + 640]) for i in range(4)]
    still, flickering = WarpingError(), WarpingError()
    for index, frame in enumerate(panned):
        still.add(frame, frame)
        flickering.add(noisy(frame, 10 + index), frame)
    smooth, rough = still.finish(), flickering.finish()
    assert smooth["warping_error"] == smooth["warping_error_truth"] < 1e-4
    assert rough["warping_error_truth"] == smooth["warping_error_truth"]
    # Twice the noise's variance, of three colours.
    assert rough["warping_error"] == pytest.approx(2 * 3 * (11.5 / 255) ** 2, rel=0.2)


def test_matte_errors_of_known_differences():
    truth = np.zeros((60, 80), np.uint8)
    truth[20:40, 20:60] = 255
    made = truth.copy()
    made[20:40, 20:24] = 0
    errors = MatteErrors()
    errors.add(truth, truth)
    errors.add(made, truth)
    found = errors.finish()
    share = 80 / 4800
    assert found["mad"] == pytest.approx(share * 1e3 / 2)
    assert found["mse"] == pytest.approx(share * 1e3 / 2)
    assert found["sad"] == pytest.approx(0.080 / 2)
    assert found["dtssd"] == pytest.approx(np.sqrt(share) * 1e2 / 2)
    assert found["conn"] == pytest.approx(0.080 / 2)
    assert found["grad"] > 0
    perfect = MatteErrors()
    perfect.add(truth, truth)
    assert set(perfect.finish().values()) == {0.0}


def test_what_is_detached_is_disconnected():
    truth = np.zeros((40, 40))
    truth[5:20, 5:20] = 1
    island = truth.copy()
    island[30:34, 30:34] = 1
    faint = truth.copy()
    faint[30:34, 30:34] = 0.1
    assert connectivity_error(island, truth) == pytest.approx(0.016)
    assert connectivity_error(faint, truth) == 0, "differences below 0.15 do not count"


def test_gradients_are_those_of_a_gaussian():
    """|∇α| by scipy's Gaussian derivative, which has the same shape up to the kernel's norm."""
    rng = np.random.default_rng(2)
    a, b = (cv2.GaussianBlur(rng.random((50, 60)), (0, 0), 2) for _ in range(2))
    stretched = [(each - each.min()) / np.ptp(each) for each in (a, b)]

    def slope(alpha):
        parts = [
            scipy.ndimage.gaussian_filter(alpha, 1.4, order=order, mode="nearest", radius=4)
            for order in ((1, 0), (0, 1))
        ]
        return np.hypot(*parts)

    x = np.arange(-4, 5)
    bell = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * np.sqrt(2 * np.pi))
    norm = np.linalg.norm(np.outer(bell, x * bell / 1.4**2))
    expected = ((slope(stretched[0]) - slope(stretched[1])) ** 2).sum() / norm**2 / 1e3
    assert gradient_error(a, b) == pytest.approx(expected, rel=0.05)


def turning(degrees: float, step: float, frames: int = 5) -> np.ndarray:
    turns = np.stack([maths.rotation_about("y", degrees * i) for i in range(frames)])
    return maths.pose_from_centre(turns, np.arange(frames)[:, None] * [step, 0.0, 0.0])


def test_camera_errors_of_known_paths():
    same = camera_errors(turning(2, 0.1), turning(2, 0.1))
    assert (same.rotation, same.translation, same.both) == pytest.approx((0, 0, 0), abs=1e-6)
    turned = camera_errors(turning(3, 0.1), turning(2, 0.1))
    assert turned.rotation == pytest.approx(np.radians(1 + 2 + 3 + 4), rel=1e-6)
    assert turned.translation == pytest.approx(0, abs=1e-9)
    scaled = camera_errors(turning(2, 0.7), turning(2, 0.1))
    assert scaled.translation == pytest.approx(0, abs=1e-9), "each path by its own length"
    back = camera_errors(turning(2, -0.1), turning(2, 0.1))
    assert back.translation == pytest.approx(2 * (0.25 + 0.5 + 0.75 + 1))
    assert back.both == pytest.approx(back.translation)


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 9), st.integers(0, 2**31))
@settings(max_examples=30)
def test_the_frechet_distance_is_that_of_matrix_square_roots(n, m, dimension, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, dimension)), rng.normal(0.5, 2, size=(m, dimension))
    first, second = (np.atleast_2d(np.cov(each.T)) for each in (a, b))
    nothing = np.eye(dimension) * 1e-12
    root = np.real(scipy.linalg.sqrtm((first + nothing) @ (second + nothing)))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_a_frechet_score_says_what_it_is_worth():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(40, 8))
    clips = np.repeat(np.arange(10), 4)
    good = frechet_score(truth + rng.normal(0, 0.1, truth.shape), truth, clips)
    bad = frechet_score(truth + 3, truth, clips)
    assert good.comparable and (good.samples, good.dimension) == (40, 8)
    assert good.at_floor < 1.5 * good.floor < bad.at_floor
    assert bad.value == pytest.approx(8 * 9)
    few = frechet_score(truth[:8], truth[:8], np.arange(8))
    assert not few.comparable and few.value == pytest.approx(0, abs=1e-9)
    assert frechet_score(truth[:8], truth[:8], np.zeros(8)).standard_error is None


def randomise(network: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 1.5)
        elif values.dtype.is_floating_point:
            values.normal_(0, 0.2)
    return network.eval()


def test_inception_blocks_are_their_formula():
    """The first mixed block, branch by branch, with batch norms folded by hand."""
    network = randomise(Inception(divisor=16))
    block = network.get_submodule("Mixed_5b")
    values = torch.randn(1, 12, 7, 7)

    def conv(name: str, inputs: torch.Tensor, padding: int = 0) -> torch.Tensor:
        layer = block.get_submodule(name)
        bn = layer.bn
        scale = bn.weight / torch.sqrt(bn.running_var + 1e-3)
        shift = bn.bias - bn.running_mean * scale
        made = torch.nn.functional.conv2d(inputs, layer.conv.weight, padding=padding)
        return torch.clamp(made * scale[:, None, None] + shift[:, None, None], min=0)

    counted = torch.nn.functional.avg_pool2d(torch.ones(1, 1, 7, 7), 3, 1, 1)
    pooled = torch.nn.functional.avg_pool2d(values, 3, 1, 1) / counted
    expected = torch.cat(
        [
            conv("branch1x1", values),
            conv("branch5x5_2", conv("branch5x5_1", values), 2),
            conv("branch3x3dbl_3",
                 conv("branch3x3dbl_2", conv("branch3x3dbl_1", values), 1), 1),
            conv("branch_pool", pooled),
        ],
        dim=1,
    )  # fmt: skip
    with torch.no_grad():
        assert torch.allclose(block(values), expected, atol=1e-5)
        assert network(torch.randn(2, 3, 299, 299)).shape == (2, 128)
    assert sum(values.numel() for values in Inception().parameters()) == 21_785_568


def test_3d_resnet_blocks_are_their_formula():
    network = randomise(ResNet3D(width=4))
    block = network.get_submodule("layer2.0")
    values = torch.rand(1, 16, 4, 6, 6)

    def norm(name: str, made: torch.Tensor) -> torch.Tensor:
        bn = block.get_submodule(name)
        scale = bn.weight / torch.sqrt(bn.running_var + 1e-5)
        wide = (slice(None), None, None, None)
        return made * scale[wide] + (bn.bias - bn.running_mean * scale)[wide]

    conv = torch.nn.functional.conv3d
    with torch.no_grad():
        inner = torch.clamp(norm("bn1", conv(values, block.conv1.weight)), min=0)
        inner = torch.clamp(norm("bn2", conv(inner, block.conv2.weight, None, 2, 1)), min=0)
        inner = norm("bn3", conv(inner, block.conv3.weight))
        around = norm("downsample.1", conv(values, block.downsample[0].weight, None, 2))
        assert torch.allclose(block(values), torch.clamp(inner + around, min=0), atol=1e-5)
        assert network(torch.rand(1, 3, 16, 112, 112)).shape == (1, 128)
    assert sum(values.numel() for values in ResNet3D().parameters()) == 46_198_976


def test_i3d_pads_as_tensorflow_does():
    """A lone bright pixel reaches the same outputs as through explicit zeros around it."""
    network = randomise(I3D())
    unit = network.get_submodule("Conv3d_1a_7x7")
    clip = torch.zeros(1, 3, 9, 16, 16)
    clip[0, :, 4, 7, 9] = 1
    padded = torch.nn.functional.pad(clip, (2, 3, 2, 3, 3, 3))
    with torch.no_grad():
        expected = torch.relu(
            unit.bn(torch.nn.functional.conv3d(padded, unit.conv3d.weight, None, 2))
        )
        assert torch.equal(unit(clip), expected)
    assert sum(values.numel() for values in I3D().parameters()) == 12_697_264


def test_lpips_is_the_librarys_on_its_example(tmp_path, monkeypatch):
    import true_weights

    from dynascene_cli import weights
    from dynascene_cli.evaluation.networks.lpips import Lpips

    folder = true_weights.packages()
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path))
    for network, backbone, heads in (("alexnet", "alexnet-imagenet", "alex"),
                                     ("vgg16", "vgg16-imagenet", "vgg")):  # fmt: skip
        true_weights.write_backbone(network, tmp_path / "backbone.pth")
        true_weights.write_heads(heads, tmp_path / "heads.pth")
        weights.add(backbone, tmp_path / "backbone.pth")
        weights.add(f"lpips-{heads}", tmp_path / "heads.pth")
    shown = [
        torch.from_numpy(read_photo(folder / f"{name}.png").pixels.transpose(2, 0, 1)[None].copy())
        / 127.5 - 1
        for name in ("ex_ref", "ex_p0", "ex_p1")
    ]  # fmt: skip
    expected = {"alex": (0.7219, 0.1376), "vgg": (0.5686, 0.4217)}
    for backbone, distances in expected.items():
        lpips = Lpips(backbone)
        found = [round(lpips(shown[0], each), 4) for each in shown[1:]]
        assert tuple(found) == distances


def test_i3d_with_true_weights_tells_the_logits_of_the_original(tmp_path):
    """Its logits of a fixed clip, as the flax original computes them."""
    import true_weights

    from dynascene_cli.evaluation.networks.weight_files import fill

    true_weights.write_i3d(tmp_path / "i3d.pt")
    network = fill(I3D(), tmp_path / "i3d.pt", "i3d-kinetics400")
    clip = np.random.default_rng(0).uniform(-1, 1, (1, 16, 224, 224, 3)).astype(np.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(clip).permute(0, 4, 1, 2, 3))[0]
    expected = np.load(true_weights.REFERENCE)
    assert np.abs(logits.numpy() - expected).max() < 2e-5
