"""Watches the terminals of electronic seals (电子封条): one that is not heard any more is an event of the collector's.

Source: notes on mines, 5.5: none for 3 min is an event, for 10 min in a sealed mine an alarm; the times are the
profile's. A terminal is an agent with cameras. The time runs only while the collector itself is connected, so that its
own trouble is none of the terminals'; one behind a lower collector is that one's to watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.alarms.book import AlarmBook
from collector.alarms.lives import SEVERITY
from collector.alarms.rows import Standing
from collector.directory import Directory
from collector.mines import MineOrder, judged, level_name
from collector.registry import AgentRow, Registry
from collector.sinks.base import Destination, EventRecord
from collector.told import Teller
from collector.writers import Writer
from profiles.load import Library
from profiles.seal import Seal
from profiles.wire.codec import event_id
from profiles.wire.messages import Event, EventState, Site


class Terminal(NamedTuple):
    """An agent that analyses a mine's cameras; `camera`: its own name among them, or else its code."""

    agent: str
    profile: str
    seal: Seal
    site: Site
    camera: str


class Quiet(NamedTuple):
    """Since when (ms) nothing more was heard of an agent, and whether its last word was that it is there."""

    since: int
    heard: bool


ORDER: Mapping[EventState, int] = {"raised": 1, "changed": 2, "cleared": 3}
"""Number of a terminal's event among those of its alarm."""


class TerminalWatch:
    """See the module. `destinations`: as `Teller` has them."""

    def __init__(
        self, library: Library, registry: Registry, orders: Mapping[str, MineOrder], book: AlarmBook,
        destinations: Sequence[Writer[Destination]], connected: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._library, self._registry, self._orders = library, registry, orders
        self._teller, self._connected = Teller(book, destinations), connected
        self._directory = Directory(registry)
        self._since: int | None = None
        """From when on the collector has been connected (ms)."""
        self._gone: dict[str, int] = {}
        """Agent that has said that it ends, or whose last will has come → when that was heard first (ms)."""

    async def step(self, now: int, stop: asyncio.Event) -> list[EventRecord]:
        """Judge every terminal at `now` (ms UTC); the events that came of it, which are durable."""
        if not self._connected():
            self._since = None
            return []
        self._since = now if self._since is None else self._since
        told: list[EventRecord] = []
        for terminal, quiet in await asyncio.to_thread(self._terminals):
            if stop.is_set():
                break
            side = terminal.seal.links.terminal
            standing = await self._teller.standing(terminal.agent, terminal.camera, side)
            for event in self._judge(terminal, quiet, self._since, now, standing):
                if not await self._teller.tell(event):
                    return told
                told.append(event)
        return told

    def _terminals(self) -> list[tuple[Terminal, Quiet]]:
        self._directory.refresh()
        rows = {row.agent: row for row in self._registry.agents()}
        found = [each for each in self._known() if each.agent in rows]
        self._gone = {each.agent: self._gone[each.agent] for each in found if each.agent in self._gone}
        return [(each, self._quiet(rows[each.agent])) for each in found]

    def _known(self) -> Iterator[Terminal]:
        for owner, manifest in self._directory.manifests():
            profile = next((each.profile for each in manifest.cameras.values()), "")
            seal = self._library[profile].seal if profile in self._library else None
            if seal is not None and manifest.site.gateway and "/" not in owner:
                code = manifest.site.gateway
                own = next((name for name, each in manifest.cameras.items() if each.code == code), code)
                yield Terminal(owner, profile, seal, manifest.site, own)

    def _quiet(self, row: AgentRow) -> Quiet:
        if row.state is None or row.state.online:
            self._gone.pop(row.agent, None)
            return Quiet(row.seen, heard=True)
        return Quiet(self._gone.setdefault(row.agent, row.seen), heard=False)

    def _judge(
        self, terminal: Terminal, quiet: Quiet, connected: int, now: int, standing: Standing | None
    ) -> Iterator[EventRecord]:
        """What a moment brings; `connected`: since when the collector could have heard something (ms)."""
        beat, since = terminal.seal.beat, max(quiet.since, connected)
        lost, grave = round(beat.terminal_lost * 1000), round(beat.terminal_alarm * 1000)
        if standing is None:
            if now - since >= lost:
                yield self._event(terminal, "raised", since, since + lost)
            return
        if not self._teller.has(standing.alarm):
            yield self._event(terminal, "raised", standing.since, standing.since + lost)
        if quiet.heard and quiet.since > standing.since and now - quiet.since < lost:
            yield self._event(terminal, "cleared", standing.since, quiet.since)
        elif now - standing.since >= grave and now - since >= lost:
            made = self._event(terminal, "changed", standing.since, standing.since + grave)
            if SEVERITY[made.event.level] > standing.severity:
                yield made

    def _event(self, terminal: Terminal, state: EventState, since: int, time: int) -> EventRecord:
        """`since`: when it was heard last; the same terminal, state and `since` are the same event."""
        code, site = terminal.seal.links.terminal, terminal.site
        alarm = event_id(terminal.agent, code, since)
        words = "is heard again" if state == "cleared" else f"is not heard since {(time - since) / 60_000:.0f} min"
        event = Event(
            id=event_id(alarm, state), alarm=alarm, kind="seal", level="WARN", state=state, time=time, since=since,
            camera=terminal.camera, code=code, text=f"terminal {site.gateway} {words}",
        )  # fmt: skip
        found = judged(terminal.seal, event, "", self._orders.get(site.code)).level
        event = msgspec.structs.replace(event, level=level_name(terminal.seal, found))
        return EventRecord(
            event, terminal.agent, 0, ORDER[state], site.code, site.adcode, terminal.profile, site.gateway,
            site.gateway, code,
        )  # fmt: skip
