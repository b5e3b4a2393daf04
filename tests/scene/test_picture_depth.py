"""A depth network from an ONNX file: fed what it expects, aligned, refused where it is wrong."""

import numpy as np
import pytest
from streets import camera, guess_of, seen

from dynascene_cli.errors import StageError
from dynascene_cli.inference.onnx_network import OnnxNetwork, close_networks
from dynascene_cli.scene.depth_alignment import align_depth
from dynascene_cli.scene.onnx_depth import MULTIPLE, SHORTER_SIDE, find_depth_network, predict_depth

onnx = pytest.importorskip("onnx")


def red_network(path, *, sides=("height", "width"), scale: float = 1.0):
    """A picture (1, 3, H, W) to its red channel, (1, H, W)."""
    from onnx import TensorProto, helper, numpy_helper

    red = numpy_helper.from_array(np.array([scale, 0, 0], np.float32).reshape(1, 3, 1, 1), "red")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixel_values", "red"], ["one"]),
            helper.make_node("Squeeze", ["one", "axes"], ["predicted_depth"]),
        ],
        "depth",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info("predicted_depth", TensorProto.FLOAT, [1, *sides])],
        [red, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return OnnxNetwork(path)


def disparity_photo(street: str):
    """A street, and a photo whose red is its inverse depth."""
    view = seen(street, camera(), samples=1)
    inverse = np.where(np.isfinite(view.depth), 1 / view.depth, 0)
    photo = np.zeros((*inverse.shape, 3), np.uint8)
    photo[..., 0] = np.round(255 * inverse / inverse.max())
    return view, photo


def test_sides_are_multiples_and_values_are_normalised(tmp_path) -> None:
    _, photo = disparity_photo("canyon")
    depth = predict_depth(photo, red_network(tmp_path / "depth.onnx"))
    assert depth.shape[0] == SHORTER_SIDE
    assert depth.shape[1] % MULTIPLE == 0
    assert depth.min() == pytest.approx(-0.485 / 0.229, abs=0.05)


def test_a_closed_network_predicts_the_same_once_more(tmp_path) -> None:
    _, photo = disparity_photo("canyon")
    network = red_network(tmp_path / "depth.onnx")
    before = predict_depth(photo, network)
    close_networks()
    assert network.is_closed
    assert (predict_depth(photo, network) == before).all()
    assert not network.is_closed


def test_a_network_of_fixed_sides_is_fed_those(tmp_path) -> None:
    _, photo = disparity_photo("canyon")
    network = red_network(tmp_path / "depth.onnx", sides=(56, 98))
    assert predict_depth(photo, network).shape == (56, 98)


def test_what_it_predicts_is_scaled_to_the_ground(tmp_path) -> None:
    view, photo = disparity_photo("bend")
    depth = predict_depth(photo, red_network(tmp_path / "depth.onnx"))
    found, warning = align_depth(depth, guess_of("bend", view))
    assert warning is None
    near = np.isfinite(view.depth) & (view.depth < 12)
    assert np.median(np.abs(found[near] / view.depth[near] - 1)) < 0.05


def test_a_map_against_the_ground_is_told(tmp_path) -> None:
    view, photo = disparity_photo("bend")
    network = red_network(tmp_path / "depth.onnx", scale=-1.0)
    assert align_depth(predict_depth(photo[::-1], network), guess_of("bend", view))[1] is not None


def test_a_network_that_says_nothing_fails_with_the_way_round_it(tmp_path) -> None:
    _, photo = disparity_photo("canyon")
    network = red_network(tmp_path / "depth.onnx", scale=0.0)
    with pytest.raises(StageError) as caught:
        predict_depth(photo, network)
    assert "--depth none" in caught.value.hint


def test_the_installed_network_is_the_default(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path))
    assert find_depth_network() is None
    red_network(tmp_path / "depth-anything-v2-small.onnx")
    assert find_depth_network() == "depth-anything-v2-small"
