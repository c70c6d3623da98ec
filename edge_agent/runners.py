"""The drivers' tasks: each begun, minded, begun again when it fails or hangs, and left alone when the settings change.

A driver that fails harms nobody else (I6): its devices are told as lost, its task is begun again after a pause, and no
other task notices. One that hangs, so that nothing is heard of its devices, is cancelled and begun again likewise.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from config.service.progress import Progress, Step
from edge_agent.drivers.base import Adaptable, Reading, Runner, drivers
from edge_agent.recorder import Recorder
from edge_agent.tags import DeviceSettings
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)

BACKOFF = (1.0, 60.0)
"""First and longest pause, s, before a driver's task that failed is begun again."""
STEADY = 600.0
"""Seconds that a task must have worked for the pauses to begin anew."""
ENDS = 15.0
"""Seconds that a driver's task has to finish its request in flight at a stop."""
LOOK = 5.0
"""Seconds between two looks at whether a task moves on."""
SILENT = 300.0
"""Seconds without a word of its devices after which a task hangs; longer where they are read more rarely."""


Key = tuple[str, str]
"""Of a runner: its driver and its name."""


@dataclass(eq=False)
class _Running:
    runner: Runner
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class HangingError(Exception):
    """Nothing was heard of a runner's devices for too long."""


class Runners:
    """All runners of an agent."""

    def __init__(self, recorder: Recorder, progress: Progress) -> None:
        self._recorder, self._progress = recorder, progress
        self._running: dict[Key, _Running] = {}

    def start(self, devices: Sequence[DeviceSettings]) -> None:
        """Begin to read these."""
        for key, runner in make_runners(devices, self._recorder).items():
            self._begin(key, runner)

    async def change(self, devices: Sequence[DeviceSettings], switch: Callable[[set[str]], None]) -> None:
        """Read these from now on. Runners of which all devices stay as they are are not touched.

        One that can adapt goes on with its connection; the others end, and are made anew. `switch` is called in
        between, when no reading of a device that changes is under way, with the names of those that are read anew.
        """
        wanted = make_runners(devices, self._recorder)
        here = {key: self._running[key] for key in wanted.keys() & self._running.keys()}
        stay = {key for key, each in here.items() if list(each.runner.devices) == list(wanted[key].devices)}
        adapt = {
            key: each.runner
            for key, each in here.items()
            if key not in stay and isinstance(each.runner, Adaptable) and each.runner.adapts(wanted[key].devices)
        }
        untouched = {device.name for key in stay for device in wanted[key].devices}
        for key in adapt:
            known = {device.name: device for device in here[key].runner.devices}
            untouched |= {each.name for each in wanted[key].devices if known.get(each.name) == each}
        await self._end([key for key in self._running if key not in stay | adapt.keys()])
        async with AsyncExitStack() as pauses:
            for runner in adapt.values():
                await pauses.enter_async_context(runner.paused())
            switch({device.name for device in devices} - untouched)
            for key, runner in adapt.items():
                runner.adapt(wanted[key].devices)
        for key, made in make_runners(devices, self._recorder).items():  # what they remember is known only now
            if key not in stay | adapt.keys():
                self._begin(key, made)

    def of(self, device: object) -> Runner | None:
        """The one that reads the device of this name."""
        running = (each.runner for each in self._running.values())
        return next((each for each in running if device in [known.name for known in each.devices]), None)

    async def end(self) -> None:
        """Have all of them finish what is in flight, and end."""
        await self._end(list(self._running))

    def _begin(self, key: Key, runner: Runner) -> None:
        running = self._running[key] = _Running(runner)
        running.task = asyncio.create_task(self._supervise(running), name=runner.name)

    async def _end(self, keys: Sequence[Key]) -> None:
        ended = [self._running.pop(key) for key in keys]
        for each in ended:
            each.stop.set()
        tasks = [each.task for each in ended if each.task is not None]
        if not tasks:
            return
        _done, late = await asyncio.wait(tasks, timeout=ENDS)
        for task in late:
            log.warning("driver task %s did not end in %.0f s and is cancelled", task.get_name(), ENDS)
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=ENDS)

    async def _supervise(self, running: _Running) -> None:
        """A driver's task that fails harms nobody else: it is reported and begun again."""
        runner, stop = running.runner, running.stop
        name = f"driver {runner.name}"
        step = self._progress.watch(name)
        pause = BACKOFF[0]
        try:
            while not stop.is_set():
                begun = time.monotonic()
                try:
                    await self._work(running, step)
                except Exception as err:  # the one place that keeps a driver's defect to itself (I6)
                    log.exception("driver task %s failed; it is started again in %.0f s", runner.name, pause)
                    self._lost(runner, f"driver task {runner.name} failed and is started again: {err!r}")
                else:
                    if not stop.is_set():
                        self._lost(runner, f"driver task {runner.name} ended by itself and is started again")
                if time.monotonic() - begun > STEADY:
                    pause = BACKOFF[0]
                step(2 * pause)
                await _pause(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
                pause = min(2 * pause, BACKOFF[1])
        finally:
            self._progress.forget(name)

    async def _work(self, running: _Running, step: Step) -> None:
        """One run of a runner, as long as something is heard of its devices.

        One that cannot be cancelled is waited for: it holds its instruments, so that nobody else could read them. The
        watchdog then ends the program.
        """
        work = asyncio.create_task(running.runner.run(running.stop))
        since = time.monotonic()
        try:
            while True:
                step(LOOK)
                await asyncio.wait({work}, timeout=LOOK)
                if work.done():
                    return work.result()
                now = time.monotonic()
                if self._recorder.blocked or running.stop.is_set():
                    since = now  # who waits for a commit hangs by no fault of its own
                elif (silent := now - self._heard(running.runner, since)) > _patience(running.runner):
                    raise HangingError(f"nothing was heard of its devices for {silent:.0f} s")
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    def _heard(self, runner: Runner, since: float) -> float:
        return max([since, *(self._recorder.heard(device.name) for device in runner.devices)])

    def _lost(self, runner: Runner, why: str) -> None:
        """Nobody reads these devices now, so nothing of theirs is taken for current."""
        self._recorder.note("FAULT", why)
        now = time.time_ns() // 1_000_000
        for device in runner.devices:
            self._recorder.readings(device.name, [Reading(tag.name, now, None, BAD_LINK) for tag in device.all_tags()])
            self._recorder.device_down(device.name, why)


def make_runners(devices: Sequence[DeviceSettings], recorder: Recorder) -> dict[Key, Runner]:
    """One an endpoint, as the drivers say, by driver and name."""
    by_driver: dict[str, list[Any]] = defaultdict(list)
    for device in devices:
        by_driver[device.driver].append(device)
    known = drivers()
    return {
        (name, runner.name): runner
        for name, group in by_driver.items()
        for runner in known[name].runners(group, recorder)
    }


def _patience(runner: Runner) -> float:
    """How long nothing may be heard of a runner's devices; of those without anything to read, for ever."""
    read = [device for device in runner.devices if device.all_tags() or device.camera() is not None]
    return max([SILENT, *(3 * device.quiet_for() for device in read)]) if read else float("inf")


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
