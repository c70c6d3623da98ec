"""The demo from start to count: what is started first, what is ended first, and the proof at the end."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from collector.app import Collector
from collector.demo import mine, seen
from collector.demo.count import Account, compare
from collector.demo.mine import Proof, SealedMine
from collector.demo.processes import ChildFailedError
from collector.demo.real import Real
from collector.demo.servers import Embedded, Servers
from collector.demo.site import AGENT, COLLECTOR, Site
from collector.demo.view import Look, View
from collector.settings import CollectorSettings, load_collector
from collector.sinks.base import Sink, SinkUnavailable
from profiles.wire.messages import State

READY_WITHIN = 60.0
"""Seconds within which the agent must have all devices; only a hang reaches it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo counted.

    `committed` and `published` are the agent's own counters. They begin anew with each of its starts, and what a killed
    agent had counted since its last word is known to nobody; after a restart they are None, rather than a number that
    looks like a loss.
    """

    account: Account
    committed: int | None
    published: int | None
    alarms: int
    latency: tuple[float, float]
    restarts: int
    mine: Proof | None
    """Of the sealed mine; None where it was left out."""

    @property
    def proven(self) -> bool:
        """Whether every value and every file of evidence is here, and nothing else is."""
        return self.account.proven and (self.mine is None or self.mine.proven)

    def figures(self) -> dict[str, object]:
        """The JSON line."""
        return {
            "produced": self.account.produced,
            "committed": self.committed,
            "published": self.published,
            "stored": self.account.stored,
            "missing": self.account.missing,
            "duplicates": self.account.duplicates,
            "alarms": self.alarms,
            "restarts": self.restarts,
            "latency_ms": {"p50": round(self.latency[0], 1), "p99": round(self.latency[1], 1)},
            "seal": self.mine and self.mine.figures(),
        }

    def text(self) -> str:
        """For people."""
        lines = [
            f"The instruments served {self.account.produced} values by their own ledgers; the store holds "
            f"{self.account.stored}: {self.account.missing} missing, {self.account.duplicates} too many.",
            *self.account.examples,
        ]
        if self.mine:
            lines.append(self.mine.text())
        if self.restarts:
            lines.append(
                f"The agent was killed {self.restarts} times: what it had read and not yet committed, a second's values"
                " at most each time, is gone with it. Everything committed is in the store (docs/delivery.md)."
            )
        return "\n".join(lines)


class Demo:
    """One run in a folder of its own; `sealed`: with the sealed mine.

    `real`: with the servers of a site, MissingError where they are not installed.
    """

    def __init__(self, folder: Path, interval: str, *, sealed: bool = False, real: bool = False) -> None:
        self._folder = folder.resolve()
        self._mine = SealedMine(self._folder) if sealed else None
        agents = [AGENT, *([mine.AGENT] if sealed else [])]
        self._servers: Servers = Real(self._folder, COLLECTOR, agents) if real else Embedded(self._folder)
        self._site = Site(self._folder, self._servers, interval, self._mine)
        self._latest: State | None = None
        self._values: list[dict[str, Any]] = []

    async def run(self, stop: asyncio.Event, seconds: float | None, console: Console) -> Result | None:
        """Until `stop` or for so long; then end in order and count. None when `stop` came before the count began.

        What is seen meanwhile is shown on `console`, unless that is quiet.
        Before the agent has every instrument there is nothing to count: what an instrument showed until then stands
        in its ledger, and nobody was there to read it.
        """
        site = self._site
        ending = asyncio.Event()
        try:
            if not await _unless(stop, site.start_servers()):
                return None
            settings = load_collector(site.collector_settings()).settings
            collector = Collector(settings)
            collecting = asyncio.create_task(collector.run(ending))
            try:
                if not await _unless(stop, self._start(collector, collecting)):
                    return None
                site.begin()
                await self._watch(collector, settings, collecting, stop, seconds, console)
                await site.stop_agents()
                await self._all_in(collector)
                raised = sum(alarm["count"] for alarm in seen.alarms(collector.book) if alarm["kind"] == "limit")
                proof = await asyncio.to_thread(self._mine.prove, collector) if self._mine else None
            finally:
                ending.set()
                await collecting
            return self._count(collector, settings, raised, proof)
        finally:
            await site.stop()

    async def _start(self, collector: Collector, collecting: asyncio.Task[None]) -> None:
        """Instruments, cameras and agents, until these say that every device answers."""
        await self._site.start()
        deadline = time.monotonic() + READY_WITHIN
        while True:
            await self._site.check(collecting)
            states = self._states(collector)
            devices = [list(state.devices.values()) if state else [] for state in states]
            if all(each and all(device.up for device in each) for each in devices):
                await collector.note_cameras()
                return
            if time.monotonic() > deadline:
                raise ChildFailedError(f"the agents did not reach their devices in {READY_WITHIN:.0f} s: {states}")
            await asyncio.sleep(0.1)

    async def _watch(
        self,
        collector: Collector,
        settings: CollectorSettings,
        collecting: asyncio.Task[None],
        stop: asyncio.Event,
        seconds: float | None,
        console: Console,
    ) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        store = seen.store_of(settings)
        view = View(self._site.tags(), self._site.words("label"), self._site.words("unit"), self._hints)
        screen = console.is_terminal and not console.is_dumb_terminal
        with Live(console=console, screen=screen, auto_refresh=False) as live:
            while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
                up = self._site.agent_running
                await self._site.watch(collecting)
                if not console.quiet:
                    look = await asyncio.to_thread(self._look, collector, store, up)
                    live.update(view.render(look, console), refresh=True)
                left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
                await _wait(stop, left)
        if not console.is_terminal:
            console.line()  # a pipe gets the last frame alone, and Live ends that within its last line
        store.close()

    def _look(self, collector: Collector, store: Sink, agent_up: bool) -> Look:
        state = self._state(collector)
        with contextlib.suppress(SinkUnavailable):  # somebody killed the store: what was seen before grows old
            self._values = store.latest()
        return Look(
            stored=collector.counters["stored"],
            backlog=state.outbox_rows if state else None,
            latency=collector.latency(),
            latest=self._values,
            alarms=seen.alarms(collector.book),
            agent_up=agent_up,
            seal=self._mine.look(collector) if self._mine else None,
        )

    async def _all_in(self, collector: Collector) -> None:
        """Until the collector has heard each agent's last word: it is offline, and what was left it says itself."""
        deadline = time.monotonic() + READY_WITHIN
        while any(state is None or state.online for state in self._states(collector)):
            if time.monotonic() > deadline:
                raise ChildFailedError("an agent ended without saying so")
            await asyncio.sleep(0.05)

    def _count(self, collector: Collector, settings: CollectorSettings, alarms: int, proof: Proof | None) -> Result:
        """Hold the ledgers against the store, once nobody writes to either."""
        store = seen.store_of(settings)
        try:
            account = compare(self._site.served(), seen.values(store, self._site.tags()))
        finally:
            store.close()
        counters = self._latest.counters if self._latest and not self._site.restarts else {}
        return Result(
            account, counters.get("committed"), counters.get("published_samples"), alarms, collector.latency(),
            self._site.restarts, proof,
        )  # fmt: skip

    def _state(self, collector: Collector) -> State | None:
        found = collector.agent_state(AGENT)
        self._latest = found or self._latest
        return found

    def _states(self, collector: Collector) -> list[State | None]:
        """Of each agent."""
        return [self._state(collector), *([collector.agent_state(mine.AGENT)] if self._mine else [])]

    def _hints(self) -> list[str]:
        # The first line has the long paths, so that the others fit into one line of a usual terminal
        return [
            f"cd {shlex.quote(str(self._folder))}; PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
            "edge-collector query collector.yaml",
            "edge-agent plan agent.yaml",
            "edge-agent outbox status agent.yaml",
            *(["edge-collector seal list collector.yaml"] if self._mine else []),
            f"kill -9 {self._site.agent_pid()}  # the agent: it starts again, nothing committed is lost",
            *self._servers.hints,
        ]


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do `work`, or give it up when `stop` comes first; whether it was done."""
    doing, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    doing.cancel()  # nothing happens to what is done
    try:
        await doing
    except asyncio.CancelledError:
        return False
    return True


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return
