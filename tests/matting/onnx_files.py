"""Small ONNX files with the inputs and outputs of published matting networks."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RGB_WEIGHTS = (3.276, -1.188, -2.720)
RGB_OFFSET = -0.711
"""The linear discriminant of the demo's gymnast against what is behind him, RGB in −1..1."""


def save(path, nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def picture_network(
    path, *, names=("input", "output"), sides=("height", "width"), half=False, sign=1.0
):
    """A picture (1, 3, H, W) in −1..1 to an alpha (1, 1, H, W), by each pixel's colour."""
    number, kind = (np.float16, TensorProto.FLOAT16) if half else (np.float32, TensorProto.FLOAT)
    constants = {
        "weights": sign * 3 * np.array(RGB_WEIGHTS, number).reshape(1, 3, 1, 1),
        "offset": sign * 3 * np.array([RGB_OFFSET], number),
    }
    nodes = [
        helper.make_node("Conv", [names[0], "weights", "offset"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [names[1]]),
    ]
    shapes = [(names[0], kind, [1, 3, *sides])], [(names[1], kind, [1, 1, *sides])]
    constants = {name: array.astype(number) for name, array in constants.items()}
    return save(path, nodes, *shapes, constants)


def recurrent_network(path):
    """Robust Video Matting's inputs and outputs; what it remembers are means of the alpha.

    The alpha is by each pixel's colour, and its past is mixed in where the memory has a past.
    """
    channels = (16, 20, 40, 64)
    constants = {
        "scale": np.array(2, np.float32),
        "one": np.array(1, np.float32),
        "weights": 3 * np.array(RGB_WEIGHTS, np.float32).reshape(3, 1),
        "offset": 3 * np.array([RGB_OFFSET], np.float32),
    }
    nodes = [
        helper.make_node("Mul", ["src:0", "scale"], ["doubled"]),
        helper.make_node("Sub", ["doubled", "one"], ["centred"]),
        helper.make_node("MatMul", ["centred", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "offset"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["Identity_1:0"]),
        helper.make_node("Transpose", ["Identity_1:0"], ["planes"], perm=[0, 3, 1, 2]),
    ]
    inputs = [("src:0", TensorProto.FLOAT, [1, "h", "w", 3])]
    outputs = [("Identity_1:0", TensorProto.FLOAT, [1, "h", "w", 1])]
    for number, count in enumerate(channels, 1):
        stride = 2**number
        constants[f"ones{number}"] = np.ones(count, np.float32)
        past, mean, after = f"r{number}i:0", f"mean{number}", f"Identity_{number + 1}:0"
        nodes += [
            helper.make_node(
                "AveragePool", ["planes"], [mean], kernel_shape=[stride, stride],
                strides=[stride, stride], ceil_mode=1,
            ),
            helper.make_node("Transpose", [mean], [f"last{number}"], perm=[0, 2, 3, 1]),
            # The past must have this size, or one pixel, for the sum to have it.
            helper.make_node("Add", [f"last{number}", past], [f"sum{number}"]),
            helper.make_node("Mul", [f"sum{number}", f"ones{number}"], [after]),
        ]  # fmt: skip
        inputs.append((past, TensorProto.FLOAT, [1, f"h{number}", f"w{number}", count]))
        outputs.append((after, TensorProto.FLOAT, [1, f"H{number}", f"W{number}", count]))
    return save(path, nodes, inputs, outputs, constants)
