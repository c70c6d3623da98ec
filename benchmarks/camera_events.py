"""How soon is each kind of event told, and what goes wrong? Labelled recordings for ``edge-agent camera evaluate``.

``python -m benchmarks.camera_events [FOLDER]`` writes films and labels.yaml into FOLDER (left out: for the time being),
evaluates them as `edge-agent camera evaluate FOLDER` does, by the built-in rules and by the fetched network, and prints
a table for docs/cameras-accuracy.md; pictures of hits and mistakes stand in FOLDER/pictures. vtest.avi is the real
film, with 32 crossings of the line x=480 that were counted by eye, and by which nothing was picked. In the other films
what happens is put into its empty place (a man and a van cut out of it), done to it, or drawn (belt, drum), at a second
that is known. These say how soon an event is told, and nothing of how well real belts and hoists are seen.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml

from benchmarks._camera_scenes import Place, busy, resized
from benchmarks._camera_together import detector
from benchmarks.camera_presence import DATA, FILM, FPS, WIDTH
from edge_agent.drivers.camera.evaluation import evaluate, load_labels
from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.report import write_shots
from edge_agent.simulators.mine_scenes import BELT, SIZE, Running, main_belt
from tests.edge_agent.drivers.camera import drawn, tamper
from tests.edge_agent.drivers.camera.presence import scenes
from tests.edge_agent.drivers.camera.rig import seal, texture

BEGIN = 45.0
"""Second from which something happens; the scene is learnt before."""
LINE = {"start": [0.5, 0.0], "end": [0.5, 1.0], "inside": [0.0, 0.5]}
FOOT = 330
"""Line of the 768×576 picture on which the man stands and the van drives."""
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
PATCH = (60, 300, 160, 140)
"""Left, top, width and height of drum and wall in the picture."""


class Recording(NamedTuple):
    """One film: what is shown at a second, its length, the camera's settings and the labels."""

    shown: Callable[[float], Image]
    seconds: float
    camera: dict[str, Any]
    events: list[tuple[str, float, float | None]]
    """Event, its start, and its end if it lasts."""


def man(at: float, *, since: float, speed: float, until: float) -> Image:
    """He comes from the left at a second, and stands after another."""
    if at < since:
        return resized(scenes.empty())
    left = -40 + speed * (min(at, until) - since)
    return resized(scenes.put((scenes.cut(424, scenes.MAN), round(left), FOOT)))


def van(at: float, *, to_and_fro: bool = False) -> Image:
    """It comes from the right at `BEGIN`; to and fro: and works before the camera."""
    if at < BEGIN:
        return resized(scenes.empty())
    left = 270 + 200 * math.cos((at - BEGIN) * 0.5) if to_and_fro else 768 - 150 * (at - BEGIN)
    return resized(scenes.put((scenes.cut(0, scenes.VAN, 3.0), round(left), FOOT + 60)))


VAN_AT_LINE = BEGIN + (768 + 1.5 * (scenes.VAN[2] - scenes.VAN[0]) - 384) / 150
MAN_AT_LINE = BEGIN + (384 + 40 - 0.5 * (scenes.MAN[2] - scenes.MAN[0])) / 100


def patched(patch: Callable[[float], Image]) -> Callable[[float], Image]:
    """The empty place with a surface in it."""

    def shown(at: float) -> Image:
        image = resized(scenes.empty()).copy()
        left, top, width, height = PATCH
        image[top : top + height, left : left + width] = patch(at)[..., None]
        return image

    return shown


_DRUM, _HOLE = texture(np.random.default_rng(3), (600, PATCH[3])), texture(np.random.default_rng(4), (600, PATCH[3]))


def drum(at: float) -> Image:
    """It turns from `BEGIN` on."""
    start = round(40 * max(0.0, at - BEGIN)) % (_DRUM.shape[1] - PATCH[2])
    return _DRUM[:, start : start + PATCH[2]]


def wall(at: float) -> Image:
    """It is another one from `BEGIN` on."""
    return (_HOLE if at >= BEGIN else _DRUM)[:, : PATCH[2]]


def altered(alter: tamper.Alter) -> Callable[[float], Image]:
    """The busy place, altered from `BEGIN` on."""
    return lambda at: alter(busy(at), round(at * FPS)) if at >= BEGIN else busy(at)


def region(code: str, points: Any = None) -> dict[str, Any]:
    """Where an event is looked for."""
    (left, top, width, height), (across, down) = PATCH, SIZE
    x0, y0, x1, y1 = left / across, top / down, (left + width) / across, (top + height) / down
    corners = points or [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    return {"regions": [{"name": code, "points": corners, "events": [code]}]}


BELT_SCENE = main_belt([Running(BEGIN, BEGIN + 60, loaded=True)])
ALONE = {"position": "P07", "ignore": ["hoist_run"]}
"""At which nothing is looked for but the quality of the picture."""
RECORDINGS: dict[str, Recording] = {
    "person": Recording(
        lambda at: man(at, since=BEGIN, speed=100, until=1e9), 70, {"position": "P01",
        "lines": [LINE | {"name": "mouth", "inside": [1.0, 0.5]}]}, [("person_in", MAN_AT_LINE, None)]),
    "intruder": Recording(
        lambda at: man(at, since=BEGIN, speed=60, until=BEGIN + 5), 80, {"position": "P10"},
        [("intrusion", BEGIN + 0.5, 80)]),
    "van": Recording(
        van, 65, {"position": "P04", "lines": [LINE | {"name": "gate", "of": ["vehicle"]}]},
        [("vehicle_in", VAN_AT_LINE, None)]),
    "machine": Recording(
        lambda at: van(at, to_and_fro=True), 80, {"position": "P09", "ignore": ["vehicle_in", "vehicle_out"],
        **region("machine_run", WHOLE)}, [("machine_run", BEGIN, 80)]),
    "belt": Recording(
        BELT_SCENE.frame, 80, {"position": "P06", "belt": {"corners": [list(each) for each in BELT]}},
        [("belt_run", BEGIN, 80), ("belt_load", BEGIN, 80)]),
    "hoist": Recording(patched(drum), 70, {"position": "P07", **region("hoist_run")}, [("hoist_run", BEGIN, 70)]),
    "wall": Recording(
        patched(wall), 125, {"position": "P03", "ignore": ["person_in", "person_out", "intrusion"],
        **region("wall_open")}, [("wall_open", BEGIN, 125)]),
    "post": Recording(
        lambda at: man(at, since=5, speed=60, until=15), 180, {"position": "P05", "ignore": ["post_empty"]},
        [("post_sleep", 15, 180)]),
    "left": Recording(
        lambda at: man(at, since=30, speed=100, until=1e9), 275, {"position": "P05", "ignore": ["post_sleep"]},
        [("post_empty", 38.5, 275)]),
    "covered": Recording(altered(tamper.cover(1, 40)), 65, ALONE, [("q_covered", BEGIN, 65)]),
    "half-covered": Recording(altered(tamper.cover(0.5, 60)), 85, ALONE, [("q_covered", BEGIN, 85)]),
    "turned": Recording(altered(tamper.turn(10)), 75, ALONE, [("q_moved", BEGIN, 75)]),
}  # fmt: skip


def labels(name: str, film: str, camera: dict[str, Any], events: list[tuple[str, float, float | None]]) -> Any:
    """A recording as labels.yaml has it."""
    usual = {"name": name, "driver": "camera", "url": "rtsp://recording/", "code": "0" * 20}
    told = [
        {"event": code, "start": f"{start:.2f}s"} | ({} if until is None else {"until": f"{until:g}s"})
        for code, start, until in events
    ]
    return {"film": film, "camera": usual | camera, "events": told}


def crossings() -> list[tuple[str, float, float | None]]:
    """Those of x=480, as counted by eye."""
    truth = json.loads((DATA / "vtest-crossings.json").read_text("utf-8"))["lines"]["480"]
    both = [("person_in", frame) for frame in truth["left"]] + [("person_out", frame) for frame in truth["right"]]
    return [(code, frame / FPS, None) for code, frame in sorted(both, key=lambda each: each[1])]


def write(folder: Path, names: list[str]) -> None:
    """The films of these names, and labels.yaml of them and of vtest.avi."""
    folder.mkdir(parents=True, exist_ok=True)
    x = 480 / WIDTH
    line = {"name": "x=480", "start": [x, 0.0], "end": [x, 1.0], "inside": [0.0, 0.5]}
    found = [labels("vtest", str(FILM), {"position": "P01", "lines": [line]}, crossings())]
    for name in names:
        this = RECORDINGS[name]
        if not (film := folder / f"{name}.mp4").exists():
            drawn.film(film, Place(this.shown), this.seconds)
        found.append(labels(name, film.name, this.camera, this.events))
    (folder / "labels.yaml").write_text(yaml.safe_dump({"recordings": found}, allow_unicode=True), encoding="utf-8")


def table(folder: Path, name: str) -> Iterator[str]:
    """A row an event; pictures are written beside."""
    with detector(name, folder):
        score, films = evaluate(load_labels(folder), lambda each: print(f"{name}: {each.film.name}", file=sys.stderr))
    write_shots(folder / "pictures" / name.replace(" ", "-"), films)
    for code, tally in sorted(score.tallies.items()):
        late = [0.0, *tally.delays]
        delay = f"{statistics.median(tally.delays):.1f} | {max(late):.1f}" if tally.delays else "– | –"
        on = f"{seal().events[code].on:g}"
        yield f"| `{code}` | {name} | {tally.hits} / {len(tally.false)} / {len(tally.missed)} | {on} | {delay} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as passing:
        folder = given.folder or Path(passing)
        write(folder, list(RECORDINGS))
        print("| event | detector | hits / false / missed | s it must last | delay beyond, median | worst, s |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name in ("built-in", "fetched network") if fetched() else ("built-in",):
            for line in table(folder, name):
                print(line, flush=True)


if __name__ == "__main__":
    main()
