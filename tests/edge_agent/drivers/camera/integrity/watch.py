"""A camera before a film, its scene learnt, and what is found when the film is altered."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.integrity import integrity_tasks
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.load import library
from profiles.seal import Seal
from tests.edge_agent.drivers.camera.films import T0, pictures
from tests.edge_agent.drivers.camera.tamper import Alter, altered, resize

PLACE = {"lon": 100.0, "lat": 25.0}
"""Where the sun stands high when the films begin."""


def seal() -> Seal:
    """That of the profile."""
    found = library()["electronic-seal"].seal
    assert found is not None
    return found


def device(**settings: Any) -> CameraDevice:
    """A camera at a main mouth."""
    usual = {"name": "gate", "driver": "camera", "url": "file:film", "code": "1" * 20, "position": "P01"}
    return CameraDevice.model_validate(usual | PLACE | settings)


def analysis(*, only: tuple[str, ...] = (), by: Seal | None = None, **settings: Any) -> Analysis:
    """One that has learnt nothing; `only` names its checks, if not all."""
    by = by or seal()
    tasks = integrity_tasks(device(**settings), by)
    return Analysis(by, [task for task in tasks if not only or task.name in only])


@functools.cache
def hasty() -> Seal:
    """As the profile's, but each event is raised after five seconds at the latest: it must show nothing for so long."""
    events = {code: each.model_copy(update={"on": min(each.on, 5.0)}) for code, each in seal().events.items()}
    return seal().model_copy(update={"events": events})


@functools.cache
def images(film: str, every: int = 6) -> tuple[Image, ...]:
    """Each so many pictures of a film (of the short tree.avi all), 640×480, decoded once."""
    return tuple(resize(640, 480)(each.image, 0) for each in pictures(film, every=1 if film == "tree.avi" else every))


def camera(seen: Sequence[Image], seconds: float, *, fps: float = 1.0, start: float = 0.0) -> Iterator[Picture]:
    """A camera that sees a film to and fro, each time a little brighter or darker: a living sensor repeats nothing."""
    there_and_back = [*seen, *seen[-2:0:-1]]
    for number in range(round(seconds * fps)):
        at = start + number / fps
        image = there_and_back[round(at * fps) % len(there_and_back)]
        living = np.asarray(cv2.add(image, np.full_like(image, number % 13)), dtype=np.uint8)
        yield Picture(living, time=T0 + round(at * 1000), at=at)


@functools.cache
def learnt(film: str) -> dict[str, bytes]:
    """What is kept of a camera before this film after its first half minute, but its pictures: they are shown again."""
    first = analysis()
    for picture in camera(images(film), 30):
        first.look(picture)
    return {name: kept for name, kept in first.remember().items() if not name.startswith("q_replay/")}


def watch(seen: Analysis, film: Iterable[Picture]) -> list[Finding]:
    """All that is found in a film."""
    return [found for picture in film if seen.due(picture.at) for found in seen.look(picture).findings]


def tampered(film: str, alter: Alter, on: float, off: float, *, fps: float = 1.0) -> list[tuple[str, str, int, object]]:
    """Code, state, second and cause of what is found when a learnt camera is altered from the 40th second.

    For so long as raises the event whose times are given, and then, again as it was, for as long as clears it.
    """
    seen = analysis()
    seen.recall(learnt(film))
    end = 40 + on + 15
    altered_film = altered(camera(images(film), end + off + 15, fps=fps), alter, since=40, until=end)
    found = watch(seen, altered_film)
    return [(each.code, each.state, round((each.time - T0) / 1000), each.facts.get("cause", "")) for each in found]
