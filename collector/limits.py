"""What one agent may take of the collector: messages a second, points, new points a day. Beyond, it is refused aloud.

Nothing is lost by it (I2): what is refused is not acknowledged, so that it stays at the agent and comes again; a
manifest that is refused is kept as a dead letter, and what refers to it waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import Field

from collector.alarms.book import AlarmBook
from collector.growth import series_names
from collector.registry import Registry
from collector.sinks.base import Destination, EventRecord
from collector.told import Teller
from collector.writers import Writer
from config.model import Settings
from profiles.wire.codec import decode, decoder, event_id
from profiles.wire.messages import Event, EventState, Manifest, Site

log = logging.getLogger(__name__)
PIECE = 64 * 2**10
"""Bytes that count as one message; a larger message counts as several."""
BURST = 10.0
"""Seconds' worth of messages that may come at once."""
QUIET = 900.0
"""Seconds without a refusal after which an alarm is cleared; a manifest that was refused is asked for again before."""
MOST_AGENTS = 100_000
"""Agents whose rate is known; beyond, each begins anew."""
DAY = 86_400
FLOOD, GROWTH = "flood", "growth"
"""Codes of the two alarms."""
_MANIFEST = decoder(Manifest)


class LimitSettings(Settings):
    """What one agent may take; generous, so that only a fault or an attack meets them."""

    rate: Annotated[float, Field(gt=0)] = 1000.0
    """Messages a second of one agent, one of more than 64 KiB counting as several; ten seconds' worth may come at once.
    Beyond, they are not acknowledged and come again."""
    points: Annotated[int, Field(ge=1)] = 50_000
    """Tags that one manifest may have; one with more is refused and kept as a dead letter."""
    new_points: Annotated[int, Field(ge=1)] = 100_000
    """Points that an agent (each one behind a lower collector by itself) may bring in a day (UTC) that it never had."""
    behind: Annotated[int, Field(ge=0)] = 2000
    """Agents whose data one agent, a lower collector, may pass on, each with limits and a quota of evidence of its own;
    0 where there is no lower collector."""


class RefusedError(Exception):
    """A manifest beyond the limits; the text says which."""


class Refusals:
    """Which agents were refused, why, and when last. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str], tuple[str, float]] = {}

    def note(self, agent: str, code: str, reason: str) -> None:
        """An agent is refused now; said in the log when it begins."""
        with self._lock:
            new = (agent, code) not in self._found
            self._found[agent, code] = reason, time.monotonic()
        if new:
            log.error("agent %s: %s", agent, reason)

    def over(self, agent: str, code: str) -> None:
        """The cause is gone."""
        with self._lock:
            self._found.pop((agent, code), None)

    def standing(self) -> dict[tuple[str, str], str]:
        """(agent, code) → reason of what was refused within `QUIET`; what is older is forgotten."""
        with self._lock:
            latest = time.monotonic() - QUIET
            self._found = {key: each for key, each in self._found.items() if each[1] >= latest}
            return {key: reason for key, (reason, _at) in self._found.items()}


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """A bucket of messages an agent, which fills at `rate` a second; asked in the MQTT thread."""

    def __init__(self, rate: float, refusals: Refusals) -> None:
        self._rate, self._refusals = rate, refusals
        self._buckets: dict[str, _Bucket] = {}

    def admits(self, agent: str, size: int, now: float) -> bool:
        """Whether a message of `size` bytes is taken at `now` (monotonic seconds)."""
        room = self._rate * BURST
        if len(self._buckets) >= MOST_AGENTS:  # a broker without an ACL lets anybody call himself anything
            self._buckets.clear()
        bucket = self._buckets.setdefault(agent, _Bucket(room, now))
        bucket.left, bucket.at = min(room, bucket.left + (now - bucket.at) * self._rate), now
        cost = min(1 + size // PIECE, room)  # whatever the rate, one message of any size is taken at some time
        if bucket.left < cost:
            self._refusals.note(
                agent, FLOOD, f"sends more than {self._rate:g} messages a second (limits: {{rate: …}}); those beyond"
                " are not acknowledged, stay with it and come again",
            )  # fmt: skip
            return False
        bucket.left -= cost
        return True


class Admission:
    """Judges manifests that were not here before."""

    def __init__(self, settings: LimitSettings, registry: Registry, refusals: Refusals) -> None:
        self._settings, self._registry, self._refusals = settings, registry, refusals

    def check(self, agent: str, manifest: Manifest) -> None:
        """RefusedError for one that brings too much; the points of any other are the agent's from now on."""
        most, day = self._settings, int(time.time() // DAY)
        owner = f"{agent}/{manifest.origin}" if manifest.origin else agent
        if manifest.origin and not self._registry.growth.carries(owner, most.behind):
            owner = agent  # what it invents has no end
            reason = (
                f"a manifest of {manifest.origin}, one more than the {most.behind} others whose data an agent may pass"
                " on (limits: {behind: …})"
            )
        elif len(manifest.tags) > most.points:
            reason = f"a manifest of {len(manifest.tags)} tags; at most {most.points} are taken (limits: {{points: …}})"
        else:
            reason = ""
            new = self._registry.growth.admit(
                owner, series_names(manifest), day, most_new=most.new_points, points=most.points
            )
            if new > most.new_points:
                reason = (
                    f"a manifest with {new} points that were never there before this day; at most {most.new_points}"
                    " a day are taken (limits: {new_points: …})"
                )
        if reason:
            self._refusals.note(
                owner, GROWTH, f"{reason}; it is a dead letter, and what refers to it waits at the agent"
            )
            raise RefusedError(reason)
        self._refusals.over(owner, GROWTH)


class Standing(NamedTuple):
    """An alarm that was raised, and since when (ms since 1970 UTC)."""

    alarm: str
    since: int


class LimitWatch:
    """Raises an alarm of an agent that is refused, and clears it once it was not for `QUIET`."""

    def __init__(
        self, registry: Registry, refusals: Refusals, book: AlarmBook, destinations: Sequence[Writer[Destination]]
    ) -> None:
        self._registry, self._refusals, self._book = registry, refusals, book
        self._teller = Teller(book, destinations)
        self._standing: dict[tuple[str, str], Standing] | None = None
        self._began = time.monotonic()

    async def step(self, now: int, stop: asyncio.Event) -> list[EventRecord]:
        """Judge at `now` (ms UTC); the events that came of it, which are durable."""
        if self._standing is None:
            self._standing = dict(await asyncio.to_thread(lambda: list(self._before())))
        refused, told = self._refusals.standing(), list[EventRecord]()
        quiet = time.monotonic() - self._began < QUIET
        for key in refused.keys() | self._standing.keys():
            known = self._standing.get(key)
            if stop.is_set() or (known is not None and key in refused) or (key not in refused and quiet):
                continue
            state: EventState = "cleared" if known is not None else "raised"
            standing = known or Standing(event_id(*key, now), now)
            record = await asyncio.to_thread(self._record, key, state, standing, now, refused.get(key, ""))
            if not await self._teller.tell(record):
                return told
            told.append(record)
            if known is None:
                self._standing[key] = standing
            else:
                del self._standing[key]
        return told

    def _before(self) -> Iterator[tuple[tuple[str, str], Standing]]:
        """What an earlier run raised."""
        behind = (f"{agent}/{origin}" for agent, origin in self._registry.current_manifests() if origin)
        for agent in (*(row.agent for row in self._registry.agents()), *behind):
            for code in (FLOOD, GROWTH):
                if (found := self._book.standing(agent, "agent", "", code)) is not None:
                    yield (agent, code), Standing(found.alarm, found.since)

    def _record(
        self, key: tuple[str, str], state: EventState, standing: Standing, now: int, reason: str
    ) -> EventRecord:
        agent, code = key
        site = self._site(agent)
        event = Event(
            id=event_id(standing.alarm, state), alarm=standing.alarm, kind="agent", level="FAULT", state=state,
            time=now, since=standing.since, code=code, text=f"agent {agent}: {reason or 'keeps to its limits again'}",
        )  # fmt: skip
        return EventRecord(event, agent, 0, 1 if state == "raised" else 2, site.code, site.adcode)

    def _site(self, agent: str) -> Site:
        """Of the manifest that it used last; of one without any, nowhere."""
        frames = self._registry.manifests(agent)
        return decode(frames[0], _MANIFEST).site if frames else Site(code="", name="", adcode="")
