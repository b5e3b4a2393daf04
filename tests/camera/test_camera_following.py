"""A camera that goes with the person who walks, and keeps them framed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from first_camera import FRAMES, RATE, SUBJECT, moved, reference

from dynascene_cli.camera import load_move, load_trajectory, sample
from dynascene_cli.camera.moves.combine import join_moves
from dynascene_cli.camera.moves.keyframes import Follow, Keyframe, Trajectory
from dynascene_cli.camera.moves.validation import trajectory_from_document
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.geometry import centre, project, rotation_about

SECONDS = np.arange(FRAMES) / float(RATE)
AT_REST = (Keyframe(0.0, look_at=(0, 0, 1)),)


def following(**changes):
    return Trajectory("follow", AT_REST, follow=Follow(**changes))


def walk(velocity, turn=0.0):
    """The subject's contacts (F, 3) at a steady velocity in metres a second, seen from a yaw."""
    return (SUBJECT + SECONDS[:, None] * velocity) @ rotation_about("y", turn).T


def followed(contacts, move=None, place=None):
    place = replace(place or reference(), contacts=contacts)
    return sample(move or following(), place, FRAMES, RATE)


def feet(path, contacts):
    return project(path.intrinsics, path.extrinsics, contacts)


@pytest.mark.parametrize("by", ["truck", "pan"])
def test_one_who_stands_leaves_the_camera_where_it_is_to_the_bit(by):
    place = reference(roll=3.0)
    for contacts in (None, walk([0, 0, 0])):
        path = followed(contacts, following(by=by), place)
        assert (path.extrinsics == place.extrinsics).all()


@pytest.mark.parametrize("velocity", [[1.2, 0, 0], [-0.8, 0, -0.9], [0.3, 0, 1.0]])
@pytest.mark.parametrize("roll", [0.0, 4.0])
def test_a_truck_keeps_a_steady_walker_where_they_were_framed_and_as_large(velocity, roll):
    contacts = walk(velocity)
    path = followed(contacts, following(by="truck"), reference(roll))
    pixels = feet(path, contacts)
    np.testing.assert_allclose(pixels, pixels[:1].repeat(FRAMES, axis=0), atol=1e-6)
    head = feet(path, contacts - [0, 1.7, 0])
    np.testing.assert_allclose(head, head[:1].repeat(FRAMES, axis=0), atol=1e-6)
    assert np.ptp(path.extrinsics[:, :, :3], axis=0).max() < 1e-12


def test_a_pan_turns_after_the_walker_and_stays_on_its_spot():
    contacts = walk([1.0, 0, 0])
    path = followed(contacts, following(by="pan", seconds=0))
    np.testing.assert_allclose(centre(path.extrinsics), 0, atol=1e-12)
    column = feet(path, contacts)[:, 0]
    np.testing.assert_allclose(column, column[0], atol=1e-6)
    right = path.extrinsics[:, 0, :3]
    np.testing.assert_allclose(right[:, 1], 0, atol=1e-12)


@pytest.mark.parametrize("by", ["truck", "pan"])
def test_a_share_makes_that_much_of_the_way(by):
    contacts = walk([1.0, 0, 0.2])
    whole, half = (followed(contacts, following(by=by, share=s, seconds=0)) for s in (1, 0.5))
    if by == "truck":
        np.testing.assert_allclose(
            centre(half.extrinsics), centre(whole.extrinsics) / 2, atol=1e-12
        )
    else:
        turned = half.extrinsics[:, :, :3] @ half.extrinsics[:, :, :3]
        np.testing.assert_allclose(turned, whole.extrinsics[:, :, :3], atol=1e-12)


def test_steps_do_not_reach_the_camera():
    steps = np.floor(SECONDS / 0.5) * 0.5 * 1.2
    contacts = SUBJECT + steps[:, None] * [1, 0, 0]
    path = followed(contacts, following(by="truck"))
    speed = np.diff(centre(path.extrinsics)[:, 0]) * float(RATE)
    assert np.diff(contacts[:, 0]).max() * float(RATE) > 14
    np.testing.assert_allclose(speed, 1.2, atol=0.25)
    assert np.abs(np.diff(speed)).max() < 0.05


def test_the_amount_is_the_share_and_never_more_than_the_whole_way():
    place = replace(reference(), contacts=walk([1.0, 0, 0]))
    whole, half, twice = (moved("follow", a, place=place).extrinsics for a in (1, 0.5, 2))
    turned = half[:, :, :3] @ half[:, :, :3]
    np.testing.assert_allclose(turned, whole[:, :, :3], atol=1e-12)
    np.testing.assert_array_equal(twice, whole)


def test_an_orbit_goes_with_the_walker_whom_it_circles():
    contacts = walk([0.9, 0, 0.4])
    path = followed(contacts, [load_trajectory("orbit-right"), following(by="truck")])
    pixels = feet(path, contacts)
    np.testing.assert_allclose(pixels, pixels[:1].repeat(FRAMES, axis=0), atol=1e-4)
    one = join_moves([load_trajectory("orbit-right"), following(by="truck")], "both")
    np.testing.assert_allclose(followed(contacts, one).extrinsics, path.extrinsics, atol=1e-12)


def test_a_dolly_zoom_that_follows_keeps_the_walker():
    contacts = walk([0.8, 0, 0])
    path = followed(contacts, [load_trajectory("dolly-zoom-in"), following(by="truck")])
    pixels = feet(path, contacts)
    np.testing.assert_allclose(pixels, pixels[:1].repeat(FRAMES, axis=0), atol=0.01)
    assert path.intrinsics[-1, 0, 0] < 960


def test_following_is_done_in_the_first_cameras_level_frame():
    truck = following(by="truck")
    plain = followed(walk([1.0, 0, -0.3]), truck)
    turned = followed(walk([1.0, 0, -0.3], turn=35.0), truck, reference(yaw=35.0))
    np.testing.assert_allclose(
        centre(turned.extrinsics),
        centre(plain.extrinsics) @ rotation_about("y", 35.0).T,
        atol=1e-9,
    )


def test_contacts_of_another_clip_are_refused():
    with pytest.raises(StageError, match="48 ground contacts for 49 frames"):
        followed(walk([1, 0, 0])[:-1])


def test_one_file_follows_once():
    with pytest.raises(InputError, match="more than one of the moves follows the person"):
        join_moves([following(), following(by="truck")], "both")
    assert (
        join_moves(load_move("dolly-in+follow"), "both").follow == load_trajectory("follow").follow
    )


@pytest.mark.parametrize(
    ("follow", "message", "hint"),
    [
        ({"by": "dolly"}, 'mine.json: follow.by is "dolly"', "one of pan, truck"),
        ({"share": 2}, "mine.json: follow.share is 2", "a number from 0 to 1"),
        ({"lag": 1}, "mine.json: follow: unknown key 'lag'", "known keys: by, share, seconds"),
        (True, "mine.json: follow is true", "An object with by, share and seconds"),
    ],
)
def test_a_mistake_in_follow_is_told(follow, message, hint):
    document = {"version": 1, "follow": follow, "keyframes": [{"time": 0, "look_at": [0, 0, 1]}]}
    with pytest.raises(InputError) as told:
        trajectory_from_document(document, "mine.json")
    assert told.value.message == message
    assert hint in told.value.hint


def test_check_and_plot_show_a_person_who_walks_to_the_right(dynascene, tmp_path):
    told = dynascene("trajectory", "check", "follow").out
    assert "the camera goes 0.00 m and turns 56.3" in told
    document = {
        "version": 1,
        "follow": {"by": "truck"},
        "keyframes": [{"time": 0, "look_at": [0, 0, 1]}],
    }
    (tmp_path / "truck.json").write_text(json.dumps(document))
    told = dynascene("trajectory", "check", "truck.json").out
    assert "the camera goes 6.00 m and turns 0.0°" in told
    assert dynascene("trajectory", "plot", "truck.json", "-o", "truck.png").code == 0
