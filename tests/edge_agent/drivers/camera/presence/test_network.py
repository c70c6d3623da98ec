"""A trained network of any of the declared layouts is read rightly by both runtimes, and a wrong one is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.models.fetch import check
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence import choose
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.layouts import STRIDES
from edge_agent.drivers.camera.presence.network import ModelError, Network, OnnxRuntime, OpenCv, package
from edge_agent.drivers.camera.settings import DetectorSettings
from tests.edge_agent.drivers.camera.films import pictures
from tests.edge_agent.drivers.camera.presence.scenes import camera

Array = NDArray[np.float32]
SIZE = 128
WIDE: Image = np.full((60, 120, 3), 90, dtype=np.uint8)
"""A picture twice as wide as high: it fills the whole of a stretched input and half of one that keeps proportions."""
CLASSES = 80
PERSON, TRUCK, CHAIR = 0, 7, 56


def saved(path: Path, outputs: Sequence[Array], size: int = SIZE) -> Path:
    """A network that gives these outputs, whatever it is shown; it reads its input all the same."""
    nodes, constants, results = [], [numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero")], []
    nodes.append(helper.make_node("GlobalAveragePool", ["images"], ["mean"]))
    nodes.append(helper.make_node("Slice", ["mean", "from", "to", "axis"], ["first"]))
    nodes.append(helper.make_node("Flatten", ["first"], ["flat"]))
    constants += [
        numpy_helper.from_array(np.array([v], dtype=np.int64), n) for n, v in (("from", 0), ("to", 1), ("axis", 1))
    ]
    nodes.append(helper.make_node("Mul", ["flat", "zero"], ["nothing"]))
    for index, value in enumerate(outputs):
        rows = value.reshape(1, -1).astype(np.float32)
        constants.append(numpy_helper.from_array(rows, f"value{index}"))
        constants.append(numpy_helper.from_array(np.array(value.shape, dtype=np.int64), f"shape{index}"))
        nodes.append(helper.make_node("Add", [f"value{index}", "nothing"], [f"sum{index}"]))
        nodes.append(helper.make_node("Reshape", [f"sum{index}", f"shape{index}"], [f"out{index}"]))
        results.append(helper.make_tensor_value_info(f"out{index}", TensorProto.FLOAT, list(value.shape)))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size, size])
    graph = helper.make_graph(nodes, "fixed", [images], results, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def yolov8() -> list[Array]:
    """Middle, width and height in pixels of the input; the picture lies in its middle half."""
    rows = np.zeros((1, 4 + CLASSES, 84), dtype=np.float32)
    rows[0, :4, 5], rows[0, 4 + PERSON, 5] = (32, 64, 16, 32), 0.9
    rows[0, :4, 6], rows[0, 4 + TRUCK, 6] = (96, 64, 32, 16), 0.8
    rows[0, :4, 7], rows[0, 4 + CHAIR, 7] = (64, 64, 32, 16), 0.9
    rows[0, :4, 8], rows[0, 4 + PERSON, 8] = (33, 64, 16, 32), 0.6  # the same once more
    return [rows]


def yolov5() -> list[Array]:
    """The same with a score of its own for "anything here"."""
    rows = np.zeros((1, 252, 5 + CLASSES), dtype=np.float32)
    for index, (place, number, score) in enumerate(
        [((32, 64, 16, 32), PERSON, 0.9), ((96, 64, 32, 16), TRUCK, 0.8), ((64, 64, 32, 16), CHAIR, 0.9)]
    ):
        rows[0, index, :4], rows[0, index, 4], rows[0, index, 5 + number] = place, 1.0, score
    return [rows]


def yolox() -> list[Array]:
    """Places in cells and sizes as logarithms; the picture lies in the upper half."""
    rows = np.zeros((1, sum((SIZE // stride) ** 2 for stride in STRIDES), 5 + CLASSES), dtype=np.float32)
    across = SIZE // STRIDES[0]
    for (x, y, wide, high), number, score in [((32, 32, 16, 32), PERSON, 0.9), ((96, 32, 32, 16), TRUCK, 0.8)]:
        row = (y // 8) * across + x // 8
        rows[0, row, :4] = 0, 0, np.log(wide / 8), np.log(high / 8)
        rows[0, row, 4], rows[0, row, 5 + number] = 1.0, score
    return [rows]


def ssd() -> list[Array]:
    """Shares, class numbers from 1 on, scores."""
    boxes = np.array([[[0.1875, 0.25, 0.3125, 0.75], [0.625, 0.375, 0.875, 0.625]]], dtype=np.float32)
    return [boxes, np.array([[PERSON + 1, TRUCK + 1]], dtype=np.float32), np.array([[0.9, 0.8]], dtype=np.float32)]


def centernet() -> list[Array]:
    """Peaks on a map a quarter as large, and four distances in pixels of the input."""
    heat, sides = np.zeros((1, CLASSES, 32, 32), dtype=np.float32), np.zeros((1, 4, 32, 32), dtype=np.float32)
    heat[0, PERSON, 16, 8], heat[0, PERSON, 16, 9], heat[0, TRUCK, 16, 24] = 0.9, 0.7, 0.8  # 0.7 is no peak
    sides[0, :, 16, 8], sides[0, :, 16, 24] = (8, 32, 8, 32), (16, 16, 16, 16)
    return [heat, sides]


LAYOUTS: dict[str, Callable[[], list[Array]]] = {
    "yolov8": yolov8, "yolov5": yolov5, "yolox": yolox, "ssd": ssd, "centernet": centernet,
}  # fmt: skip


def settings(model: Path, layout: str, **more: object) -> DetectorSettings:
    return DetectorSettings.model_validate({"model": model, "layout": layout, "size": (SIZE, SIZE)} | more)


@pytest.mark.parametrize("runner", [OpenCv, OnnxRuntime])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_persons_and_vehicles_where_they_are(
    tmp_path: Path, layout: str, runner: type[OpenCv] | type[OnnxRuntime]
) -> None:
    path = saved(tmp_path / "net.onnx", LAYOUTS[layout]())
    boxes = Network(settings(path, layout), runner(path)).boxes(WIDE)
    assert [(each.label, each.kind, round(each.score, 2)) for each in boxes] == [
        ("person", "person", 0.9), ("vehicle", "truck", 0.8),
    ]  # fmt: skip
    person, truck = [(each.left, each.top, each.right, each.bottom) for each in boxes]
    assert person == pytest.approx((0.1875, 0.25, 0.3125, 0.75), abs=0.01)
    assert truck == pytest.approx((0.625, 0.375, 0.875, 0.625), abs=0.01)


@pytest.mark.parametrize("declared", LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_that_is_not_the_networks_is_refused_at_the_start(tmp_path: Path, layout: str, declared: str) -> None:
    path = saved(tmp_path / "net.onnx", LAYOUTS[layout]())
    if layout == declared:
        Network(settings(path, declared), OpenCv(path))
        return
    with pytest.raises(
        ModelError, match=r"net\.onnx: layout \w+, input 128×128: its output is 1×.*expected 1×"
    ) as error:
        Network(settings(path, declared), OpenCv(path))
    assert f"layout {declared}" in str(error.value)


def test_scores_before_the_sigmoid_and_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    rows = yolov8()[0]
    path = saved(tmp_path / "raw.onnx", [rows * 20 - 10])
    with pytest.raises(ModelError, match=r"its scores are between -10 and 8; expected 0 to 1"):
        Network(settings(path, "yolov8"), OpenCv(path))
    rows[0, 2, 2] = np.nan
    path = saved(tmp_path / "nan.onnx", [rows])
    with pytest.raises(ModelError, match="not finite"):
        Network(settings(path, "yolov8"), OpenCv(path))


def test_what_is_no_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: there is no such file"):
        Network(settings(tmp_path / "gone.onnx", "yolov8"))
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(ModelError, match=r"text\.onnx: \w+ cannot read it"):
        Network(settings(tmp_path / "text.onnx", "yolov8"))


def test_own_classes_are_read_by_name_and_must_hold_persons_or_vehicles(tmp_path: Path) -> None:
    rows = np.zeros((1, 6, 84), dtype=np.float32)
    rows[0, :4, 0], rows[0, 5, 0] = (32, 64, 16, 32), 0.7
    path = saved(tmp_path / "two.onnx", [rows])
    (tmp_path / "names").write_text("helmet\nWorker\n")
    boxes = Network(settings(path, "yolov8", classes=tmp_path / "names"), OpenCv(path)).boxes(WIDE)
    assert [(each.label, each.kind) for each in boxes] == [("person", "Worker")]
    (tmp_path / "names").write_text("helmet\nvest\n")
    with pytest.raises(ModelError, match="none of the classes is a person or vehicle"):
        Network(settings(path, "yolov8", classes=tmp_path / "names"), OpenCv(path))


def test_the_detector_of_the_settings_is_taken_before_the_fetched_one_and_that_before_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path))
    assert choose(camera(), Heights()).name == "built-in"
    path = saved(tmp_path / "own.onnx", yolov8())
    own = camera(detector={"model": path, "layout": "yolov8", "size": (SIZE, SIZE)})
    assert choose(own, Heights()).name.startswith("own.onnx (yolov8")


@pytest.mark.parametrize("runner", [OpenCv, OnnxRuntime])
def test_the_fetched_network_gives_what_the_original_gave_and_finds_people(
    runner: type[OpenCv] | type[OnnxRuntime],
) -> None:
    model = fetched()
    if model is None:
        pytest.skip("no trained network was fetched; make models does it")
    assert check(model).startswith("checked against the original runtime: 66 boxes")
    (picture,) = pictures("vtest.avi", start=4, end=5)
    network = package(model, runner(model))
    boxes = network.detect(picture, ())
    assert sum(each.label == "person" for each in boxes) >= 3
    assert {each.kind for each in boxes if each.label == "vehicle"} >= {"car"}
