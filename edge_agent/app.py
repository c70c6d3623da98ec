"""The agent: wires drivers, recorder, outbox and uplink, and ends them in order. Nothing else knows all the rooms."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from config import logs
from config.certificates import Certificates, ExpiryWatch, of_link
from config.errors import ConfigError, Problem
from config.service.progress import Progress
from config.version import VERSION
from edge_agent.clock import Clock
from edge_agent.drivers.base import Photographer, browse_device
from edge_agent.evidence import Carrier, EvidenceFolder
from edge_agent.host import HostLoad
from edge_agent.joined import groups
from edge_agent.manifest import build_manifest
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.rows import OutboxUnavailable
from edge_agent.outbox.store import Row
from edge_agent.recorder import Recorder
from edge_agent.remembered import Remembered
from edge_agent.rules import build_rules
from edge_agent.runners import Runners
from edge_agent.settings import RELOADED, AgentSettings, load_agent
from edge_agent.status import metrics, status, summary
from edge_agent.uplink.link import Uplink
from profiles.load import library
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import LATEST_MS, SNAPSHOT, RawReadings, Request, Response, State

log = logging.getLogger(__name__)

OF_PEOPLE = ("status", "read", "raw", "snapshot", "browse", "reload")
"""Verbs that a collector does not send by itself."""
NOTED, NOTED_WITHIN = 10, 60.0
"""Requests that become events, at most so many within so many seconds; the log has all."""
SHOWN = 200
"""Characters of a request that its event shows."""
TIDY = 60.0
"""Seconds between two looks at the bounds of the evidence folder, and at the certificates."""
SETTLES = 10.0
"""Seconds that a commit may take before changed settings are taken over."""


class Agent:
    """One agent, from its settings; `run` works until `stop` is set and has handed over all it could."""

    def __init__(self, settings: AgentSettings, progress: Progress | None = None) -> None:
        """`progress`: where its loops say that they move on."""
        self._progress = Progress() if progress is None else progress
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
            moved=self._progress.watch("recorder"),
        )
        self._uplink = Uplink(
            settings.mqtt,
            settings.uplink,
            agent=settings.agent,
            collector=settings.collector,
            outbox=self._outbox,
            state=self.state,
            on_request=self._answer,
            moved=self._progress.watch("uplink"),
        )
        tls = settings.mqtt.tls
        self._expiry = ExpiryWatch(() if tls == "disabled" else tls.files)
        self._runners = Runners(self._recorder, self._progress)
        self._reloading = asyncio.Lock()
        self._ending = False
        self._certificates = Certificates(_certificates(settings))
        self._started = self._clock.now
        self._host = HostLoad(settings.state)
        self._up: dict[str, bool] = {}
        self._noted: deque[float] = deque(maxlen=NOTED)
        """When the last requests became events (monotonic s)."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set: then drivers end, the last readings are committed, the uplink drains and closes."""
        self._recorder.note("INFO", f"agent started, version {VERSION}")
        log.info("agent %s: %d devices, outbox %s", self._settings.agent, len(self._settings.devices), self._hash[:12])
        ending, stop_uplink = asyncio.Event(), asyncio.Event()
        recording = asyncio.create_task(self._recorder.run(), name="recorder")
        sending = asyncio.create_task(self._uplink.run(stop_uplink), name="uplink")
        self._runners.start(self._settings.devices)
        tidying = asyncio.create_task(self._tidy(ending), name="evidence")
        stopped = asyncio.create_task(stop.wait())
        try:
            # the recorder or the uplink end by themselves only when they failed: then end in order all the same
            await asyncio.wait({stopped, recording, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            ending.set()
            async with self._reloading:
                self._ending = True
                await self._runners.end()
            await tidying
            self._recorder.end()
            try:
                await recording
            finally:
                stop_uplink.set()
                try:
                    await sending
                finally:
                    self._outbox.close()

    @property
    def settings(self) -> AgentSettings:
        """Those that it works by now."""
        return self._settings

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
            time=now,
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
            certificates=self._certificate_ends(),
        )

    def _certificate_ends(self) -> dict[str, int]:
        broker = self._uplink.broker_valid_until
        return self._certificates.ends() | ({} if broker is None else {"broker": broker})

    # -- as a service (config.service.service.Program)

    async def status(self) -> dict[str, Any]:
        """How it is, for people and scripts on this machine."""
        return status(self._settings, self.state(), self._uplink.standing())

    async def metrics(self) -> Iterable[Metric]:
        """For Prometheus."""
        return metrics(self.state(), self._uplink.standing())

    def summary(self) -> str:
        """One line."""
        return summary(self._recorder.device_states(), self._outbox.depth(), self._uplink.standing())

    def troubles(self) -> list[str]:
        """What keeps it from its work; that a device or the broker is away is no trouble of its own."""
        return ["the outbox cannot be written: readings are held in memory"] if self._recorder.blocked else []

    async def reload(self, file: Path) -> str:
        """Take over a changed settings file: what did not change goes on untouched, and no reading is lost.

        ConfigError, having changed nothing, when the file has mistakes or changes what needs a restart.
        """
        async with self._reloading:
            if self._ending:
                raise ConfigError([Problem(str(file), 1, 1, "the agent ends just now")])
            before = self._settings
            settings = (await asyncio.to_thread(load_agent, file, before)).settings
            if settings == before:
                return "nothing has changed"
            profiles = library(settings.profiles)
            manifest = build_manifest(settings, profiles)
            joined = groups(manifest, profiles)
            raised = {tag for group in joined for tag in group.targets}
            rules = build_rules(settings.devices, manifest, profiles, raised)
            await self._keep_manifest(file, encode(manifest))

            def switch(anew: set[str]) -> None:
                self._settings, self._manifest, self._hash = settings, manifest, manifest_hash(encode(manifest))
                self._certificates = Certificates(_certificates(settings))
                names = [device.name for device in settings.devices]
                self._recorder.change(rules, names, joined, self._hash, anew)

            await self._runners.change(settings.devices, switch)
            if settings.log != before.log:
                logs.configure(settings.log, "edge-agent")
            self._uplink.state_changed()
            done = _changes(before, settings)
            self._recorder.note("INFO", f"changed settings were taken over: {done}")
            return done

    async def _keep_manifest(self, file: Path, frame: bytes) -> None:
        """Have the new manifest beside the present one, which what is not committed yet still refers to."""
        try:
            async with asyncio.timeout(SETTLES):
                await self._recorder.committed()  # what refers to an older one than these two is on the disk then
            await asyncio.to_thread(self._outbox.put_manifests, [frame, encode(self._manifest)])
        except (TimeoutError, OutboxUnavailable) as err:
            text = f"the outbox cannot be written, so that nothing is taken over now: {err or 'no commit in time'}"
            raise ConfigError([Problem(str(file), 1, 1, text)]) from err

    def _committed(self, rows: Sequence[Row]) -> None:
        self._uplink.committed(rows)
        up = {name: device.up for name, device in self._recorder.device_states().items()}
        if up != self._up:
            self._up = up
            self._uplink.state_changed()

    async def _tidy(self, stop: asyncio.Event) -> None:
        """Keep the folder of evidence within its bounds, and warn of certificates in time."""
        while not stop.is_set():
            await self._look_at_certificates()
            try:
                lost = await asyncio.to_thread(self._folder.tidy, self._evidence.waiting, time.time())
            except OSError as err:
                log.error("the folder of evidence cannot be kept within its bounds: %s; it is tried again", err)
                lost = []
            for each in lost:
                self._recorder.note("FAULT", each)
            await _pause(stop, TIDY)

    async def _look_at_certificates(self) -> None:
        standing, now = self._recorder.expiring, time.time_ns() // 1_000_000
        found = await asyncio.to_thread(self._expiry.news, now, None if standing is None else standing.since)
        if found is not None:
            for each in found:
                log.warning("%s", each.text)
            self._recorder.expiry(found)

    async def _answer(self, request: Request) -> Response:
        """Requests that only the agent as a whole can answer; those of people are events as well, so that who reads the
        events knows who was asked what.
        """
        response = await self._answered(request)
        now = time.monotonic()
        if request.verb in OF_PEOPLE and (len(self._noted) < NOTED or now - self._noted[0] > NOTED_WITHIN):
            self._noted.append(now)
            outcome = "answered" if response.ok else f"refused: {response.error}"
            about = f"{request.verb} {request.args}"[:SHOWN]
            text = f"collector {self._settings.collector} asked (request {request.id}): {about}: {outcome}"
            self._recorder.note("INFO", text)
        return response

    async def _answered(self, request: Request) -> Response:
        """None of them writes to an instrument."""
        match request.verb:
            case "status":
                return Response(v=1, id=request.id, ok=True, result=self.state())
            case "read":
                asked = request.args.get("tags")
                if asked is not None and not isinstance(asked, list):
                    return Response(v=1, id=request.id, ok=False, error="tags: expected a list of tag names")
                wanted = None if asked is None else {name for name in asked if isinstance(name, str)}
                found = {
                    tag: [sample.time, sample.value, sample.quality]
                    for tag, sample in self._recorder.latest().items()
                    if wanted is None or tag in wanted
                }
                return Response(v=1, id=request.id, ok=True, result=found)
            case "raw":
                return self._raw(request)
            case "browse":
                return await self._browse(request)
            case "evidence":
                return await self._carry_again(request)
            case "snapshot":
                return await self._snapshot(request)
            case _:
                return Response(v=1, id=request.id, ok=False, error=f"this agent does not answer {request.verb!r}")

    def _raw(self, request: Request) -> Response:
        """What was read of a tag, as it was read, about a moment."""
        tag, moment = request.args.get("tag"), request.args.get("time", LATEST_MS)
        memory = self._recorder.raw
        if not isinstance(tag, str) or (held := memory.holds(tag)) is None:
            return Response(v=1, id=request.id, ok=False, error="tag: expected the name of one of this agent's tags")
        if not isinstance(moment, int) or isinstance(moment, bool):
            return Response(v=1, id=request.id, ok=False, error="time: expected a whole number, ms since 1970 UTC")
        kept, oldest = held
        found = RawReadings(since=self._started, kept=kept, oldest=oldest, readings=memory.nearest(tag, moment))
        return Response(v=1, id=request.id, ok=True, result=found)

    async def _carry_again(self, request: Request) -> Response:
        name = request.args.get("id")
        try:
            file = await asyncio.to_thread(self._folder.found, name) if isinstance(name, str) else None
        except OSError:  # also of a folder's name, and of one that no file can have
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
        owner = self._runners.of(name)
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


def _certificates(settings: AgentSettings) -> dict[str, Path]:
    """Those by which the agent is known, and knows: the uplink's, and the devices' by their names."""
    devices = {each.name: file for each in settings.devices if (file := each.certificate()) is not None}
    return devices | of_link(settings.mqtt)


def _changes(before: AgentSettings, after: AgentSettings) -> str:
    """What differs, for people."""
    old, new = ({device.name: device for device in each.devices} for each in (before, after))
    parts = [
        f"{word} {', '.join(sorted(names))}"
        for word, names in (
            ("new:", new.keys() - old.keys()), ("gone:", old.keys() - new.keys()),
            ("changed:", {name for name in new.keys() & old.keys() if new[name] != old[name]}),
        )
        if names
    ]  # fmt: skip
    others = [name for name in RELOADED if name != "devices" and getattr(before, name) != getattr(after, name)]
    return "; ".join([*(f"devices {part}" for part in parts), *([f"settings: {', '.join(others)}"] if others else [])])


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
