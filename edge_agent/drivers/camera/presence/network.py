"""A trained network in ONNX format as the detector: by onnxruntime where it is installed, else by OpenCV."""

from __future__ import annotations

import importlib
import importlib.util
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence.detector import PERSON, VEHICLE, Part, best
from edge_agent.drivers.camera.presence.layouts import LAYOUTS, Array, LayoutError, fitted, shapes
from edge_agent.drivers.camera.settings import DetectorSettings

COCO = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic_light",
    "fire_hydrant",
    "stop_sign",
    "parking_meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports_ball",
    "kite",
    "baseball_bat",
    "baseball_glove",
    "skateboard",
    "surfboard",
    "tennis_racket",
    "bottle",
    "wine_glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot_dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted_plant",
    "bed",
    "dining_table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell_phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy_bear",
    "hair_drier",
    "toothbrush",
]
"""The 80 classes of COCO in their order."""
PERSONS = frozenset({"person", "pedestrian", "worker"})
VEHICLES = frozenset({"car", "bus", "truck", "van", "lorry", "vehicle", "train", "tractor", "excavator", "loader"})
"""Class names that count as person or vehicle; others are nobody's business here."""
SAME = 0.5
"""Intersection over union from which two boxes of one label are the same."""
PERIOD = 0.2
"""Seconds between two pictures at least: 5 a second of 76 ms each are two fifths of a core while something moves, and
10 count no better (docs/cameras-accuracy.md)."""
PACKAGE_SCORE = 0.3
"""Of the fetched network, below which a box is not believed: on the first half of the labelled frames 164 of 164 boxes
above it were right where something moved, and 6 of 10 between 0.2 and 0.3."""
PACKAGE_EVEN, PACKAGE_STEEP = 0.2, 20.0
"""Its score from which a box is as likely right as wrong, and the steepness of the curve from score to probability."""


class ModelError(Exception):
    """A network that cannot be used: the file, what was wrong with it, and what was expected."""


class Runner(Protocol):
    """Runs a network."""

    name: str

    def run(self, blob: NDArray[np.float32]) -> list[Array]:
        """Its outputs."""


class OpenCv:
    """By OpenCV's own engine, which is always there."""

    name = "OpenCV"

    def __init__(self, path: Path) -> None:
        self._net = cv2.dnn.readNetFromONNX(str(path))
        self._outputs = self._net.getUnconnectedOutLayersNames()
        self._lock = threading.Lock()  # input and output are two calls; several cameras share the network

    def run(self, blob: NDArray[np.float32]) -> list[Array]:
        """Its outputs."""
        with self._lock:
            self._net.setInput(blob)
            return [np.asarray(each) for each in self._net.forward(self._outputs)]


class OnnxRuntime:
    """By onnxruntime, on one core: a worker holds several cameras, which share the others."""

    name = "onnxruntime"

    def __init__(self, path: Path) -> None:
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, blob: NDArray[np.float32]) -> list[Array]:
        """Its outputs."""
        return [np.asarray(each) for each in self._session.run(None, {self._input: blob})]


def fastest(path: Path) -> Runner:
    """onnxruntime where it is installed (73 ms a picture against 111, camera notes), else OpenCV; ModelError."""
    runner = OnnxRuntime if importlib.util.find_spec("onnxruntime") else OpenCv
    try:
        return runner(path)
    except Exception as error:  # each runtime has its own; none of them names the file
        raise ModelError(f"{path}: {runner.name} cannot read it: {str(error).strip()}") from error


class Network:
    """Persons and vehicles as a trained network sees them, in the whole picture."""

    period = PERIOD

    def __init__(
        self, settings: DetectorSettings, runner: Runner | None = None, confidence: Callable[[float], float] = float
    ) -> None:
        """ModelError where the file is no network, or its output is not laid out as the settings say.

        `confidence` makes a probability of a score, where that was measured.
        """
        self._settings, self._layout, self._confidence = settings, LAYOUTS[settings.layout], confidence
        self._size = settings.size or self._layout.size
        self._classes = _classes(settings)
        self._labels = {number: label for number, each in enumerate(self._classes) if (label := _label(each))}
        if not self._labels:
            raise ModelError(f"{settings.classes}: none of the classes is a person or vehicle as we name them")
        if not settings.model.is_file():
            raise ModelError(f"{settings.model}: there is no such file")
        self._runner = runner or fastest(settings.model)
        self.name = f"{settings.model.name} ({settings.layout}, {self._runner.name})"
        self._check()

    def detect(self, picture: Picture, parts: Sequence[Part]) -> tuple[Box, ...]:
        """Persons and vehicles in the whole picture; what of them is believed, foreground and tracks say."""
        return self.boxes(picture.image)

    def boxes(self, image: Image) -> tuple[Box, ...]:
        """Persons and vehicles of the settings' least score."""
        blob, (scale_x, scale_y, left, top) = fitted(image, self._layout, self._size)
        corners, scores = self._decoded(blob)
        height, width = image.shape[:2]
        found: list[Box] = []
        for row, column in zip(*np.nonzero(scores >= self._settings.score), strict=True):
            if (label := self._labels.get(int(column))) is None:
                continue
            x0, y0, x1, y1 = (float(each) for each in corners[row])
            found.append(Box(
                max(0.0, (x0 - left) / scale_x / width), max(0.0, (y0 - top) / scale_y / height),
                min(1.0, (x1 - left) / scale_x / width), min(1.0, (y1 - top) / scale_y / height),
                label, self._confidence(min(1.0, float(scores[row, column]))), self._classes[column],
            ))  # fmt: skip
        return tuple(best(found, SAME))

    def raw(self, image: Image) -> tuple[Array, Array]:
        """Boxes in pixels of the input and the scores of all classes, none left out."""
        return self._decoded(fitted(image, self._layout, self._size)[0])

    def _decoded(self, blob: NDArray[np.float32]) -> tuple[Array, Array]:
        return self._layout.decode(self._runner.run(blob), self._size, len(self._classes))

    def _check(self) -> None:
        """Look at a test picture: noise of all brightnesses, so that each output is filled."""
        test = np.random.default_rng(0).integers(0, 256, (self._size[1], self._size[0], 3), dtype=np.uint8)
        blob, _ = fitted(test, self._layout, self._size)
        where = f"{self._settings.model}: layout {self._settings.layout}, input {self._size[0]}×{self._size[1]}"
        expected = f"expected {self._layout.expected}, C being {len(self._classes)}"
        try:
            outputs = self._runner.run(blob)
        except Exception as error:  # each runtime has its own
            raise ModelError(f"{where}: {self._runner.name} fails: {str(error).strip()}") from error
        try:
            boxes, scores = self._layout.decode(outputs, self._size, len(self._classes))
        except LayoutError as error:
            raise ModelError(f"{where}: its output is {error}; {expected}") from error
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise ModelError(f"{where}: its output {shapes(outputs)} holds numbers that are not finite; {expected}")
        if scores.size and (scores.min() < -0.01 or scores.max() > 1.01):
            raise ModelError(
                f"{where}: its scores are between {scores.min():.3g} and {scores.max():.3g}; expected 0 to 1, "
                f"that is, after the sigmoid"
            )


def package(model: Path, runner: Runner | None = None) -> Network:
    """The network that `make models` fetches, with what was measured of it; ModelError."""
    settings = DetectorSettings(model=model, layout="centernet", score=PACKAGE_SCORE)
    return Network(settings, runner, lambda score: 1 / (1 + math.exp(-PACKAGE_STEEP * (score - PACKAGE_EVEN))))


def _classes(settings: DetectorSettings) -> Sequence[str]:
    if settings.classes is None:
        return COCO
    try:
        return settings.classes.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{settings.classes}: {error}; expected a class name a line") from error


def _label(name: str) -> str:
    plain = name.strip().lower()
    return PERSON if plain in PERSONS else VEHICLE if plain in VEHICLES else ""
