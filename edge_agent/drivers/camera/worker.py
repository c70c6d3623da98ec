"""The process that watches a group of cameras, so that a codec that crashes takes nobody else along.

``python -m edge_agent.drivers.camera.worker``, started by the agent; what is to be watched comes over standard input,
findings go over standard output, words for people to standard error (`edge_agent.drivers.camera.protocol`).
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import av.logging
import cv2

from edge_agent.drivers.camera.capture.choose import onvif, source, subscription
from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.clock import CameraClock
from edge_agent.drivers.camera.evidence import Privacy, Witness
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.protocol import (
    HEAD,
    Alive,
    Begin,
    CameraBegin,
    Counted,
    Found,
    FromWorker,
    Kept,
    Noted,
    Pace,
    Relearn,
    Shoot,
    Shot,
    ToWorker,
    framed,
    length,
    to_worker,
)
from edge_agent.drivers.camera.says import CameraSays
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.slowest import most_stretch
from edge_agent.drivers.camera.tasks import tasks
from edge_agent.drivers.camera.watching import Watching
from profiles.seal import Seal
from profiles.wire.messages import Evidence
from profiles.zones import offset

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two messages that it lives."""
AWAY = 3.0
"""Seconds between two of them beyond which it is the process that stood still (`process.AWAY`)."""
END = 3.0
"""Seconds that threads have to end; a camera that is silent just then is left to the end of the process."""
NICE = 5
"""How much the instruments' readings go before pictures, where both want the processor."""
RING_SPARE = 10.0
"""Seconds that the ring holds beyond a film: an event is told some time after it began, and a film ends after it."""


class Outbox:
    """The way to the agent; one message after the other, whichever thread speaks."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def send(self, message: FromWorker) -> None:
        """Hand over; waits while the agent does not read. The agent is gone: so is the worker."""
        try:
            with self._lock:
                self._pipe.write(framed(message))
                self._pipe.flush()
        except (BrokenPipeError, ValueError):
            os._exit(0)

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...]) -> None:
        """See `edge_agent.drivers.camera.watching.Post`."""
        self.send(Found(camera=camera, finding=finding, evidence=evidence))

    def counted(self, camera: str, crossed: Mapping[str, int]) -> None:
        """See `edge_agent.drivers.camera.watching.Post`."""
        self.send(Counted(camera=camera, crossed=dict(crossed)))

    def shot(self, camera: str, code: str, file: Evidence | None, reason: str) -> None:
        """See `edge_agent.drivers.camera.watching.Post`."""
        self.send(Shot(camera=camera, code=code, file=file, reason=reason))

    def noted(self, camera: str, text: str) -> None:
        """Have the agent tell what is wrong with the watching of a camera."""
        self.send(Noted(camera=camera, text=text))

    def kept(self, camera: str, entries: Mapping[str, bytes]) -> None:
        """See `edge_agent.drivers.camera.watching.Post`."""
        self.send(Kept(camera=camera, entries=dict(entries)))


def main() -> None:
    """Watch until the agent says stop or is gone."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints belongs in the log, and not between the messages
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group at a stop: the agent says how it ends
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    av.logging.set_level(None)  # FFmpeg's own lines may name an address with its password
    cv2.setNumThreads(1)
    os.nice(NICE)
    begin = _read(sys.stdin.buffer)
    if not isinstance(begin, Begin):
        return
    outbox, stopping = Outbox(pipe), threading.Event()
    cameras = {each.name: each for each in (_watching(camera, outbox) for camera in begin.cameras)}
    threads = [
        threading.Thread(target=target, name=name, daemon=True)
        for name, each in cameras.items()
        for target in each.threads()
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, cameras, stopping), daemon=True).start()
    before = time.monotonic()
    while not stopping.wait(BEAT):
        outbox.send(alive(cameras, before))
        before = time.monotonic()
    for each in cameras.values():
        each.stop()
    end = time.monotonic() + END
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    pipe.flush()
    os._exit(0)  # a thread that waits for a silent camera must not hold up the end


def alive(cameras: Mapping[str, Watching], before: float) -> Alive:
    """How each camera is; `before`: when that was told last, on the monotonic clock."""
    if time.monotonic() - before > AWAY:  # halted, or the machine was; this thread may be the first that goes on
        for each in cameras.values():
            each.resumed()
    return Alive(cameras={name: each.beat() for name, each in cameras.items()})


def _watching(camera: CameraBegin, outbox: Outbox) -> Watching:
    device = CameraDevice.model_validate_json(camera.device)
    seal = Seal.model_validate_json(camera.seal)
    evidence = seal.evidence
    ring = Ring(evidence.film_before + evidence.film_after + RING_SPARE, 2 * evidence.film)
    feed = Feed(device.name, partial(source, device), ring)
    clock = CameraClock(device.name, onvif(device, device.onvif).clock) if device.onvif is not None else None
    says = None
    if device.onvif is not None and device.onvif_events:
        says = CameraSays(device.name, subscription(device, device.onvif), outbox, camera.open)
    begin = partial(
        tasks, device, seal, clock.now if clock is not None else None, instead=partial(outbox.noted, device.name)
    )
    return Watching(
        device.name, feed, seal, begin, outbox,
        open_findings=camera.open, kept=camera.kept, rate=device.capture.rate,
        every=device.capture.snapshot_every if device.snapshot else 0.0,
        witness=_witness(camera, device, seal, ring) if camera.evidence else None, clock=clock, says=says,
        most_stretch=most_stretch(device, seal),
    )  # fmt: skip


def _witness(camera: CameraBegin, device: CameraDevice, seal: Seal, ring: Ring) -> Witness:
    privacy = Privacy(device.masks, device.blur_faces, device.sm3)
    return Witness(Path(camera.evidence), device.code, seal.evidence, offset(camera.zone), ring.clip, privacy)


def _listen(pipe: BinaryIO, cameras: Mapping[str, Watching], stopping: threading.Event) -> None:
    """What the agent asks for; the end of its pipe is its end."""
    while True:
        match _read(pipe):
            case Pace(stretch):
                for each in cameras.values():
                    each.stretch = stretch
            case Relearn(camera) if camera in cameras:
                cameras[camera].relearn()
            case Shoot(camera, within) if camera in cameras:
                cameras[camera].shoot(within)
            case None:
                stopping.set()
                return
            case _:
                stopping.set()


def _read(pipe: BinaryIO) -> ToWorker | None:
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    message: ToWorker = to_worker.decode(pipe.read(length(head)))
    return message


if __name__ == "__main__":
    main()
