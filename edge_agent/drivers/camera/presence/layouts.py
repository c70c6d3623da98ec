"""How the outputs of trained networks are laid out, and how a picture is brought to their input.

Each layout is checked against what the network gave for a test picture: a wrong one is an error at the start, and no
blind camera. Sources: the export scripts of YOLOX, YOLOv5 and YOLOv8, the SSD of the ONNX model zoo; camera notes for
CenterNet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.picture import Image

Array = NDArray[np.floating[Any]]
Fit = Literal["stretch", "corner", "centre"]
MANY = 300
"""Boxes of one picture at most that are looked at further."""
PAD = 114
"""Grey with which YOLO networks are fed beside the picture."""
STRIDES = (8, 16, 32)
"""Pixels of a cell of the three grids of YOLO networks."""


class LayoutError(ValueError):
    """The network's output is not laid out as was declared; the text says what came and what was expected."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of laying out input and output."""

    size: tuple[int, int]
    """Width and height of the input, where the settings name none."""
    fit: Fit
    """stretch: to the input's size; corner, centre: its sides in proportion, grey beside it."""
    rgb: bool
    """Red first; else blue first, as OpenCV has it."""
    divide: float
    """By which 0 … 255 is divided."""
    expected: str
    """The outputs, for people; N boxes, C classes."""
    decode: Callable[[Sequence[Array], tuple[int, int], int], tuple[Array, Array]]
    """(outputs, input size, classes) to boxes [N, 4] (left, top, right, bottom in pixels of the input) and scores
    [N, C]; LayoutError where the outputs do not fit."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Taken off and divided by after that, a channel each."""


def fitted(image: Image, layout: Layout, size: tuple[int, int]) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """The input [1, 3, height, width], and (scale x, scale y, left, top) of the picture in it."""
    height, width = image.shape[:2]
    if layout.fit == "stretch":
        made, place = cv2.resize(image, size, interpolation=cv2.INTER_AREA), (size[0] / width, size[1] / height, 0, 0)
    else:
        scale = min(size[0] / width, size[1] / height)
        wide, high = round(width * scale), round(height * scale)
        left, top = ((size[0] - wide) // 2, (size[1] - high) // 2) if layout.fit == "centre" else (0, 0)
        made = np.full((size[1], size[0], 3), PAD, dtype=np.uint8)
        made[top : top + high, left : left + wide] = cv2.resize(image, (wide, high), interpolation=cv2.INTER_LINEAR)
        place = (scale, scale, left, top)
    channels = made[:, :, ::-1] if layout.rgb else made
    mean, spread = np.array(layout.mean, dtype=np.float32), np.array(layout.spread, dtype=np.float32)
    scaled = (channels.astype(np.float32) / np.float32(layout.divide) - mean) / spread
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None]), place


def shapes(outputs: Sequence[Array]) -> str:
    """What came, for people: 1×84×8400, 1×128."""
    return ", ".join("×".join(map(str, each.shape)) for each in outputs) or "nothing"


def _centernet(outputs: Sequence[Array], size: tuple[int, int], classes: int) -> tuple[Array, Array]:
    maps = [each for each in outputs if each.ndim == 4 and each.shape[1] == classes]
    sides = [each for each in outputs if each.ndim == 4 and each.shape[1] == 4]
    if len(outputs) != 2 or len(maps) != 1 or len(sides) != 1 or maps[0].shape[2:] != sides[0].shape[2:]:
        raise LayoutError(shapes(outputs))
    heat, side = maps[0][0], sides[0][0]
    tallest = np.asarray(cv2.dilate(heat.transpose(1, 2, 0), np.ones((3, 3), dtype=np.uint8))).reshape(
        *heat.shape[1:], classes
    )
    peaks = np.where(heat == tallest.transpose(2, 0, 1), heat, 0)
    strongest = peaks.max(axis=0).ravel()
    chosen = np.argsort(-strongest)[:MANY]
    rows, columns = np.divmod(chosen, heat.shape[2])
    step_x, step_y = size[0] / heat.shape[2], size[1] / heat.shape[1]
    left, top, right, bottom = (each.ravel()[chosen] for each in side)
    x, y = columns * step_x, rows * step_y
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1), peaks.reshape(classes, -1).T[chosen]


def _yolo(row: Array) -> tuple[Array, Array]:
    """Rows of middle x, y, width, height and scores to corners and scores."""
    middle, half = row[:, :2], row[:, 2:4] / 2
    return np.concatenate([middle - half, middle + half], axis=1), row[:, 4:]


def _one(outputs: Sequence[Array], columns: int) -> Array:
    if len(outputs) != 1 or outputs[0].ndim != 3 or outputs[0].shape[2] != columns:
        raise LayoutError(shapes(outputs))
    found: Array = outputs[0][0]
    return found


def _cells(size: tuple[int, int]) -> int:
    return sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)


def _yolov8(outputs: Sequence[Array], size: tuple[int, int], classes: int) -> tuple[Array, Array]:
    if len(outputs) != 1 or outputs[0].ndim != 3 or outputs[0].shape[1] != 4 + classes:
        raise LayoutError(shapes(outputs))
    return _yolo(outputs[0][0].T)


def _yolov5(outputs: Sequence[Array], size: tuple[int, int], classes: int) -> tuple[Array, Array]:
    rows = _one(outputs, 5 + classes)
    if len(rows) == _cells(size):  # three boxes a cell here, one in YOLOX, whose boxes are still to be decoded
        raise LayoutError(f"{shapes(outputs)}, which is the layout of yolox")
    boxes, scores = _yolo(rows)
    return boxes, scores[:, 1:] * scores[:, :1]


def _yolox(outputs: Sequence[Array], size: tuple[int, int], classes: int) -> tuple[Array, Array]:
    rows = _one(outputs, 5 + classes).copy()
    if len(rows) != _cells(size):
        raise LayoutError(f"{shapes(outputs)}; an input of {size[0]}×{size[1]} has {_cells(size)} boxes")
    at = 0
    for stride in STRIDES:
        wide, high = size[0] // stride, size[1] // stride
        grid = np.stack(np.meshgrid(np.arange(wide), np.arange(high)), axis=-1).reshape(-1, 2)
        part = rows[at : at + len(grid)]
        part[:, :2] = (part[:, :2] + grid) * stride
        part[:, 2:4] = np.exp(part[:, 2:4]) * stride
        at += len(grid)
    boxes, scores = _yolo(rows)
    return boxes, scores[:, 1:] * scores[:, :1]


def _ssd(outputs: Sequence[Array], size: tuple[int, int], classes: int) -> tuple[Array, Array]:
    """Boxes in shares of the picture, class numbers from 1 (0 is background), scores; whatever their order."""
    boxes = [each for each in outputs if each.ndim == 3 and each.shape[2] == 4]
    flat = [each[0] for each in outputs if each.ndim == 2]
    if len(outputs) != 3 or len(boxes) != 1 or len(flat) != 2 or any(len(e) != boxes[0].shape[1] for e in flat):
        raise LayoutError(shapes(outputs))
    whole = [each for each in flat if np.array_equal(each, np.round(each)) and (each >= 1).all()]
    if len(whole) != 1:
        raise LayoutError(f"{shapes(outputs)}, of which {len(whole)} hold class numbers from 1 on")
    labels = whole[0].astype(int)
    scores = np.zeros((len(labels), classes), dtype=np.float32)
    known = labels <= classes
    scores[np.nonzero(known)[0], labels[known] - 1] = (flat[1] if whole[0] is flat[0] else flat[0])[known]
    return boxes[0][0] * np.array([*size, *size], dtype=np.float32), scores


LAYOUTS = {
    "centernet": Layout((512, 512), "stretch", True, 1.0, "1×C×H×W (scores) and 1×4×H×W (distances)", _centernet),
    "yolox": Layout((640, 640), "corner", False, 1.0, "1×N×(5+C), not decoded, N one for each cell", _yolox),
    "yolov5": Layout((640, 640), "centre", True, 255.0, "1×N×(5+C), N three for each cell", _yolov5),
    "yolov8": Layout((640, 640), "centre", True, 255.0, "1×(4+C)×N", _yolov8),
    "ssd": Layout(
        (1200, 1200), "stretch", True, 255.0, "1×N×4 (shares), 1×N (class numbers from 1) and 1×N (scores)", _ssd,
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225),
    ),
}  # fmt: skip
