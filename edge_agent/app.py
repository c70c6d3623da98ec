"""The agent: wires drivers, recorder, outbox and uplink, and ends them in order. Nothing else knows all the rooms."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from config.expiry import ExpiryWatch
from config.version import VERSION
from edge_agent.clock import Clock
from edge_agent.drivers.base import Photographer, Reading, Runner, browse_device, drivers
from edge_agent.evidence import Carrier, EvidenceFolder
from edge_agent.host import HostLoad
from edge_agent.joined import groups
from edge_agent.manifest import build_manifest
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.store import Row
from edge_agent.recorder import Recorder
from edge_agent.remembered import Remembered
from edge_agent.rules import build_rules
from edge_agent.settings import AgentSettings
from edge_agent.tags import DeviceSettings
from edge_agent.uplink.certificate import certificate_until
from edge_agent.uplink.link import Uplink
from profiles.load import library
from profiles.wire.codec import encode
from profiles.wire.messages import SNAPSHOT, Request, Response, State
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)

RUNNER_BACKOFF = (1.0, 60.0)
"""First and longest pause, s, before a driver's task that failed is started again."""
TIDY = 60.0
"""Seconds between two looks at the bounds of the evidence folder, and at the certificates."""
RUNNER_END = 15.0
"""Seconds that a driver's task has to finish its request in flight at a stop."""


class Agent:
    """One agent, from its settings; `run` works until `stop` is set and has handed over all it could."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        profiles = library(settings.profiles)
        self._manifest = build_manifest(settings, profiles)
        settings.state.mkdir(parents=True, exist_ok=True)
        self._outbox = open_outbox(settings.state / "outbox.db", settings.outbox)
        self._hash = self._outbox.put_manifest(encode(self._manifest))
        before = Remembered.read(self._outbox.recall())
        self._clock = Clock(settings.clock, high=before.high, era=self._outbox.era_floor)
        folder = settings.state / "evidence"
        self._evidence = Carrier(folder, settings.evidence, before.evidence)
        self._folder = EvidenceFolder(folder, settings.evidence)
        joined = groups(self._manifest, profiles)
        raised = {tag for group in joined for tag in group.targets}
        self._recorder = Recorder(
            self._outbox,
            settings.outbox,
            self._clock,
            build_rules(settings.devices, self._manifest, profiles, raised),
            [device.name for device in settings.devices],
            agent=settings.agent,
            manifest=self._hash,
            before=before,
            evidence=self._evidence,
            on_commit=self._committed,
            groups=joined,
        )
        self._uplink = Uplink(
            settings.mqtt,
            settings.uplink,
            agent=settings.agent,
            collector=settings.collector,
            outbox=self._outbox,
            state=self.state,
            on_request=self._answer,
        )
        tls = settings.mqtt.tls
        self._expiry = ExpiryWatch(() if tls == "disabled" else tls.files)
        self._started = self._clock.now
        self._host = HostLoad(settings.state)
        self._up: dict[str, bool] = {}
        self._runners: list[Runner] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set: then drivers end, the last readings are committed, the uplink drains and closes."""
        self._recorder.note("INFO", f"agent started, version {VERSION}")
        self._runners = runners = _runners(self._settings.devices, self._recorder)
        log.info("agent %s: %d devices, outbox %s", self._settings.agent, len(self._settings.devices), self._hash[:12])
        ending, stop_uplink = asyncio.Event(), asyncio.Event()
        recording = asyncio.create_task(self._recorder.run(), name="recorder")
        sending = asyncio.create_task(self._uplink.run(stop_uplink), name="uplink")
        reading = [asyncio.create_task(self._supervise(each, ending), name=each.name) for each in runners]
        tidying = asyncio.create_task(self._tidy(ending), name="evidence")
        stopped = asyncio.create_task(stop.wait())
        try:
            # the recorder or the uplink end by themselves only when they failed: then end in order all the same
            await asyncio.wait({stopped, recording, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            ending.set()
            await _ended([*reading, tidying])
            self._recorder.end()
            try:
                await recording
            finally:
                stop_uplink.set()
                try:
                    await sending
                finally:
                    self._outbox.close()

    def state(self) -> State:
        """What the agent says of itself now."""
        streams = self._outbox.streams()  # before the depth: a number given meanwhile would seem to be delivered
        depth = self._outbox.depth()
        now = self._clock.read()
        return State(
            v=1,
            online=True,
            since=self._started,
            version=VERSION,
            manifest=self._hash,
            outbox_rows=depth.rows,
            outbox_bytes=depth.bytes,
            oldest_age_s=None if depth.oldest is None else max(0.0, (now - depth.oldest) / 1000),
            quarantined=depth.quarantined,
            streams=streams,
            devices=self._recorder.device_states(),
            clock_suspect=self._clock.suspect,
            counters=self._recorder.counters | self._uplink.counters,
            host=self._host.read(self._uplink.address),
            certificate_until=certificate_until(self._settings.mqtt),
        )

    def _committed(self, rows: Sequence[Row]) -> None:
        self._uplink.committed(rows)
        up = {name: device.up for name, device in self._recorder.device_states().items()}
        if up != self._up:
            self._up = up
            self._uplink.state_changed()

    async def _tidy(self, stop: asyncio.Event) -> None:
        """Keep the folder of evidence within its bounds, and warn of certificates in time."""
        while not stop.is_set():
            for level, text in await asyncio.to_thread(self._expiry.due, time.time()):
                log.warning("%s", text)
                self._recorder.note(level, text)
            try:
                lost = await asyncio.to_thread(self._folder.tidy, self._evidence.waiting, time.time())
            except OSError as err:
                log.error("the folder of evidence cannot be kept within its bounds: %s; it is tried again", err)
                lost = []
            for each in lost:
                self._recorder.note("FAULT", each)
            await _pause(stop, TIDY)

    async def _supervise(self, runner: Runner, stop: asyncio.Event) -> None:
        """A driver's task that fails harms nobody else: it is reported and started again."""
        pause, longest = RUNNER_BACKOFF
        while not stop.is_set():
            try:
                await runner.run(stop)
            except Exception as err:  # the one place that keeps a driver's defect to itself (I6)
                log.exception("driver task %s failed; it is started again in %.0f s", runner.name, pause)
                self._lost(runner, f"driver task {runner.name} failed and is started again: {err!r}")
            else:
                if not stop.is_set():
                    self._lost(runner, f"driver task {runner.name} ended by itself and is started again")
            await _pause(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
            pause = min(2 * pause, longest)

    def _lost(self, runner: Runner, why: str) -> None:
        """Nobody reads these devices now, so nothing of theirs is taken for current."""
        self._recorder.note("FAULT", why)
        now = self._clock.read()
        for device in runner.devices:
            self._recorder.readings(device.name, [Reading(tag.name, now, None, BAD_LINK) for tag in device.all_tags()])
            self._recorder.device_down(device.name, why)

    async def _answer(self, request: Request) -> Response:
        """Requests that only the agent as a whole can answer; none of them writes to an instrument."""
        match request.verb:
            case "status":
                return Response(v=1, id=request.id, ok=True, result=self.state())
            case "read":
                wanted = request.args.get("tags")
                if wanted is not None and not isinstance(wanted, list):
                    return Response(v=1, id=request.id, ok=False, error="tags: expected a list of tag names")
                found = {
                    tag: [sample.time, sample.value, sample.quality]
                    for tag, sample in self._recorder.latest().items()
                    if wanted is None or tag in wanted
                }
                return Response(v=1, id=request.id, ok=True, result=found)
            case "browse":
                return await self._browse(request)
            case "evidence":
                return await self._carry_again(request)
            case "snapshot":
                return await self._snapshot(request)
            case _:
                return Response(v=1, id=request.id, ok=False, error=f"this agent does not answer {request.verb!r}")

    async def _carry_again(self, request: Request) -> Response:
        name = request.args.get("id")
        try:
            file = await asyncio.to_thread(self._folder.found, name) if isinstance(name, str) else None
        except FileNotFoundError:
            file = None
        if file is None:
            return Response(v=1, id=request.id, ok=False, error=f"id: {name!r} is no file of evidence here (any more)")
        if self._outbox.depth().lanes["evidence"]:
            text = "evidence still waits in the outbox, and this file may be among it"
            return Response(v=1, id=request.id, ok=False, error=text)
        self._evidence.add(self._evidence.note(file, self._clock.era))
        return Response(v=1, id=request.id, ok=True, result={"size": file.size, "sha256": file.sha256})

    async def _snapshot(self, request: Request) -> Response:
        """A picture of a camera as it is now; told once it is durable here, and carried as evidence."""
        name = request.args.get("camera")
        known = [each.name for each in self._settings.devices if each.camera() is not None]
        owner = next((each for each in self._runners if name in [device.name for device in each.devices]), None)
        if name not in known or not isinstance(owner, Photographer):
            error = f"camera: expected one of {', '.join(known) or 'none: it has no cameras'}"
            return Response(v=1, id=request.id, ok=False, error=error)
        try:
            file = await owner.snapshot(name)
        except OSError as err:
            return Response(v=1, id=request.id, ok=False, error=f"{name}: {err}")
        self._recorder.pictured(name, file, SNAPSHOT)
        if not await self._recorder.committed():
            return Response(v=1, id=request.id, ok=False, error=f"{name}: the picture could not be noted")
        log.info("request %s: a picture of camera %s was taken: %s", request.id, name, file.id)
        return Response(v=1, id=request.id, ok=True, result=file)

    async def _browse(self, request: Request) -> Response:
        args = request.args
        device = next((each for each in self._settings.devices if each.name == args.get("device")), None)
        start, depth, limit = args.get("node", ""), args.get("depth", 1), args.get("limit", 200)
        if device is None:
            known = ", ".join(each.name for each in self._settings.devices)
            return Response(v=1, id=request.id, ok=False, error=f"device: expected one of {known}")
        if not (isinstance(start, str) and isinstance(depth, int) and isinstance(limit, int) and depth > 0 < limit):
            error = "expected node (text), depth and limit (whole numbers from 1)"
            return Response(v=1, id=request.id, ok=False, error=error)
        try:
            found, more = await browse_device(device, start, min(depth, 20), limit)
        except (OSError, ValueError) as err:
            return Response(v=1, id=request.id, ok=False, error=f"{device.name}: {err}")
        return Response(v=1, id=request.id, ok=True, result={"nodes": found, "more": more})


def _runners(devices: Sequence[DeviceSettings], recorder: Recorder) -> list[Runner]:
    by_driver: dict[str, list[Any]] = defaultdict(list)
    for device in devices:
        by_driver[device.driver].append(device)
    known = drivers()
    return [runner for name, group in by_driver.items() for runner in known[name].runners(group, recorder)]


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        _done, late = await asyncio.wait(tasks, timeout=RUNNER_END)
        for task in late:
            log.warning("driver task %s did not end in %.0f s and is cancelled", task.get_name(), RUNNER_END)
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=RUNNER_END)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
