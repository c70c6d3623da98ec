"""Does anything cry wolf? Weather, light, insects and bad pictures before cameras at which nothing happens.

``python -m benchmarks.camera_calm --hours 0.2`` (hours of each kind over all cameras together; ``--detector network``
for the fetched one). The whole analysis runs, at the pace at which it asks for pictures of a camera that sends 10 a
second: the checks of the picture, persons, vehicles, belt, hoist and wall. Cameras are real films and photographs of
opencv-doc; at those of `PICTURE_ALONE` nothing is asked but the checks of the picture. The weather is drawn over them
(`tests/edge_agent/drivers/camera/tamper.py`), the same each time; `--seed` draws another. It prints Markdown: false
alarms of each kind, and how few they are with 95 % confidence.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.camera_presence import detectors
from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.drawing import annotated
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.evidence import jpeg
from edge_agent.drivers.camera.integrity import integrity_tasks
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.detector import Detector
from edge_agent.drivers.camera.score import seen_in
from profiles.seal import Position, Seal
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import T0, film, pictures
from tests.edge_agent.drivers.camera.integrity.watch import device, seal
from tests.edge_agent.drivers.camera.presence.scenes import empty
from tests.edge_agent.drivers.camera.tamper import Alter

FPS = 10
SIZE = 640, 480
UNPEOPLED = "vtest without people"
"""The median of that film's pictures."""
PICTURE_ALONE = ("vtest.avi", "tree.avi")
"""Scenes of which only the checks of the picture are asked: in the one people walk; leaves fill the other, which are in
`foliage` for the rest."""
WHOLE = (UNPEOPLED, "building.jpg", "leuvenA.jpg", "stuff.jpg", "right.jpg")
"""Scenes in which nothing happens that could be an event."""
LEAST = 100.0
"""Seconds of one scene in one kind of weather at least: some events must last for a minute until they are raised."""
LEARN = 45.0
"""Seconds that a camera sees before the weather comes; they are not counted."""
ASKED = (
    "person_in", "person_out", "vehicle_in", "vehicle_out", "intrusion", "board_vehicle", "machine_run", "belt_run",
    "belt_load", "hoist_run", "wall_open",
)  # fmt: skip
"""Events of people, vehicles and equipment that are looked for, wherever the profile looks for them."""
DRAWN = {
    "position": "ALL",
    "lines": [{"name": "line", "start": [0.1, 0.6], "end": [0.9, 0.6], "inside": [0.5, 0.1],
               "of": ["person", "vehicle"]}],
    "belt": {"corners": [[0.1, 0.7], [0.9, 0.7], [0.9, 0.9], [0.1, 0.9]]},
    "regions": [{"name": "yard", "points": [[0, 0], [1, 0], [1, 1], [0, 1]], "events": ["intrusion"]},
                {"name": "drum", "points": [[0.1, 0.2], [0.35, 0.2], [0.35, 0.5], [0.1, 0.5]], "events": ["hoist_run"]},
                {"name": "wall", "points": [[0.5, 0.1], [0.9, 0.1], [0.9, 0.5], [0.5, 0.5]], "events": ["wall_open"]}],
}  # fmt: skip
NIGHT = -80.0
"""Longitude at which it is night when the films begin."""


def often(alter: Alter, shown: int, of: int) -> Alter:
    """The alteration in the first `shown` of each `of` pictures."""
    return lambda image, number: alter(image, number) if number % of < shown else image


def slowly(alter: Alter) -> Alter:
    """One that counts seconds, and not pictures."""
    return lambda image, number: alter(image, number // FPS)


def foliage() -> Alter:
    """The real tree of tree.avi in the right third of the picture, its leaves in the wind."""
    leaves = [tamper.resize(SIZE[0] // 3, SIZE[1])(each.image, 0) for each in pictures("tree.avi")]
    share = np.clip(np.arange(SIZE[0] // 3, dtype=np.float32) / 20, 0, 1)[None, :, None]
    walk = wander(len(leaves), "foliage")

    def alter(image: Image, _number: int) -> Image:
        made = image.copy()
        right = made[:, -leaves[0].shape[1] :]
        right[:] = right * (1 - share) + leaves[next(walk)] * share
        return made

    return alter


CALM: dict[str, Callable[[], Alter]] = {
    "nothing": lambda: lambda image, _number: image,
    "rain": tamper.rain,
    "snow": tamper.snow,
    "headlights, a car each 10 s": lambda: often(tamper.headlights(), 20, 100),
    "shadows of clouds": lambda: slowly(tamper.shadows()),
    "swaying tree": foliage,
    "insects": lambda: often(tamper.insects(), 3, 10),
    "infrared by night, switched each minute": lambda: often(tamper.infrared(), 60 * FPS, 120 * FPS),
    "sensor noise, sigma 10": lambda: tamper.noise(10),
    "compression, JPEG 20": lambda: tamper.compression(20),
    "lightning, each 5 s": lambda: tamper.lightning(5 * FPS),
    "daylight, gain 0.7 to 1.3": lambda: slowly(tamper.daylight(300)),
}
AT_ONCE = ("swaying tree",)
"""What is there from the beginning."""


class Watched(NamedTuple):
    """A stretch of time before one camera."""

    hours: float
    alarms: Counter[str]


def wander(count: int, name: str) -> Iterator[int]:
    """Numbers of a film's pictures to and fro, turning now and then: a film that is merely repeated is a recording."""
    choose = random.Random(zlib.crc32(name.encode()))  # the same each time
    at, step = 0, 1
    while True:
        yield at
        if choose.random() < 0.03 or not 0 <= at + step < count:
            step = -step
        at = min(max(at + step, 0), count - 1)


@functools.cache
def grains() -> list[NDArray[np.float32]]:
    """A sensor's noise, drawn once: drawing it for each picture takes longer than looking at it."""
    rng = np.random.default_rng(0)
    return [2 * rng.standard_normal((SIZE[1], SIZE[0], 1), dtype=np.float32) for _ in range(13)]


def scene(name: str) -> list[Image]:
    """What one camera sees, 640×480: a film's pictures, or one."""
    if name.endswith(".avi"):
        return [tamper.resize(*SIZE)(each.image, 0) for each in pictures(name)]
    image = empty() if name == UNPEOPLED else cv2.imread(str(film(name)))
    assert image is not None, name
    return [tamper.resize(*SIZE)(np.asarray(image, dtype=np.uint8), 0)]


def everything() -> Seal:
    """The profile's seal with a position at which all is looked for that can be."""
    found = seal()
    everywhere = Position(zh="全部", en="everything", events=ASKED, status="working-definition")
    return found.model_copy(update={"positions": {**found.positions, "ALL": everywhere}})


def analysis(detector: Detector | None, **settings: object) -> Analysis:
    """Of one camera, in the order of `edge_agent.drivers.camera.tasks`; without a detector the picture's checks."""
    by = everything()
    if detector is None:
        return Analysis(by, integrity_tasks(device(**settings), by))
    this = device(**DRAWN, **settings)
    return Analysis(by, [*integrity_tasks(this, by), *presence_tasks(this, by, detector), *equipment_tasks(this, by)])


def watch(
    name: str, images: Sequence[Image], kind: str, detector: Detector | None, seconds: float, seed: int = 0,
    folder: Path | None = None,
) -> Watched:  # fmt: skip
    """One camera in one kind of weather, for so many seconds beyond `LEARN`; without a detector the picture alone.

    Pictures of false alarms are written into the folder, if there is one.
    """
    seen = analysis(
        None if name in PICTURE_ALONE else detector, **({"lon": NIGHT} if kind.startswith("infrared") else {})
    )
    alter, walk = CALM[kind](), wander(len(images), f"{name} {kind} {seed}")
    alarms: Counter[str] = Counter()
    for number in range(round((LEARN + seconds) * FPS)):
        image, at = images[next(walk)], number / FPS
        if not seen.due(at):
            continue
        living = np.roll(grains()[number % 13], (number * 37 % SIZE[1], number * 91 % SIZE[0]), (0, 1))
        image = np.asarray(np.clip(image + living, 0, 255), dtype=np.uint8)
        if at >= LEARN or kind in AT_ONCE:
            image = alter(image, number + seed * 1_000_000)
        result = seen.look(Picture(image, time=T0 + round(at * 1000), at=at))
        told = [each.event for each in seen_in([(at, each) for each in result.findings], everything())]
        if at >= LEARN:
            alarms.update(told)
            if told and folder is not None:
                shown = annotated(result, device(**DRAWN), told)
                (folder / f"{name}-{kind}-{at:.1f}s.jpg".replace(" ", "-")).write_bytes(jpeg(shown, 480, 60_000))
    return Watched(seconds / 3600, alarms)


def most(alarms: int, confidence: float = 0.95) -> float:
    """How many alarms are to be expected at most where so many came (Poisson); 3.0 of none, the rule of three."""
    low, high = 0.0, alarms * 3.0 + 20.0
    for _ in range(60):
        mean = (low + high) / 2
        chance = sum(math.exp(-mean) * mean**each / math.factorial(each) for each in range(alarms + 1))
        low, high = (mean, high) if chance > 1 - confidence else (low, mean)
    return high


def listed(alarms: Counter[str]) -> str:
    """Which, and how often."""
    return ", ".join(f"{count} × `{code}`" for code, count in alarms.most_common()) or "–"


def summary(what: str, hours: float, alarms: int) -> str:
    """A camera and day, with what the length allows to say."""
    day = 24 / hours
    return f"| {what} | {hours:.2f} | {alarms} | {alarms * day:.1f} | {most(alarms) * day:.1f} |"


def tables(
    kinds: Sequence[str], hours: float, detector: Detector | None, seed: int, folder: Path | None
) -> Iterator[str]:
    """Rows by weather, then by group of events."""
    scenes = {name: scene(name) for name in (*PICTURE_ALONE, *WHOLE)}
    each_for = hours * 3600 / len(scenes)
    found: list[tuple[str, str, Watched]] = []
    by = detector.name if detector else "checks of the picture"
    yield f"| before the camera ({by}) | hours | false alarms | which |\n| --- | --- | --- | --- |"
    for kind in kinds:
        of_kind = [(name, watch(name, scenes[name], kind, detector, each_for, seed, folder)) for name in scenes]
        found += [(kind, name, each) for name, each in of_kind]
        alarms = sum((each.alarms for _name, each in of_kind), Counter[str]())
        where = [name for name, each in of_kind if each.alarms]
        named = f" ({', '.join(where)})" if where else ""
        yield f"| {kind} | {hours:.2f} | {alarms.total()} | {listed(alarms)}{named} |"
    yield ""
    yield "| events | hours | false alarms | a camera and day | fewer than, with 95 % confidence |"
    yield "| --- | --- | --- | --- | --- |"
    groups = {code: event.group for code, event in seal().events.items()}
    of_picture = [each for _kind, _name, each in found]
    of_scene = [each for _kind, name, each in found if detector is not None and name not in PICTURE_ALONE]
    for what, among, wanted in (
        ("of the picture (`q_…`)", of_picture, {"quality", "tampering"}),
        ("of persons", of_scene, {"people"}),
        ("of vehicles", of_scene, {"vehicles"}),
        ("of belt, hoist, wall, machines", of_scene, {"equipment"}),
    ):
        if not among:
            continue
        of_group = itertools.chain.from_iterable(each.alarms.elements() for each in among)
        yield summary(what, sum(each.hours for each in among), sum(groups[code] in wanted for code in of_group))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=0.2, help="of each kind, over all cameras together")
    parser.add_argument("--kind", choices=list(CALM), action="append", help="only this one; may be given several times")
    parser.add_argument("--detector", choices=("built-in", "network", "none"), default="built-in",
                        help="none: the checks of the picture alone, in a fifth of the time")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="another draws other rain")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each false alarm")
    given = parser.parse_args()
    if given.pictures is not None:
        given.pictures.mkdir(parents=True, exist_ok=True)
    if (least := LEAST * len((*PICTURE_ALONE, *WHOLE)) / 3600) > given.hours:
        parser.error(f"--hours: expected at least {math.ceil(100 * least) / 100}")
    cv2.setNumThreads(1)
    there = [detector for detector, whole in detectors() if whole]
    chosen = {"built-in": there[0], "network": there[-1], "none": None}[given.detector]
    for line in tables(given.kind or list(CALM), given.hours, chosen, given.seed, given.pictures):
        print(line, flush=True)


if __name__ == "__main__":
    main()
