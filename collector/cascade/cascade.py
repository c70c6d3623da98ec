"""One higher collector: what it wants of each batch is committed to an outbox of its own, as an agent's is.

Samples travel in the profile's units under the codes and times that they have here; their manifest is the agent's own
with those units, with `origin` (who measured) and `via` (the collectors passed).
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec

from collector.cascade.files import Files
from collector.cascade.settings import CascadeSettings
from collector.directory import Directory
from collector.evidence.store import EvidenceStore
from collector.normalise.compile import NO_PROFILE
from collector.registry import Registry
from collector.sinks.base import EventRecord, Record, Refusal, Series, SinkUnavailable
from collector.writers import pause
from config.version import VERSION
from edge_agent.outbox.draft import DataDraft, Draft, EventDraft
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.rows import OutboxUnavailable, Row
from edge_agent.uplink.link import Uplink
from profiles.conversions import Converter, tag_conversion
from profiles.limits import LIMITS, limit_of
from profiles.load import Library
from profiles.releases import RELEASED
from profiles.units import SAME, Conversion, UnitError
from profiles.wire.codec import encode
from profiles.wire.messages import Event, Manifest, ManifestTag, Release, Request, Response, State, Value

log = logging.getLogger(__name__)
CARRY_EVERY = 1.0
"""Seconds between two commits of chunks: readings must not wait for a film."""
MOST = 500
"""Samples in an envelope at most."""


@dataclass(slots=True)
class Parcel:
    """What of a batch belongs to one manifest of one agent, by era."""

    agent: str
    manifest: Manifest
    samples: dict[int, list[tuple[str, int, Value, str]]] = field(default_factory=lambda: defaultdict(list))
    events: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))


class Cascade:
    """A destination of the pipeline, and the uplink behind it."""

    name: ClassVar[str] = "cascade"

    def __init__(
        self, settings: CascadeSettings, own: str, state: Path, registry: Registry, library: Library,
        evidence: EvidenceStore,
    ) -> None:  # fmt: skip
        """`own`: the id of this collector. OutboxMisplacedError, OutboxUnavailable when its outbox cannot be opened."""
        self._settings, self._own, self._library = settings, own, library
        self._directory = Directory(registry)
        folder = state / f"cascade-{settings.collector}"
        folder.mkdir(parents=True, exist_ok=True)
        self._outbox = open_outbox(folder / "outbox.db", settings.outbox)
        self._files = Files(settings.collector, settings.evidence, self._outbox, evidence)
        self._lock = threading.Lock()
        """What is written and what is carried are two threads; a manifest stands until what refers to it does."""
        self._manifests: dict[str, tuple[Manifest, bytes]] = {}
        self._started = time.time_ns() // 1_000_000
        self._loop: asyncio.AbstractEventLoop | None = None
        self._uplink = Uplink(
            settings.mqtt, settings.uplink, agent=own, collector=settings.collector, outbox=self._outbox,
            state=self.state, on_request=self._answer,
        )  # fmt: skip

    # -- the destination

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Commit what the higher level wants; durable on return. Twice is once there, since times and ids are kept."""
        try:
            with self._lock:
                self._directory.refresh()
                parcels, refusals = self._sorted(records, events)
                if parcels:
                    self._commit(parcels, [each for each in events if self._wanted(each.region, each.profile)])
        except (OutboxUnavailable, sqlite3.Error) as err:
            raise SinkUnavailable(str(err)) from err
        for incident in self._outbox.incidents():  # the higher collector is told by the state's dropped ranges
            log.error("to collector %s: %s", self._settings.collector, incident.text)
        return refusals

    def _sorted(self, records: Sequence[Record], events: Sequence[EventRecord]) -> tuple[list[Parcel], list[Refusal]]:
        parcels: dict[tuple[str, int], Parcel] = {}
        refusals: list[Refusal] = []
        for index, record in enumerate(records):
            if not self._wanted(record.series.region, record.series.profile):
                continue
            if (source := self._source(record.series)) is None:
                refusals.append(Refusal(index, f"no manifest here holds the point {record.series.point!r}"))
                continue
            moment, era = divmod(record.time, 1_000_000)
            agent, manifest, tag = source
            _parcel(parcels, agent, manifest).samples[era].append((tag, moment, _value(record), record.quality))
        for each in events:
            if not self._wanted(each.region, each.profile):
                continue
            if (known := self._event_manifest(each)) is None:
                raise SinkUnavailable(f"event {each.event.id}: the manifest of agent {each.agent!r} cannot be read")
            _parcel(parcels, each.agent, known).events[each.era].append(each.in_profiles_unit())
        return list(parcels.values()), refusals

    def _commit(self, parcels: Sequence[Parcel], events: Sequence[EventRecord]) -> None:
        """All at once, so that a batch costs one commit however many agents it is of; their manifests stand before.

        That the files of its events are to be carried is in the same commit.
        """
        names = self._outbox.put_manifests([self._upward(each.agent, each.manifest) for each in parcels])
        drafts: list[Draft] = []
        for name, parcel in zip(names, parcels, strict=True):
            drafts += [EventDraft(era, name, tuple(found)) for era, found in parcel.events.items()]
            drafts += [
                DataDraft(era, name, tuple(rows[start : start + MOST]))
                for era, rows in parcel.samples.items()
                for start in range(0, len(rows), MOST)
            ]
        noted = self._files.noted(events)
        self._tell(self._outbox.commit(drafts, self._files.recall(noted)))
        self._files.add(noted)

    def _tell(self, committed: Sequence[Row]) -> None:
        if self._loop is not None and committed:
            self._loop.call_soon_threadsafe(self._uplink.committed, committed)

    def carry(self) -> None:
        """Commit the next chunks of the files that are verified here, as far as their lane has room.

        OutboxUnavailable or sqlite3.Error when the disk does not take them: they are taken next time.
        """
        with self._lock:
            self._directory.refresh()
            chunks, recall = self._files.next()
            owners = {chunk.draft.origin: self._directory.manifest(chunk.draft.origin) for chunk in chunks}
            known = {owner: manifest for owner, manifest in owners.items() if manifest is not None}
            chunks = [chunk for chunk in chunks if chunk.draft.origin in known]
            if not chunks and not recall:
                return
            names = self._outbox.put_manifests([self._upward(owner, manifest) for owner, manifest in known.items()])
            drafts = self._files.drafts(chunks, dict(zip(known, names, strict=True)))
            self._tell(self._outbox.commit(drafts, recall | self._files.progress(chunks)))
            self._files.taken(chunks)

    def _source(self, series: Series) -> tuple[str, Manifest, str] | None:
        """Who measured it, by which manifest, and the tag's name there."""
        if series.profile == NO_PROFILE or series.personal:  # its asset is <agent>/<device>, its point the tag's name
            agent, tag = series.asset.rpartition("/")[0], series.point
            manifest = self._directory.manifest(agent, tag)
            return None if manifest is None else (agent, manifest, tag)
        place = self._directory.find(series.point)
        return None if place is None else (place.agent, place.manifest, place.tag)

    def _event_manifest(self, record: EventRecord) -> Manifest | None:
        """The one that has its tag, so that it keeps its place also where that is measured no more."""
        known = self._directory.manifest(record.agent, record.event.tag or "") if record.point else None
        return known or self._directory.manifest(record.agent)

    def _wanted(self, region: str, profile: str) -> bool:
        """An event without a profile (of a device, of an agent) goes where its region goes."""
        regions, profiles = self._settings.regions, self._settings.profiles
        return (not regions or region.startswith(regions)) and (not profiles or not profile or profile in profiles)

    def _upward(self, agent: str, manifest: Manifest) -> bytes:
        """An agent's manifest as it travels upward; made once for each."""
        before = self._manifests.get(agent)
        if before is None or before[0] is not manifest:
            tags = {name: self._tag(tag) for name, tag in manifest.tags.items()}
            upward = msgspec.structs.replace(manifest, tags=tags, origin=agent, via=[*manifest.via, self._own])
            self._manifests[agent] = before = manifest, encode(upward)
        return before[1]

    def _tag(self, tag: ManifestTag) -> ManifestTag:
        """A tag in the profile's unit, its limits and range with it; what converted it is done, and not done again."""
        converter, unit = self._conversion(tag)
        if unit is None:
            return tag
        limits = tag.limits
        if limits is not None:
            known = {name: found for name in LIMITS if name != "SIG" and (found := limit_of(limits, name)) is not None}
            changed = {name: _finite(converter.of(found)) for name, found in known.items()}
            hysteresis = None
            if limits.hysteresis is not None:
                hysteresis = _finite(converter.step(limits.hysteresis, next(iter(known.values()), 0.0)))
            release = Release(**{
                name: _finite(converter.of(found))
                for name in RELEASED if (found := getattr(limits.release, name)) is not None
            })  # fmt: skip
            limits = msgspec.structs.replace(limits, **changed, hysteresis=hysteresis, release=release)
        source = None
        if tag.source is not None and isinstance(converter, Conversion):  # the number read → the profile's unit at once
            scale, shift = _finite(tag.source.scale * converter.factor), _finite(converter.of(tag.source.offset))
            if scale is not None and shift is not None:
                source = msgspec.structs.replace(tag.source, scale=scale, offset=shift)
        low, high = (None, None) if tag.range is None else (_finite(converter.of(end)) for end in tag.range)
        ends = None if low is None or high is None else (low, high)
        return msgspec.structs.replace(tag, unit=unit, limits=limits, range=ends, source=source, conversion=None)

    def _conversion(self, tag: ManifestTag) -> tuple[Converter, str | None]:
        profile = self._library.get(tag.point.profile) if tag.point else None
        quantity = profile.quantities.get(tag.point.quantity) if profile and tag.point else None
        if profile is None or quantity is None or quantity.type != "number":
            return SAME, None
        try:
            return tag_conversion(tag, profile, quantity), quantity.unit
        except UnitError:
            return SAME, None  # its samples are dead letters here already

    def close(self) -> None:
        """Release the outbox."""
        self._outbox.close()

    # -- the uplink

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`."""
        self._loop, ended = asyncio.get_running_loop(), asyncio.Event()
        carrying = asyncio.create_task(self._carry_on(ended))
        try:
            await self._uplink.run(stop)
        finally:
            ended.set()
            await carrying
            self._loop = None

    async def _carry_on(self, ended: asyncio.Event) -> None:
        troubled = ""
        while not ended.is_set():
            try:
                await asyncio.to_thread(self.carry)
                troubled = ""
            except (OutboxUnavailable, sqlite3.Error, OSError) as err:
                if str(err) != troubled:
                    log.error("to collector %s: evidence cannot be passed on: %s; it is tried again",
                              self._settings.collector, err)  # fmt: skip
                troubled = str(err)
            await pause(ended, CARRY_EVERY)

    async def _answer(self, request: Request) -> Response:
        """Requests of the higher collector."""
        if request.verb == "evidence":
            return await asyncio.to_thread(self._ask, request)
        error = f"a collector does not answer {request.verb!r}; ask its agents"
        return Response(v=1, id=request.id, ok=False, error=error)

    def _ask(self, request: Request) -> Response:
        with self._lock:
            return self._files.ask(request)

    def state(self) -> State:
        """What this collector says of itself as an agent."""
        streams = self._outbox.streams()
        depth = self._outbox.depth()
        now = time.time_ns() // 1_000_000
        return State(
            v=1, online=True, since=self._started, version=VERSION, time=now,
            outbox_rows=depth.rows, outbox_bytes=depth.bytes,
            oldest_age_s=None if depth.oldest is None else max(0.0, (now - depth.oldest) / 1000),
            quarantined=depth.quarantined, streams=streams, counters=dict(self._uplink.counters),
        )  # fmt: skip


def _parcel(parcels: dict[tuple[str, int], Parcel], agent: str, manifest: Manifest) -> Parcel:
    found = parcels.get((agent, id(manifest)))
    if found is None:
        found = parcels[agent, id(manifest)] = Parcel(agent, manifest)
    return found


def _value(record: Record) -> Value:
    """The one of the three fields that is set; a number beyond 2^53 by its exact digits."""
    if record.flag is not None:
        return record.flag
    return record.text if record.text is not None else record.value


def _finite(number: float) -> float | None:
    """A number that JSON can carry; what a conversion made infinite is left out, or nobody could read the manifest."""
    return number if math.isfinite(number) else None
