"""Are people found and counted, and what does it cost? On vtest.avi of Debian's opencv-doc.

``python -m benchmarks.camera_presence`` prints the tables of docs/cameras-accuracy.md, section Presence. The truth and
how it was made stand in tests/data/vtest-people.json and vtest-crossings.json. Parameters were picked on the frames
before `HALF` and on the line x=300; what counts are the frames after it and the line x=480.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2

from edge_agent.drivers.camera.analysis import Analysis, View
from edge_agent.drivers.camera.findings import Box
from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.detector import PERSON, Detector, overlap
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.network import OnnxRuntime, OpenCv, package
from edge_agent.drivers.camera.settings import CameraDevice, LineSettings
from profiles.load import library
from profiles.seal import Seal

FILM = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
DATA = Path(__file__).parent.parent / "tests" / "data"
FPS, WIDTH, HEIGHT, HALF = 10, 768, 576, 400
HIT = 0.4
"""Intersection over union, as in the camera notes."""
NEAR, NEAR_STANDING = 15, 40
"""Frames between a crossing and its count; the latter of the one who stands on x=300 in frames 400 to 450."""
STANDING = 420
"""His frame in the truth."""
DECODING = 0.0013
"""Seconds of a picture for its decoding, which is none of the analysis (camera notes)."""


class Score(NamedTuple):
    hits: int
    false: int
    missed: int

    def __add__(self, other: object) -> Score:
        assert isinstance(other, Score)
        return Score(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    def row(self) -> str:
        precision = self.hits / max(1, self.hits + self.false)
        recall = self.hits / max(1, self.hits + self.missed)
        return f"{self.hits} / {self.false} / {self.missed} | {precision:.2f} | {recall:.2f}"


def seal() -> Seal:
    found = library()["electronic-seal"].seal
    assert found is not None
    return found


def camera(line: int) -> CameraDevice:
    """A camera with an upright counting line; left of it is in."""
    x = line / WIDTH
    counted = LineSettings(name=str(line), start=(x, 0.0), end=(x, 1.0), inside=(0.0, 0.5), of=("person", "vehicle"))
    return CameraDevice(
        driver="camera", name="vtest", url=f"file:{FILM}", code="0" * 20, position="P01", lines=(counted,)
    )  # fmt: skip


def views(detector: Detector, line: int, every: int = 1, end: int | None = None) -> Iterator[tuple[int, View]]:
    """Each picture that is looked at, `every`-th of the film at most: its number, and what was seen."""
    device = camera(line)
    analysis = Analysis(seal(), presence_tasks(device, seal(), detector))
    film = cv2.VideoCapture(str(FILM))
    number = 0
    while end is None or number < end:
        there, image = film.read()
        if not there:
            break
        at = number / FPS
        if number % every == 0 and analysis.due(at):
            yield number, analysis.look(Picture(image, time=round(at * 1000), at=at)).view  # type: ignore[arg-type]
        number += 1
    film.release()


def pixels(box: Box) -> tuple[float, float, float, float]:
    return box.left * WIDTH, box.top * HEIGHT, box.right * WIDTH, box.bottom * HEIGHT


def _box(corners: Sequence[float]) -> Box:
    left, top, right, bottom = corners
    return Box(left, top, right, bottom)


def judged(found: Sequence[Box], frame: dict[str, list[list[float]]], margin: float = HIT) -> Score:
    """Boxes against the truth of one frame, each truth once, the best pair first."""
    truth = [_box(each) for each in frame["people"]]
    boxes = [_box(pixels(each)) for each in found if each.label == PERSON]
    pairs = sorted(
        ((overlap(t, b), i, j) for i, t in enumerate(truth) for j, b in enumerate(boxes)), reverse=True
    )  # fmt: skip
    used_t: set[int] = set()
    used_b: set[int] = set()
    for share, i, j in pairs:
        if share >= margin and i not in used_t and j not in used_b:
            used_t.add(i)
            used_b.add(j)
    unsure = [_box(each) for each in frame.get("unsure", [])]
    false = sum(
        j not in used_b and not any(each.left <= (box.left + box.right) / 2 <= each.right
                                    and each.top <= (box.top + box.bottom) / 2 <= each.bottom for each in unsure)
        for j, box in enumerate(boxes)
    )  # fmt: skip
    return Score(len(used_t), false, len(truth) - len(used_t))


def people(detector: Detector) -> dict[str, Score]:
    """Frame-level figures: of what was detected in the very picture, and of those who are followed.

    Every picture is looked at, also where the detector would ask for fewer.
    """
    usual, detector.period = detector.period, 0.0
    frames = {int(k): v for k, v in json.loads((DATA / "vtest-people.json").read_text("utf-8"))["frames"].items()}
    zero = Score(0, 0, 0)
    made = {f"{what}, {half}": zero for what in ("boxes", "tracks") for half in ("picked on", "held out")}
    for number, view in views(detector, 300):
        if number in frames:
            half = "picked on" if number < HALF else "held out"
            made[f"boxes, {half}"] += judged(view.boxes, frames[number])
            made[f"tracks, {half}"] += judged([each.box for each in view.tracks if each.seen > 1], frames[number])
    detector.period = usual
    return made


def crossings(detector: Detector, line: int, every: int = 1, end: int | None = None) -> Score:
    """Counted crossings against those counted by eye, each once, its direction right; a vehicle is always wrong."""
    truth = json.loads((DATA / "vtest-crossings.json").read_text("utf-8"))["lines"][str(line)]
    due = [(frame, "persons_in") for frame in truth["left"]] + [(frame, "persons_out") for frame in truth["right"]]
    due = [each for each in due if end is None or each[0] < end]
    score = Score(0, 0, 0)
    for number, view in views(detector, line, every, None if end is None else end + NEAR):
        for what in view.crossed.elements():
            near = [
                (abs(number - frame), frame) for frame, kind in due
                if kind == what and abs(number - frame) <= (NEAR_STANDING if frame == STANDING else NEAR)
            ]  # fmt: skip
            if near:
                due.remove((min(near)[1], what))
                score += Score(1, 0, 0)
            elif end is None or number < end:
                score += Score(0, 1, 0)
    return score + Score(0, 0, len(due))


def cost(detector: Detector) -> str:
    """CPU a picture, ms: nothing moves (the first picture again and again), usual, and the tenth with most people."""
    film = cv2.VideoCapture(str(FILM))
    _, still = film.read()
    analysis = Analysis(seal(), presence_tasks(camera(300), seal(), detector))
    quiet: list[float] = []
    for number in range(60):
        picture = Picture(still.copy(), time=number, at=number * 0.5)  # type: ignore[arg-type]
        begun = time.process_time()
        analysis.look(picture)
        quiet.append(time.process_time() - begun)
    spent: list[tuple[int, float]] = []
    begun = time.process_time()
    for _, view in views(detector, 300, end=HALF):
        spent.append((len(view.tracks), time.process_time() - begun - DECODING))
        begun = time.process_time()
    busy = sorted(spent)[-len(spent) // 10 :]
    middles = (_middle(quiet[10:]), _middle([each for _, each in spent]), _middle([each for _, each in busy]))
    return " | ".join(f"{1000 * each:.1f}" for each in middles)


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def detectors() -> Iterator[tuple[Detector, bool]]:
    """The detectors, and whether accuracy is measured too: both runtimes give the same boxes."""
    yield Builtin(Heights()), True
    model = fetched()
    if model is None:
        print("no trained network was fetched (make models): its rows are left out", file=sys.stderr)
        return
    fast = importlib.util.find_spec("onnxruntime") is not None
    yield package(model, OpenCv(model)), not fast
    if fast:
        yield package(model, OnnxRuntime(model)), True
    else:
        print("onnxruntime is not installed: its cost is left out", file=sys.stderr)


def main() -> None:
    cv2.setNumThreads(1)
    for detector, whole in detectors():
        print(f"\n{detector.name}\n")
        print(f"| CPU ms a picture: quiet, usual, busy | {cost(detector)} |", flush=True)
        if not whole:
            continue
        for name, score in people(detector).items():
            print(f"| {name} | {score.row()} |", flush=True)
        for line, every in itertools.product((300, 480), (1, 2, 5)):
            print(f"| x={line}, {FPS / every:g} a second | {crossings(detector, line, every).row()} |", flush=True)


if __name__ == "__main__":
    main()
