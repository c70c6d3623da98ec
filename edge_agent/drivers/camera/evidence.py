"""What proves an event: the picture before it, the one that raised it, one after it, a copy with boxes, a film.

Sources: notes on mines, 5.4 (before 3 s, after 3 s, film 10 s each way, sizes, names); camera notes, *Evidence*: the
picture that was judged is the one that is kept, and it is hashed before it leaves this process.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from cryptography.hazmat.primitives import hashes

from edge_agent.drivers.camera.findings import Box, Finding
from edge_agent.drivers.camera.geometry import Point, mask
from edge_agent.drivers.camera.picture import Image, Picture
from profiles.seal import SealEvidence
from profiles.wire.messages import Evidence

log = logging.getLogger(__name__)

Role = Literal["b", "a", "m", "c", "f"]
"""Before, at, at with boxes (marked), after, film."""
ROLES: dict[Role, str] = {"b": "before", "a": "at", "m": "marked", "c": "after", "f": "film"}
"""As the contract calls them (`profiles.wire.messages.Evidence`)."""
QUALITIES = (80, 65, 50, 35, 20)
"""Of JPEG, the best first: the first that fits is taken."""
EACH = 1.0
"""Seconds between two pictures that are kept for the time before."""
FACE = 0.25
"""Share of a person's box, from its top, in which the face is."""
_COLOUR = {"person": (0, 0, 255), "vehicle": (0, 165, 255)}
Clip = Callable[[float, float], bytes]
"""A film of the pictures between two moments of the pictures' clock, or b"" if there is none."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What of a picture must not leave the site."""

    masks: tuple[tuple[Point, ...], ...] = ()
    """Blackened in every picture that is written."""
    blur_faces: bool = False
    """Whether faces are blurred in the copy with boxes."""
    sm3: bool = False
    """Whether files are hashed by SM3 (GB/T 32905) as well."""


@dataclass(slots=True)
class _Due:
    finding: Finding
    begun: float
    """The moment of the picture that raised it, on the pictures' clock."""
    after: bool = False
    """Whether the picture after it was taken."""


class Witness:
    """The evidence of one camera; files are durable on return."""

    def __init__(
        self,
        folder: Path,
        camera: str,
        rules: SealEvidence,
        zone: datetime.timezone,
        clip: Clip,
        privacy: Privacy,
    ) -> None:
        self._folder, self._camera, self._rules, self._zone = folder, camera, rules, zone
        self._clip, self._privacy = clip, privacy
        self._past: deque[Picture] = deque()
        self._due: list[_Due] = []

    def see(self, picture: Picture) -> None:
        """Keep a picture for the time before an event; a second apart, and no longer than it may be wanted."""
        while self._past and not 0 <= picture.at - self._past[0].at <= self._rules.before + 2 * EACH:
            self._past.popleft()
        if not self._past or picture.at - self._past[-1].at >= EACH:
            self._past.append(picture)

    def prove(self, finding: Finding, picture: Picture) -> tuple[Evidence, ...]:
        """The files of a finding: of one that was raised those of before and at; the others follow by `later`.

        What clears takes along what had not followed yet, so that nothing is told of an event that is over.
        OSError when the disk does not take them: the event is told all the same.
        """
        mine = [each for each in self._due if (each.finding.code, each.finding.since) == (finding.code, finding.since)]
        if finding.state == "changed":
            for each in mine:
                each.finding = finding  # its counts go with what follows
            return ()
        if finding.state == "cleared":
            self._due = [each for each in self._due if each not in mine]
            return tuple(file for each in mine for file in self._rest(each, picture))
        self._due.append(_Due(finding, picture.at))
        files = []
        if (before := self._before(picture.at)) is not None:
            files.append(self._picture(finding, before, "b"))
        files.append(self._picture(finding, picture, "a"))
        if finding.boxes:
            marked = Picture(self._marked(picture, finding.boxes), time=picture.time, at=picture.at)
            files.append(self._picture(finding, marked, "m"))
        return tuple(files)

    def shot(self, code: str, picture: Picture) -> Evidence:
        """A picture by itself, masked as those of events; OSError, ValueError."""
        return self._picture(Finding(code=code, state="raised", time=picture.time, since=picture.time), picture, "a")

    def later(self, picture: Picture) -> Iterator[tuple[Finding, tuple[Evidence, ...]]]:
        """What follows events that were raised some seconds ago, as changes of them; OSError as `prove`."""
        for due in list(self._due):
            since = picture.at - due.begun
            files: list[Evidence] = []
            if not due.after and since >= self._rules.after:
                due.after = True
                files.append(self._picture(due.finding, picture, "c"))
            if since >= self._rules.film_after:
                self._due.remove(due)
                files += self._film(due)
            if files:
                yield _changed(due.finding, picture.time), tuple(files)

    def lost(self, time: int) -> Iterator[tuple[Finding, tuple[Evidence, ...]]]:
        """The camera gives no more pictures: the films of what was raised last, as far as they go."""
        due, self._due = self._due, []
        self._past.clear()
        for each in due:
            if film := self._film(each):
                yield _changed(each.finding, time), tuple(film)

    def _rest(self, due: _Due, picture: Picture) -> list[Evidence]:
        """What of an event had not followed yet."""
        after = [] if due.after else [self._picture(due.finding, picture, "c")]
        return [*after, *self._film(due)]

    def _film(self, due: _Due) -> list[Evidence]:
        """Its film; none where masks are set, since its pictures are as the camera coded them."""
        if self._privacy.masks:
            return []
        film = self._clip(due.begun - self._rules.film_before, due.begun + self._rules.film_after)
        if len(film) > self._rules.film:
            log.warning("camera %s: the film of %s has %d bytes, more than %d, and is left out: use the sub-stream",
                        self._camera, due.finding.code, len(film), self._rules.film)  # fmt: skip
        if not 0 < len(film) <= self._rules.film:
            return []
        return [self._write(due.finding, film, "f", due.finding.since)]

    def _before(self, at: float) -> Picture | None:
        """The picture nearest to the wanted seconds before, if any is at least one second old."""
        wanted = at - self._rules.before
        old = [each for each in self._past if at - each.at >= EACH]
        return min(old, key=lambda each: abs(each.at - wanted), default=None)

    def _picture(self, finding: Finding, picture: Picture, role: Role) -> Evidence:
        shown = self._hidden(picture.image)
        return self._write(finding, jpeg(shown, self._rules.width, self._rules.picture), role, picture.time)

    def _hidden(self, image: Image) -> Image:
        if not self._privacy.masks:
            return image
        height, width = image.shape[:2]
        shown = image.copy()
        shown[mask(self._privacy.masks, width, height) > 0] = 0
        return shown

    def _marked(self, picture: Picture, boxes: Sequence[Box]) -> Image:
        """A copy with the boxes drawn, and faces blurred if that is set."""
        copy = picture.image.copy()
        width, height = picture.size
        for box in boxes:
            left, right = round(box.left * width), round(box.right * width)
            top, bottom = round(box.top * height), round(box.bottom * height)
            if self._privacy.blur_faces and box.label == "person":
                _blur(copy, left, top, right, top + round((bottom - top) * FACE))
            cv2.rectangle(copy, (left, top), (right, bottom), _COLOUR.get(box.label, (0, 255, 255)), 2)
        return copy

    def _write(self, finding: Finding, body: bytes, role: Role, captured: int) -> Evidence:
        name = self._name(finding, role)
        durable(self._folder / name, body)
        return Evidence(
            id=name,
            type="video/mp4" if role == "f" else "image/jpeg",
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            captured=captured,
            sm3=sm3(body) if self._privacy.sm3 else "",
            role=ROLES[role],
        )

    def _name(self, finding: Finding, role: Role) -> str:
        """``<camera>/<day>/<time>-<event>-<role>.<ending>`` (notes on mines, 5.4), in the profile's local time."""
        when = datetime.datetime.fromtimestamp(finding.since / 1000, self._zone)
        ending = "mp4" if role == "f" else "jpg"
        moment = f"{when:%H%M%S}{finding.since % 1000:03d}"
        return f"{self._camera}/{when:%Y%m%d}/{moment}-{finding.code}-{role}.{ending}"


def _changed(finding: Finding, time: int) -> Finding:
    """What tells of more evidence of an event."""
    return Finding(code=finding.code, state="changed", time=time, since=finding.since, facts=finding.facts)


def jpeg(image: Image, width: int, most: int) -> bytes:
    """The picture, at most `width` pixels wide and `most` bytes long; ValueError if it cannot be made so small."""
    if image.shape[1] > width:
        height = round(image.shape[0] * width / image.shape[1])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for quality in QUALITIES:
        made, body = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if made and len(body) <= most:
            return body.tobytes()
    raise ValueError(f"a picture of {image.shape[1]} × {image.shape[0]} does not fit into {most} bytes")


def sm3(body: bytes) -> str:
    """SM3 (GB/T 32905) as hex."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(body)
    return digest.finalize().hex()


def durable(path: Path, body: bytes) -> None:
    """Have a file on the disk under its name, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _blur(image: Image, left: int, top: int, right: int, bottom: int) -> None:
    height, width = image.shape[:2]
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right > left and bottom > top:
        face = image[top:bottom, left:right]
        coarse = max(1, (right - left) // 16), max(1, (bottom - top) // 16)
        small = cv2.resize(face, coarse, interpolation=cv2.INTER_AREA)
        image[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
