"""A group of cameras and the worker process that watches them: begun, minded, begun again when it fails."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from edge_agent.drivers.base import DurableOutput
from edge_agent.drivers.camera.balance import Balance
from edge_agent.drivers.camera.pace import Pace
from edge_agent.drivers.camera.process import Process
from edge_agent.drivers.camera.protocol import (
    Alive,
    Beat,
    Begin,
    Counted,
    Found,
    FromWorker,
    Kept,
    Noted,
    Relearn,
    Shoot,
    Shot,
)
from edge_agent.drivers.camera.protocol import Pace as PaceMessage
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.watched import Watched
from profiles.model import Profile
from profiles.seal import Seal
from profiles.textfile.values import zone
from profiles.wire.messages import REFERENCE, SNAPSHOT, Evidence

log = logging.getLogger(__name__)

BACKOFF = (1.0, 60.0)
"""First and longest pause, s, before a worker that ended is begun again."""
STEADY = 120.0
"""Seconds that a worker must have lived for the pauses, and the telling, to begin anew."""
SHOT, SHOT_SPARE = 10.0, 5.0
"""Seconds in which a picture that is asked for must come, and more in which its worker must say so."""
MIND = 1.0
"""Seconds between two looks at the worker."""


@dataclass(slots=True)
class _Asked:
    """A picture that was asked for."""

    shot: asyncio.Future[Shot]
    waiting: int = 0
    """How many wait for it; the patience of one is not that of the others."""


class CameraRunner:
    """See `edge_agent.drivers.base.Runner`."""

    def __init__(
        self, group: str, cameras: Sequence[tuple[CameraDevice, Profile]], out: DurableOutput, pace: Pace,
        balance: Balance,
    ) -> None:  # fmt: skip
        self.name = f"cameras {group}"
        self.devices = tuple(device for device, _profile in cameras)
        self._out, self._pace = out, pace
        self._cameras = {
            device.name: Watched(device, seal_of(profile), out, zone(profile), balance) for device, profile in cameras
        }
        self._process: Process | None = None
        self._beats: dict[str, Beat] = {}
        self._shots: dict[str, _Asked] = {}
        """Pictures that were asked for; whoever asks meanwhile gets the same."""
        self._noted: set[tuple[str, str]] = set()
        """What workers noted; each begins its analysis anew, and so says it again."""
        self.stretch = 1.0
        """The pace that its worker was told last (`Pace.stretch`)."""

    @property
    def worker(self) -> int:
        """Process id of the worker; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    async def snapshot(self, device: str) -> Evidence:
        """See `edge_agent.drivers.base.Photographer`."""
        process = self._process
        if process is None or not process.pid:
            raise OSError("no process watches it now")
        asked = self._shots.setdefault(device, _Asked(asyncio.get_running_loop().create_future()))
        process.send(Shoot(device, SHOT))
        asked.waiting += 1
        try:
            answer = await asyncio.wait_for(asyncio.shield(asked.shot), SHOT + SHOT_SPARE)
        except TimeoutError:
            raise OSError("the process that watches it does not answer") from None
        finally:
            asked.waiting -= 1
            if not asked.waiting and self._shots.get(device) is asked:
                del self._shots[device]
        if answer.file is None:
            raise OSError(answer.reason)
        return answer.file

    async def run(self, stop: asyncio.Event) -> None:
        """Have the cameras watched until `stop` is set; a worker that fails is told once, and begun again."""
        minding = asyncio.create_task(self._mind())
        minding.add_done_callback(self._unminded)
        try:
            await self._keep_watching(stop, minding)
        finally:
            minding.cancel()
            for camera in self._cameras.values():
                camera.save()
        if minding.done() and not minding.cancelled():
            minding.result()

    def _unminded(self, _minding: asyncio.Task[None]) -> None:
        """A worker that nobody minds is none: its end is the end of `run`, which tells why."""
        if self._process is not None:
            self._process.kill()

    async def _keep_watching(self, stop: asyncio.Event, minding: asyncio.Task[None]) -> None:
        pause, longest = BACKOFF
        told = False
        while not stop.is_set() and not minding.done():
            begun = time.monotonic()
            why = await self._watch(stop)
            if stop.is_set():
                return
            if time.monotonic() - begun > STEADY:
                pause, told = BACKOFF[0], False
            text = f"the process that watches {', '.join(self._cameras)} {why} and is begun again"
            log.error("%s: %s", self.name, text)
            if not told:
                self._out.note("FAULT", text)
                told = True
            await _pause(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
            pause = min(2 * pause, longest)

    async def _watch(self, stop: asyncio.Event) -> str:
        """One worker from its beginning to its end; how that came."""
        secrets = [device.password.get_secret_value() for device in self.devices if device.password is not None]
        self._process = process = Process(self.name, secrets, 4 * max(each.capture.timeout for each in self.devices))
        self.stretch = 1.0
        begin = Begin(cameras=tuple(each.begin() for each in self._cameras.values()))
        ending = asyncio.create_task(_stop_with(process, stop))
        try:
            async with aclosing(process.messages(begin)) as messages:
                async for message in messages:
                    self._take(message)
        except OSError as err:
            return f"cannot be started ({err.strerror})"
        finally:
            ending.cancel()
            self._beats = {}
            for camera in self._cameras.values():
                camera.ended()
            while self._shots:
                name, asked = self._shots.popitem()
                asked.shot.set_result(Shot(camera=name, code=SNAPSHOT, reason="the process that watches it ended"))
            self._pace.hear(self.name, {}, time.monotonic())
        return f"ended ({process.ended})"

    def _take(self, message: FromWorker) -> None:
        match message:
            case Alive(cameras=beats):
                self._beats = beats
            case Found(camera=name, finding=finding, evidence=evidence):
                self._cameras[name].found(finding, evidence)
            case Counted(camera=name, crossed=crossed):
                self._cameras[name].counted(crossed)
            case Shot(camera=name, code="snapshot") if name in self._shots:
                self._shots.pop(name).shot.set_result(message)
            case Shot(camera=name, code="reference", file=Evidence() as file):
                self._out.pictured(name, file, REFERENCE)
            case Shot(camera=name, code=code, file=None, reason=reason):
                log.error("camera %s: %s: %s", name, code, reason)
            case Noted(camera=name, text=text):
                log.error("camera %s: %s", name, text)
                if (name, text) not in self._noted:
                    self._noted.add((name, text))
                    self._out.note("FAULT", f"camera {name}: {text}")
            case Kept(camera=name, entries=entries):
                self._cameras[name].kept(entries)

    async def _mind(self) -> None:
        """Each second: how every camera stands, whether the worker hangs, how fast it is to go."""
        while True:
            for name, camera in self._cameras.items():
                camera.tick(self._beats.get(name))
            process = self._process
            if process is not None and process.pid:
                if why := process.hangs(max((beat.stuck for beat in self._beats.values()), default=0.0)):
                    log.error("%s: the worker is ended: %s", self.name, why)
                    process.kill()
                self._keep_pace(process)
                for name in [each for each in self._beats if self._cameras[each].asked_to_relearn()]:
                    log.info("camera %s: its scene is learnt anew", name)
                    process.send(Relearn(name))
            await asyncio.sleep(MIND)

    def _keep_pace(self, process: Process) -> None:
        strains = {name: beat.strain for name, beat in self._beats.items() if beat.connected}
        self._pace.hear(self.name, strains, time.monotonic())
        if self._pace.stretch != self.stretch and self._beats:
            self.stretch = self._pace.stretch
            process.send(PaceMessage(self.stretch))


async def _stop_with(process: Process, stop: asyncio.Event) -> None:
    await stop.wait()
    await process.stop()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def seal_of(profile: Profile) -> Seal:
    """The seal that a profile describes; LookupError, which `check` tells before."""
    if profile.seal is None:
        raise LookupError(f"profile {profile.profile} describes no seal")
    return profile.seal
