"""A TensorFlow.js graph model as an ONNX file: only the operations of the one network that `make models` fetches.

Source: camera notes, *A trained network*. Pictures are height × width × channels there and channels first here, so
axis 3 becomes axis 1; SAME padding is written out, the odd pixel right and below, as TensorFlow does it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
Node = Mapping[str, Any]
OPSET = 13
"""Of ONNX: old enough for each runtime, new enough for Resize with `asymmetric`."""
_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}
"""From height × width × channels to channels × height × width."""


class NotConvertibleError(ValueError):
    """The graph holds an operation that this converter does not know."""


def convert(model: Mapping[str, Any], weights: bytes, *, image: str, size: int, outputs: Sequence[str]) -> bytes:
    """The ONNX file of the graph from `image` (a picture of `size` × `size`, RGB, 0 to 255) to `outputs`.

    NotConvertibleError where it holds anything unknown; KeyError where a name is not in the graph.
    """
    graph = _Graph({node["name"]: node for node in model["modelTopology"]["node"]}, _weights(model, weights))
    graph.shapes[image] = (1, 3, size, size)
    for name in outputs:
        graph.need(name)
    made = helper.make_graph(
        graph.made, "network", [helper.make_tensor_value_info(image, TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(graph.shapes[name])) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )  # fmt: skip
    # IR version 8 is what goes with this opset; the library would write its own newest, which older runtimes refuse
    onnx_model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(onnx_model)
    made_of: bytes = onnx_model.SerializeToString()
    return made_of


def _weights(model: Mapping[str, Any], raw: bytes) -> dict[str, Array]:
    """Every constant by name; those kept at half precision are widened."""
    found: dict[str, Array] = {}
    at = 0
    for each in model["weightsManifest"][0]["weights"]:
        kept = np.dtype(each.get("quantization", {}).get("dtype", each["dtype"]))
        count = math.prod(each["shape"])
        found[each["name"]] = np.frombuffer(raw, kept, count, at).astype(each["dtype"]).reshape(each["shape"])
        at += count * kept.itemsize
    if at != len(raw):
        raise NotConvertibleError(f"the weights are {len(raw)} bytes; the graph's list of them describes {at}")
    return found


class _Graph:
    """What is converted so far; shapes are tracked, because SAME padding depends on them."""

    def __init__(self, nodes: Mapping[str, Node], weights: Mapping[str, Array]) -> None:
        self._nodes, self._weights = nodes, weights
        self.made: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}

    def need(self, name: str) -> tuple[int, ...]:
        """Convert a node and all before it, once; its shape, channels first."""
        if name not in self.shapes:
            node = self._nodes[name]
            if node["op"] == "Const":
                value = self._weights[name]
                self.constants[name] = value
                self.shapes[name] = value.shape
            elif (rule := _RULES.get(node["op"])) is not None:
                self.shapes[name] = rule(self, node)
            else:
                raise NotConvertibleError(f"{name}: {node['op']} is none of {', '.join(sorted(_RULES))}")
        return self.shapes[name]

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Append a node."""
        self.made.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))

    def constant(self, name: str, value: Array) -> str:
        """Keep a constant under a name of its own."""
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def value(self, name: str) -> Array:
        """A constant of the graph."""
        return self._weights[name]


def _conv(graph: _Graph, node: Node) -> tuple[int, ...]:
    """Convolution, plain or by channel, with what was fused into it."""
    name, (source, kernel, *rest) = node["name"], node["input"]
    by_channel = "Depthwise" in node["op"]
    _, channels, height, width = graph.need(source)
    weight = graph.value(kernel)  # height, width, in, out (by channel: multiplier)
    turned = weight.transpose(2, 3, 0, 1) if by_channel else weight.transpose(3, 2, 0, 1)
    if by_channel:
        turned = turned.reshape(-1, 1, *weight.shape[:2])
    stride = int(node["attr"]["strides"]["list"]["i"][1])
    same = _text(node["attr"]["padding"]["s"]) == "SAME"
    sides = [_padding(length, edge, stride, same) for length, edge in zip((height, width), weight.shape, strict=False)]
    fused = [_text(each) for each in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])]
    inputs = [source, graph.constant(f"{name}/W", turned)]
    if fused[:1] == ["BiasAdd"]:
        inputs.append(graph.constant(f"{name}/B", graph.value(rest[0])))
    out = name if len(fused) < 2 else f"{name}/before"
    pads = [sides[0][0], sides[1][0], sides[0][1], sides[1][1]]
    graph.add("Conv", inputs, out, strides=[stride, stride], pads=pads, group=channels if by_channel else 1)
    if len(fused) > 1:
        _activation(graph, fused[1], out, name)
    return (1, turned.shape[0], *((a + sum(p) - k) // stride + 1
            for a, p, k in zip((height, width), sides, weight.shape, strict=False)))  # fmt: skip


def _padding(length: int, kernel: int, stride: int, same: bool) -> tuple[int, int]:
    if not same:
        return 0, 0
    total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _activation(graph: _Graph, op: str, source: str, name: str) -> None:
    if op == "Relu6":
        bounds = [graph.constant(f"{name}/{each}", np.array(each, dtype=np.float32)) for each in (0, 6)]
        graph.add("Clip", [source, *bounds], name)
    elif op in ("Relu", "Sigmoid", "Identity"):
        graph.add(op, [source], name)
    else:
        raise NotConvertibleError(f"{name}: the fused operation {op}")


def _one(graph: _Graph, node: Node) -> tuple[int, ...]:
    shape = graph.need(node["input"][0])
    _activation(graph, node["op"], node["input"][0], node["name"])
    return shape


def _two(graph: _Graph, node: Node) -> tuple[int, ...]:
    shapes = [graph.need(each) for each in node["input"]]
    graph.add(node["op"], node["input"], node["name"])
    return np.broadcast_shapes(*shapes)


def _mean(graph: _Graph, node: Node) -> tuple[int, ...]:
    shape = graph.need(node["input"][0])
    graph.add("GlobalAveragePool", node["input"][:1], node["name"])
    return (*shape[:2], 1, 1)


def _resize(graph: _Graph, node: Node) -> tuple[int, ...]:
    _, channels, height, width = graph.need(node["input"][0])
    rows, columns = 2 * height, 2 * width  # each of the three doubles
    scales = graph.constant(f"{node['name']}/scales", np.array([1, 1, 2, 2], dtype=np.float32))
    graph.add(
        "Resize", [node["input"][0], "", scales], node["name"], mode="linear",
        coordinate_transformation_mode="asymmetric",
    )  # fmt: skip
    return 1, channels, rows, columns


def _concat(graph: _Graph, node: Node) -> tuple[int, ...]:
    *parts, axis = node["input"]
    shapes = [graph.need(each) for each in parts]
    turned = _AXIS[int(graph.value(axis)) % 4]
    graph.add("Concat", parts, node["name"], axis=turned)
    joined = list(shapes[0])
    joined[turned] = sum(shape[turned] for shape in shapes)
    return tuple(joined)


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


_RULES: dict[str, Callable[[_Graph, Node], tuple[int, ...]]] = {
    **dict.fromkeys(("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"), _conv),
    **dict.fromkeys(("Relu", "Relu6", "Sigmoid", "Identity"), _one),
    **dict.fromkeys(("Add", "Mul"), _two),
    "Mean": _mean, "ResizeBilinear": _resize, "ConcatV2": _concat,
}  # fmt: skip
