import cv2
import numpy as np
import pytest

from dynascene_cli.compositing.composite import CompositeSettings, Compositor
from dynascene_cli.compositing.linear_light import DECODE
from dynascene_cli.compositing.look import Look
from dynascene_cli.errors import InputError
from dynascene_cli.video.srgb_curve import display_light, linear_light

OFF = CompositeSettings("off", shadow=False, light_wrap=False, plate_blur=False, grain=False)
WIDTH, HEIGHT = 120, 90
IDENTITY = np.eye(2, 3)
LAYERS = ("background", "foreground", "matte", "shadow")
CONTACT = np.array([60.0, 80.0])


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def figure():
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(alpha, (52, 15), (67, 79), 255, -1)
    return cv2.GaussianBlur(alpha, (0, 0), 1.0)


def composite(settings, alpha, similarity=IDENTITY, look=None, contact=CONTACT, index=0):
    compositor = Compositor(look or Look(), settings, WIDTH, HEIGHT)
    return compositor.frame(index, noise(1), alpha, noise(2), similarity, contact, 65.0)


@pytest.mark.parametrize("settings", [OFF, CompositeSettings()])
def test_an_opaque_matte_gives_the_clip_frame(settings):
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    assert np.array_equal(composite(settings, alpha).picture, noise(1))


@pytest.mark.parametrize("settings", [OFF, CompositeSettings()])
def test_an_empty_matte_gives_the_plate(settings):
    result = composite(settings, np.zeros((HEIGHT, WIDTH), np.uint8))
    assert np.array_equal(result.picture, noise(2))
    assert not result.matte.any()
    assert not result.foreground.any()
    assert not result.shadow.any()


def test_half_alpha_mixes_light_not_display_values():
    frame = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    plate = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[20:70, 30:90] = 128
    result = Compositor(Look(), OFF, WIDTH, HEIGHT).frame(
        0, frame, alpha, plate, IDENTITY, CONTACT, 65.0
    )
    assert result.picture[45, 60].tolist() == [188, 188, 188]


def test_nothing_changes_outside_the_boxes():
    result = composite(CompositeSettings(), figure())
    outside = np.ones((HEIGHT, WIDTH), bool)
    result.person_box.crop(outside)[:] = False
    result.shadow_box.crop(outside)[:] = False
    assert outside.any()
    assert np.array_equal(result.picture[outside], noise(2)[outside])


def test_the_layers_make_the_picture():
    look = Look((1.1, 1.0, 0.95), 0.6, 2.0, 0.7)
    result = composite(CompositeSettings(), figure(), look=look)
    light = DECODE[result.background].astype(float)
    light *= 1 - result.shadow[..., 3:] / 255
    share = result.foreground[..., 3:] / 255
    light = share * DECODE[result.foreground[..., :3]] + (1 - share) * light
    remade = np.round(255 * display_light(light))
    assert np.abs(remade - result.picture).max() <= 1
    assert np.array_equal(result.matte, result.foreground[..., 3])


SMALLER = np.array([[0.8, 0.0, 12.3], [0.0, 0.8, 9.6]])
TURNED = np.array([[0.79, 0.06, 12.3], [-0.06, 0.79, 11.6]])


@pytest.mark.parametrize("similarity", [IDENTITY, SMALLER, TURNED])
def test_sixteen_bits_are_those_of_eight_and_more(similarity):
    look = Look((1.1, 1.0, 0.95), 0.6, 2.0, 0.7)
    compositor = Compositor(look, CompositeSettings(), WIDTH, HEIGHT)
    frame, alpha, plate = noise(1), figure(), noise(2)
    made = compositor.frame(3, frame, alpha, plate, similarity, CONTACT, 65.0)
    filmed, background = (image.astype(np.uint16) * 257 for image in (frame, plate))
    deep = compositor.deepened(made, 3, filmed, alpha, background, similarity)
    pairs = {name: (getattr(deep, name), getattr(made, name)) for name in LAYERS}
    for name, (fine, coarse) in {**pairs, "picture": (deep.deep_picture, made.picture)}.items():
        assert fine.dtype == np.uint16
        assert np.abs(fine / 257 - coarse).max() <= 3, name
    assert (pairs["shadow"][0] % 257 != 0).any()
    assert (pairs["matte"][0] % 257 != 0).any()
    light = linear_light(deep.background / 65535) * (1 - deep.shadow[..., 3:] / 65535)
    share = deep.foreground[..., 3:] / 65535
    light = share * linear_light(deep.foreground[..., :3] / 65535) + (1 - share) * light
    assert np.abs(65535 * display_light(light) - deep.deep_picture).max() <= 2


def test_layers_are_the_same_in_place_and_for_a_shifted_clip():
    shifted = np.array([[1.0, 0.0, 5.0], [0.0, 1.0, -3.0]])
    alpha = figure()
    here, there = composite(OFF, alpha), composite(OFF, alpha, shifted)
    assert np.array_equal(np.roll(here.matte, (-3, 5), (0, 1)), there.matte)


def test_a_frame_is_the_same_whenever_it_is_made():
    look = Look((1.1, 1.0, 0.95), 0.6, 2.0, 0.7)
    compositor = Compositor(look, CompositeSettings(seed=5), WIDTH, HEIGHT)

    def frame(index):
        return compositor.frame(
            index, noise(index), figure(), noise(2), IDENTITY, CONTACT, 65.0
        ).picture.tobytes()

    forwards = [frame(index) for index in range(3)]
    assert [frame(index) for index in (2, 1, 0)] == forwards[::-1]
    assert composite(CompositeSettings(seed=5), figure(), look=look, index=1).picture.shape


def test_a_person_cut_by_the_frame_edge_stays_opaque_to_it():
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[30:, 40:80] = 255
    larger = np.array([[1.2, 0.0, -12.0], [0.0, 1.2, -18.0]])
    matte = composite(OFF, alpha, larger).matte
    assert matte[-1, 60] == 255
    assert composite(OFF, alpha).matte[-1, 60] == 255


def test_a_person_moved_out_of_the_frame_leaves_the_plate():
    away = np.array([[1.0, 0.0, 500.0], [0.0, 1.0, 0.0]])
    assert np.array_equal(composite(OFF, figure(), away).picture, noise(2))


def test_light_wrap_brightens_the_edge_only():
    plate = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    frame = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[10:80, 30:90] = 255
    wrap = CompositeSettings("off", shadow=False, plate_blur=False, grain=False)
    picture = (
        Compositor(Look(), wrap, WIDTH, HEIGHT)
        .frame(0, frame, alpha, plate, IDENTITY, CONTACT, 65.0)
        .picture
    )
    assert 20 < picture[45, 30, 0] < 130
    assert picture[45, 60, 0] == 20


def test_relighting_the_person_leaves_the_plate():
    look = Look((1.3, 1.2, 1.1))
    result = composite(CompositeSettings("person", False, False, False, False), figure(), look=look)
    assert np.array_equal(result.background, noise(2))
    inner = (slice(30, 60), slice(56, 64))
    assert result.picture[inner].mean() < noise(1)[inner].mean()


def test_a_silhouette_is_lifted_and_its_white_stays():
    frame = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    frame[40:50] = 255
    lifted = CompositeSettings("person", False, False, False, False)
    made = Compositor(Look(silhouette=5.0), lifted, WIDTH, HEIGHT).frame(
        0, frame, figure(), noise(2), IDENTITY, CONTACT, 65.0
    )
    assert 30 < made.picture[35, 60, 0] < 50
    assert made.picture[45, 60, 0] == 255
    assert np.array_equal(made.background, noise(2))


def test_relighting_the_scene_leaves_the_person():
    look = Look((1.3, 1.2, 1.1))
    result = composite(CompositeSettings("scene", False, False, False, False), figure(), look=look)
    inner = (slice(30, 60), slice(56, 64))
    assert np.array_equal(result.picture[inner], noise(1)[inner])
    assert result.background.mean() > noise(2).mean()


def test_inputs_are_not_written_to():
    frame, alpha, plate = noise(1), figure(), noise(2)
    for array in (frame, alpha, plate):
        array.flags.writeable = False
    look = Look((1.0, 1.0, 1.0), 0.0, 2.0)
    Compositor(look, CompositeSettings(), WIDTH, HEIGHT).frame(
        0, frame, alpha, plate, IDENTITY, CONTACT, 65.0
    )


def test_sizes_that_do_not_fit_are_named():
    compositor = Compositor(Look(), OFF, WIDTH, HEIGHT)
    with pytest.raises(InputError, match="a plate is 120x80, the output is 120x90"):
        compositor.frame(0, noise(1), figure(), noise(2)[:80], IDENTITY, CONTACT, 65.0)
    with pytest.raises(InputError, match="a matte is 100x90, its frame is 120x90"):
        compositor.frame(0, noise(1), figure()[:, :100], noise(2), IDENTITY, CONTACT, 65.0)
