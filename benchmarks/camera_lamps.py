"""How well a lamp is told from light that comes from elsewhere: `lamp_on` over photographs of Debian's opencv-doc.

    python -m benchmarks.camera_lamps

Each photograph has two regions at places that were not chosen by what is there. The scene is learnt for 20 s by day and
20 s in infrared; then weather comes for two minutes, and then a lamp is drawn into the region, in three lights.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.camera_calm import CALM, FPS
from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.findings import Look
from edge_agent.drivers.camera.picture import Image
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.rig import camera, picture, seal
from tests.edge_agent.drivers.camera.tamper import Alter

SCENES = ("building.jpg", "leuvenA.jpg", "stuff.jpg", "home.jpg")
PLACES = ((0.1, 0.2), (0.6, 0.15))
WIDE, HIGH = 0.1, 0.12
LAMPS = (60.0, 100.0, 150.0, 250.0)
"""Grey levels by which a lamp is brighter than what is behind it."""
LIGHTS: dict[str, Alter] = {
    "as learnt": lambda image, _number: image, "gain 0.4": tamper.gain(0.4), "infrared": tamper.infrared()
}  # fmt: skip
LEAVE = ("swaying tree",)
"""It stands in the picture from the beginning."""


class Place:
    """One region of one photograph, of which the scene was learnt."""

    def __init__(self, scene: str, left: float, top: float) -> None:
        image = tamper.resize(640, 480)(np.asarray(cv2.imread(str(film(scene))), dtype=np.uint8), 0)
        self._grains = [tamper.noise(3)(image, number) for number in range(13)]
        points = [[left, top], [left + WIDE, top], [left + WIDE, top + HIGH], [left, top + HIGH]]
        region = {"name": "lamp", "points": points, "events": ["lamp_on"]}
        [self._task] = equipment_tasks(camera("P03", regions=[region]), seal())
        self.middle = left + WIDE / 2, top + HIGH / 2
        self.took: list[float] = []
        for light in (LIGHTS["as learnt"], LIGHTS["infrared"]):
            list(self.looks(light, 20))

    def looks(self, alter: Alter, seconds: int) -> Iterator[Look]:
        """What is said of so many seconds."""
        for number in range(seconds):
            shown: Image = alter(self._grains[number % 13].copy(), number)
            view = View(picture(shown, float(number)))
            assert view.picture.grey.size  # others need it as well
            begun = time.perf_counter()
            [look] = [each for each in self._task.look(view) if isinstance(each, Look)]
            self.took.append(time.perf_counter() - begun)
            yield look


def each_second(alter: Alter) -> Alter:
    """One that counts `FPS` pictures a second."""
    return lambda image, number: alter(image, number * FPS)


def longest(looks: list[Look]) -> int:
    """Seconds for which it held on end."""
    most = run = 0
    for look in looks:
        run = run + 1 if look.holds else 0
        most = max(most, run)
    return most


def brighter(looks: list[Look]) -> list[float]:
    return [float(look.facts["brighter"]) for look in looks if look.holds is not None]


def main() -> None:
    places = [Place(scene, *at) for scene in SCENES for at in PLACES]
    print("| before the camera | grey levels beyond, most | longest on end, s |\n| --- | --- | --- |")
    steps: dict[str, Alter] = {f"gain {by}": tamper.gain(by) for by in (0.5, 0.7, 1.3, 1.6)}
    steps["headlights, a car that takes 20 s"] = tamper.headlights()
    weather = {name: each_second(make()) for name, make in CALM.items() if name not in LEAVE}
    for kind, made in (weather | steps).items():
        found = [list(place.looks(made, 120)) for place in places]
        most = max(value for looks in found for value in brighter(looks))
        print(f"| {kind} | {most:.0f} | {max(map(longest, found))} |")
    print("\n| lamp, grey levels | light | told | not | not judged | grey levels beyond, median (least) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for grey in LAMPS:
        for light, base in LIGHTS.items():
            said: dict[bool | None, int] = defaultdict(int)
            values: list[float] = []
            for place in places:
                [look] = place.looks(tamper.both(base, tamper.lamp(*place.middle, grey)), 1)
                said[look.holds] += 1
                values += brighter([look])
            told = f"{said[True]} | {said[False]} | {said[None]} | {np.median(values):.0f} ({min(values):.0f})"
            print(f"| {grey:.0f} | {light} | {told} |")
    print(f"\n{1000 * float(np.median([each for place in places for each in place.took])):.2f} ms a look, one a second")


if __name__ == "__main__":
    main()
