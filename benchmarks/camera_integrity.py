"""How well, and at what cost, is it seen that a camera is covered, turned, blinded, frozen or fed with a recording?

``python -m benchmarks.camera_integrity`` (false alarms: benchmarks.camera_calm). Cameras are the real films of
opencv-doc (vtest, tree) and photographs of scenes with fresh sensor noise in each picture; the constants were fixed by
`FIRST`, and `SECOND` was only run. Each alteration lasts as long as its event needs and ten seconds more, through the
same analysis and judge as in the agent. It prints Markdown: CPU a picture of each check; kind, strength, and how often
it was raised under the right name.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Analysis, View
from edge_agent.drivers.camera.integrity import integrity_tasks
from edge_agent.drivers.camera.picture import Image, Picture
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import T0, film, pictures
from tests.edge_agent.drivers.camera.integrity.watch import camera, device, seal
from tests.edge_agent.drivers.camera.tamper import Alter

FIRST = ("vtest.avi", "tree.avi", "home.jpg", "building.jpg", "graf1.png", "board.jpg", "fruits.jpg", "left01.jpg")
"""Scenes that were looked at when the constants were fixed."""
SECOND = (
    "leuvenA.jpg", "aloeL.jpg", "stuff.jpg", "baboon.jpg", "aero1.jpg", "rubberwhale1.png", "messi5.jpg", "right.jpg",
)  # fmt: skip
"""Scenes that were not."""
FEW = 3
"""Scenes on which something was missed, up to which they are named."""
UNDISTURBED = 35.0
"""Seconds that a camera, whose scene is learnt, sees before anything is done to it."""
OTHERS = {"vtest.avi": "tree.avi", "tree.avi": "vtest.avi"}
"""The other camera of a swap; of a photograph the next one."""
KINDS: list[tuple[str, str, Alter, str]] = [
    *((f"cover, {grey}", "q_covered", tamper.cover(1, level), "whole of the picture")
      for grey, level in (("dark", 12), ("grey", 110), ("white", 220))),
    *(("cover, part", "q_covered", tamper.cover(share, 60), f"{share:.0%}") for share in (0.1, 0.2, 0.3, 0.5, 0.8)),
    *(("shift", "q_moved", tamper.shift(by), f"{by / 640:.0%} of the width") for by in (32, 58, 96, 192)),
    *(("turn", "q_moved", tamper.turn(by), f"{by}°") for by in (3, 6, 10, 30)),
    *(("zoom", "q_moved", tamper.turn(0, zoom=by), f"{by}") for by in (1.05, 1.2, 1.5)),
    *(("blur", "q_blur", tamper.blur(by), f"sigma {by} px of 640") for by in (0.5, 1, 2, 6)),
    *(("dark", "q_dark", tamper.gain(by), f"gain {by}") for by in (0.3, 0.2, 0.1)),
    *(("bright", "q_bright", tamper.gain(by, up), f"gain {by}, +{up}") for by, up in ((1.6, 40), (2.5, 60), (4, 90))),
    *(("low contrast", "q_contrast", tamper.contrast(by), f"× {by}") for by in (0.3, 0.15, 0.08)),
    *(("noise", "q_noise", tamper.noise(by), f"sigma {by}") for by in (20, 40, 80)),
    ("grey by day", "q_mono", tamper.grey(), ""),
    *(("shake", "q_shaky", tamper.shake(by), f"sigma {by / 640:.1%} of the width") for by in (4, 8, 16)),
]  # fmt: skip


def scene(name: str) -> list[Image]:
    """What one camera sees, 640×480."""
    if name.endswith(".avi"):
        every = 1 if name == "tree.avi" else 8
        return [tamper.resize(640, 480)(each.image, 0) for each in pictures(name, every=every)]
    return [each.image for each in tamper.still(film(name), 16)]


def swap(images: Sequence[Image]) -> Alter:
    """Another camera, each picture a little brighter or darker: a living sensor repeats nothing."""
    other = tamper.another_film(images)
    return lambda image, number: tamper.gain(1.0, number % 13)(other(image, number), number)


def learnt(images: Sequence[Image]) -> dict[str, bytes]:
    """What is kept of a camera that saw this for half a minute; not the pictures: the same are shown again when it is
    altered, which is a recording of its past.
    """
    analysis = Analysis(seal(), integrity_tasks(device(), seal()))
    for picture in camera(images, 30):
        analysis.look(picture)
    return {name: kept for name, kept in analysis.remember().items() if not name.startswith("q_replay/")}


def found(images: Sequence[Image], kept: dict[str, bytes], alter: Alter, code: str) -> tuple[bool, set[str], float]:
    """Whether the right event came, which others did, and after how many seconds it came."""
    event = seal().events[code]
    fps = 2.0 if code == "q_shaky" else 1.0
    end = UNDISTURBED + max(event.on, 30.0) + (20 if code == "q_shaky" else 10)
    analysis = Analysis(seal(), integrity_tasks(device(), seal()))
    analysis.recall(kept)
    raised: dict[str, float] = {}
    for picture in tamper.altered(camera(images, end, fps=fps), alter, since=UNDISTURBED):
        for each in analysis.look(picture).findings:
            raised.setdefault(each.code, (each.time - T0) / 1000 - UNDISTURBED)
    return code in raised, raised.keys() - {code}, raised.get(code, 0.0)


def table_of_kinds(scenes: dict[str, list[Image]]) -> Iterator[str]:
    """A row a kind and strength."""
    names = list(scenes)
    kept = {name: learnt(images) for name, images in scenes.items()}
    rows = [*KINDS, ("another camera's picture", "q_moved", tamper.grey(), "swap"),
            ("the same, by grey levels", "q_scene", tamper.grey(), "swap")]  # fmt: skip
    yield "| done to the camera | strength | event | first half | second half | s until raised | besides | missed |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for kind, code, alter, strength in rows:
        caught: dict[bool, list[bool]] = {True: [], False: []}
        besides: set[str] = set()
        missed, delays = [], []
        for at, name in enumerate(names):
            other = OTHERS.get(name) or next(n for n in (names[at + 1 :] + names) if n not in OTHERS)
            done = swap(scenes[other]) if strength == "swap" else alter
            there, more, delay = found(scenes[name], kept[name], done, code)
            caught[name in FIRST].append(there)
            besides |= more
            missed += [] if there else [name.partition(".")[0]]
            delays += [delay] if there else []
        first, second = (f"{sum(caught[half])} of {len(caught[half])}" for half in (True, False))
        after = f"{np.median(delays):.0f}" if delays else "–"
        also, not_on = ", ".join(sorted(besides)) or "–", ", ".join(missed) if 0 < len(missed) <= FEW else "–"
        yield f"| {kind} | {strength} | `{code}` | {first} | {second} | {after} | {also} | {not_on} |"


def table_of_cost() -> Iterator[str]:
    """CPU a picture of 704×576."""
    tasks, spent, seen = integrity_tasks(device(clock=tamper.CLOCK), seal()), defaultdict[str, float](float), 0
    for picture in pictures("vtest.avi", fps=4.0, every=4):
        view = View(Picture(tamper.resize(704, 576)(picture.image, 0), time=picture.time, at=picture.at))
        seen += 1
        for name in ("grey", "small", "half"):
            begun = time.thread_time()
            getattr(view.picture, name)
            spent["smaller and grey pictures"] += time.thread_time() - begun
        for task in tasks:
            begun = time.thread_time()
            list(task.look(view))
            spent[task.name] += time.thread_time() - begun
    yield "| check | ms CPU a picture |"
    yield "| --- | --- |"
    for name, seconds in sorted(spent.items(), key=lambda each: -each[1]):
        yield f"| {name} | {1000 * seconds / seen:.2f} |"
    yield f"| all | {1000 * sum(spent.values()) / seen:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    cv2.setNumThreads(1)
    scenes = {name: scene(name) for name in (*FIRST, *SECOND)}
    for table in (table_of_cost(), table_of_kinds(scenes)):
        for line in table:
            print(line, flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
