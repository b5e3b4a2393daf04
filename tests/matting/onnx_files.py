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


def recurrent_network(path, *, published=False):
    """Robust Video Matting's inputs and outputs; what it remembers are running sums of its alpha.

    The authors' file (``published``) has its channels first and is told a ratio; the other has
    them last. Each pixel's alpha follows from its colour.
    """
    source = "src" if published else "src:0"
    alpha = "pha" if published else "Identity_1:0"
    constants = {
        "scale": np.array(2, np.float32),
        "one": np.array(1, np.float32),
        "weights": 3 * np.array(RGB_WEIGHTS, np.float32).reshape(1, 3, 1, 1),
        "offset": 3 * np.array([RGB_OFFSET], np.float32),
    }
    first = [source] if published else ["first"]
    nodes = [] if published else [_turned(source, "first", last=False)]
    nodes += [
        helper.make_node("Mul", [*first, "scale"], ["doubled"]),
        helper.make_node("Sub", ["doubled", "one"], ["centred"]),
        helper.make_node("Conv", ["centred", "weights", "offset"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [alpha if published else "planes"]),
    ]
    nodes += [] if published else [_turned("planes", alpha, last=True)]
    number_type = TensorProto.FLOAT
    inputs = [(source, number_type, _shape(3, "", published))]
    outputs = [(alpha, number_type, _shape(1, "", published))]
    if published:
        inputs.append(("downsample_ratio", number_type, [1]))
    for number, count in enumerate((16, 20, 40, 64), 1):
        stride = 2**number
        past = f"r{number}i" if published else f"r{number}i:0"
        after = f"r{number}o" if published else f"Identity_{number + 1}:0"
        mean, total = f"mean{number}", f"sum{number}"
        constants[f"ones{number}"] = np.ones((1, count, 1, 1), np.float32)
        sides = {"kernel_shape": [stride, stride], "strides": [stride, stride], "ceil_mode": 1}
        planes = alpha if published else "planes"
        nodes.append(helper.make_node("AveragePool", [planes], [mean], **sides))
        nodes.append(helper.make_node("Mul", [mean, f"ones{number}"], [f"many{number}"]))
        # The past must have this size, or one pixel, for the sum to have it.
        if published:
            nodes.append(helper.make_node("Add", [f"many{number}", past], [after]))
        else:
            nodes.append(_turned(past, f"past{number}", last=False))
            nodes.append(helper.make_node("Add", [f"many{number}", f"past{number}"], [total]))
            nodes.append(_turned(total, after, last=True))
        inputs.append((past, number_type, _shape(count, f"i{number}", published)))
        outputs.append((after, number_type, _shape(count, f"o{number}", published)))
    return save(path, nodes, inputs, outputs, constants)


def _turned(source, target, *, last):
    return helper.make_node(
        "Transpose", [source], [target], perm=[0, 2, 3, 1] if last else [0, 3, 1, 2]
    )


def _shape(channels, mark, published):
    sides = [f"height{mark}", f"width{mark}"]
    return [1, channels, *sides] if published else [1, *sides, channels]


def yolox_network(path, box, *, side=416, score=0.9, classes=80):
    """YOLOX that sees one person in ``box``, in pixels of its canvas, whatever it is shown."""
    cells = [(stride, side // stride) for stride in (8, 16, 32)]
    told = np.zeros((1, sum(count**2 for _, count in cells), 5 + classes), np.float32)
    x0, y0, x1, y1 = np.array(box) / 32
    column, row = int((x0 + x1) / 2), int((y0 + y1) / 2)
    place = cells[0][1] ** 2 + cells[1][1] ** 2 + row * cells[2][1] + column
    told[0, place, :4] = (x0 + x1) / 2 - column, (y0 + y1) / 2 - row, *np.log((x1 - x0, y1 - y0))
    told[0, place, 4:6] = 1, score
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
        helper.make_node("Mul", ["brightest", "nothing"], ["zero"]),
        helper.make_node("Add", ["told", "zero"], ["output"]),
    ]
    inputs = [("images", TensorProto.FLOAT, [1, 3, side, side])]
    outputs = [("output", TensorProto.FLOAT, list(told.shape))]
    return save(path, nodes, inputs, outputs, {"told": told, "nothing": np.float32([0])})
