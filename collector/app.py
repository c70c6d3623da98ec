"""Wires the collector's rooms: intake → pipeline → stores, and the answers back to the agents."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Mapping

from collector.alarms.book import AlarmBook, Listener
from collector.alarms.desk import Desk
from collector.alarms.file import AlarmFile
from collector.background import Step, background
from collector.cascade.cascade import Cascade
from collector.colours.ledger import ColourLedger
from collector.colours.watch import LossWatch
from collector.compliance.measure import Measurer
from collector.compliance.roller import Roller
from collector.compliance.settings import zone
from collector.compliance.timely import Timeliness
from collector.days import Days
from collector.dead_letters import DeadLetters
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.duty.hush import Hush
from collector.evidence.keeper import Keeper
from collector.evidence.store import EvidenceStore
from collector.expiry import Expiry, watched_files
from collector.intake import Intake, Message
from collector.limits import Admission, LimitWatch, Rates, Refusals
from collector.mines import Orders
from collector.notify.queue import Queue
from collector.notify.rules import Rules
from collector.notify.sender import Sender
from collector.notify.settings import NotifySettings
from collector.overview.writer import OverviewWriter
from collector.persons.store import PersonStore
from collector.pipeline import Pipeline
from collector.registry import Registry
from collector.reports.encoders import encoders
from collector.reports.queue import ReportQueue
from collector.reports.reporter import Reporter
from collector.reports.retelling import READER, Reteller
from collector.reports.statistics import Statistician
from collector.risk.score import Scorer
from collector.risk.writer import RiskWriter
from collector.seal.ledger import SealLedger
from collector.seal.mismatch import MismatchWatch
from collector.seal.watch import SealWatch
from collector.settings import CollectorSettings
from collector.sinks.base import Destination, Sink, sinks
from collector.status import View
from collector.terminals import TerminalWatch
from collector.trend.watch import TrendWatch
from collector.writers import Writer
from config.certificates import Certificates
from config.service.progress import Progress
from edge_agent.host import HostLoad
from profiles.load import Library, library
from profiles.regions import counties_of
from profiles.wire.codec import encode
from profiles.wire.messages import Request, State

log = logging.getLogger(__name__)
LOOK_AROUND = 1.0
"""Seconds between two looks at the dead letters that somebody wants replayed."""
TELL_EVERY = 1.0
"""Seconds between two looks for what upper platforms are told of spans and of what stands, and whether the collector
listens; apart from the other works,
so that a day's roll-up does not hold up what is due each half minute."""


class Collector:
    """A collector in this process, made in the loop that runs it. `kinds` of sink: left out, the installed ones."""

    def __init__(
        self,
        settings: CollectorSettings,
        kinds: Mapping[str, type[Sink]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`progress`: where its loops say that they move on."""
        progress = Progress() if progress is None else progress
        self._moved = progress.watch("acknowledging")
        self._settings = settings
        self._state_down = False
        self.counters: Counter[str] = Counter()
        """messages, envelopes, samples, stored, dead, duplicates, gaps, waiting, forgotten, refused, defects, connects,
        and others."""
        self._registry = Registry(settings.state)
        self._refusals = Refusals()
        self.dead_letters = DeadLetters(settings.state, settings.dead_letters.quota)
        kinds = sinks() if kinds is None else kinds
        profiles = library(settings.profiles)
        self._stores: list[Writer[Sink]] = [Writer(each.name, kinds[each.type](each)) for each in settings.sinks]
        self._persons = PersonStore(settings.state, settings.persons, profiles)
        alarms = AlarmFile(settings.state, settings.audit.hash)
        self._duty = DutyBook(alarms)
        self._evidence = EvidenceStore(settings.state, settings.evidence)
        self._reporter = Reporter(
            settings.state, settings.reports, profiles, self._registry, settings.mines, self._duty, self._persons,
            self._evidence, progress.watch("reports"),
        )  # fmt: skip
        self._rules, self._alarms = Rules(settings.notify), alarms
        hush = Hush(self._rules, alarms, self._duty, Directory(self._registry))
        self._book = book_of(alarms, settings, hush)
        self._colours = ColourLedger(alarms, profiles, [sink.name for sink in settings.sinks])
        self._colours.take_over()
        self._seals = SealLedger(alarms, profiles, [sink.name for sink in settings.sinks])
        self._seal_watch = SealWatch(
            profiles, self._registry, settings.mines, self._book, self._seals, self._reporter.queue
        )  # fmt: skip
        self._seal_watch.judge()
        report = self._reporter.queue.take_handled
        self._desk = Desk(
            self._book, self._colours, self._seals, hush, self._stores, self._senders(settings.notify), report
        )
        self._reader = kinds[settings.sinks[0].type](settings.sinks[0])  # so that no long question holds up a write
        days = Days(zone(settings.compliance.zone))
        reported = Writer[Destination](self._reporter.queue.name, self._reporter.queue)
        self._certificates = Certificates(watched_files(settings))
        self._works = self._worked_out(days, profiles, reported)
        self._told_reader = kinds[settings.sinks[0].type](settings.sinks[0])
        self._told = {"who listens": self._listen} | (self._told_again(profiles) if settings.reports else {})
        self._cascades = [
            (Cascade(each, settings.collector, settings.state, self._registry, profiles, self._evidence), each)
            for each in settings.cascade
        ]
        self._writers: list[Writer[Destination]] = [
            *self._stores,
            reported,
            Writer("alarms", self._book),
            Writer("evidence", self._evidence),
            Writer(self._persons.name, self._persons, persons=True),
            *(Writer(f"{each.name} to {target.collector}", each, persons=True) for each, target in self._cascades),
        ]
        """Every durable destination: an envelope is acknowledged when all of them have it."""
        rates = Rates(settings.limits.rate, self._refusals)
        self._intake = Intake(settings.mqtt, settings.intake, settings.collector, self.counters, rates)
        timeliness = Timeliness(days, profiles, self._registry.arrivals)
        self._pipeline = Pipeline(
            library=profiles,
            registry=self._registry,
            dead_letters=self.dead_letters,
            evidence=self._evidence,
            writers=self._writers,
            batch=settings.intake.batch,
            patience=settings.intake.hold,
            counters=self.counters,
            heard=timeliness.note,
            live=timeliness.live,
            own=settings.collector,
            counties=counties_of(settings.regions),
            admission=Admission(settings.limits, self._registry, self._refusals),
        )
        self.view = View(
            settings.collector, self._registry, self._intake, self._writers, self.dead_letters, self._reporter.queue,
            [each for each, _target in self._cascades], self.counters, self.latency, HostLoad(settings.state),
            self._certificates,
        )  # fmt: skip
        """How it is, for whoever looks."""

    def tell_by(self, notify: NotifySettings) -> None:
        """Have these settings say who is told of alarms from now on; what waits for a receiver that stays is sent."""
        self._rules.change(notify)
        self._desk.send_by(self._senders(notify))

    def troubles(self) -> list[str]:
        """What keeps it from its work, and is no neighbour's absence."""
        return [f"the state in {self._settings.state} cannot be written"] if self._state_down else []

    def _senders(self, notify: NotifySettings) -> list[Sender]:
        queue = Queue(self._alarms)
        if dropped := queue.drop_unknown([receiver.name for receiver in notify.receivers]):
            log.warning("%d messages waited for receivers that the settings no longer have; they are given up", dropped)
        return [Sender(self._settings.collector, notify, at, queue) for at in range(len(notify.receivers))]

    def _worked_out(self, days: Days, profiles: Library, reported: Writer[Destination]) -> dict[str, Step]:
        """What is worked out of the stores and of what agents tell, by name."""
        chosen, directory = self._settings, Directory(self._registry)
        measurer = Measurer(days, profiles, directory, self._registry.arrivals, self._book, self._duty, self._reader)
        roller = Roller(chosen.compliance, days, measurer, self._registry.arrivals, self._duty, self._stores)
        watched = LossWatch(profiles, self._colours, self._reader)
        terminals = TerminalWatch(
            profiles, self._registry, chosen.mines, self._book, [*self._stores, reported], lambda: self.connected
        )  # fmt: skip
        mismatches = MismatchWatch(
            profiles, directory, chosen.mines, self._book, self._reader, [*self._stores, reported]
        )  # fmt: skip
        works: dict[str, Step] = {
            "seals": self._seal_watch.step,
            "compliance": roller.step, "colours": watched.step,
            "evidence": Keeper(self._evidence, self._book.ended, self._ask).step,
            "terminals": terminals.step, "people counted": mismatches.step,
            "certificates": Expiry(watched_files(chosen), chosen.collector, self._book, [*self._stores]).step,
            "the end of what is kept of persons": self._persons.step,
            "limits of agents": LimitWatch(
                self._registry, self._refusals, self._book, [*self._stores, reported]
            ).step,
        }  # fmt: skip
        if chosen.trend.enabled:
            watch = TrendWatch(
                chosen.collector, profiles, directory, self._book, self._duty, self._reader, self._stores
            )  # fmt: skip
            works["trend"] = watch.step
        if chosen.overview.enabled:
            overview = OverviewWriter(
                chosen.overview, profiles, self._registry, self._book, lambda: self.connected, self._stores,
                chosen.collector, self._certificates,
            )  # fmt: skip
            works["overview"] = overview.step
        if chosen.risk.enabled:
            works["risk"] = RiskWriter(chosen.risk, Scorer(profiles, measurer, self._book), self._stores).step
        return works

    def _ask(self, agent: str, request: Request) -> None:
        log.info("agent %s is asked (request %s): %s %s", agent, request.id, request.verb, request.args)
        self._intake.publish(agent, "request", encode(request))

    async def _listen(self, now: int, _stop: asyncio.Event) -> None:
        """Say that gateways would be heard now, so that this collector's absence is told from theirs."""
        if self.connected:
            await asyncio.to_thread(self._registry.arrivals.gateways.listening, now)

    def _told_again(self, profiles: Library) -> dict[str, Step]:
        """What upper platforms are told beside readings and transitions, by name."""
        known = (
            self._settings.reports, profiles, self._reporter.queue, Directory(self._registry), encoders(),
            self._told_reader,
        )  # fmt: skip
        return {
            "reported statistics": Statistician(*known).step, "abnormal events": Reteller(*known, self._book).step,
        }  # fmt: skip

    @property
    def sinks(self) -> dict[str, Sink]:
        """The stores by name, for reading back."""
        return {writer.name: writer.sink for writer in self._stores}

    @property
    def book(self) -> AlarmBook:
        """The alarms and what people did about them."""
        return self._book

    @property
    def seals(self) -> SealLedger:
        """The states of mines' seals."""
        return self._seals

    @property
    def evidence(self) -> EvidenceStore:
        """What proves events."""
        return self._evidence

    @property
    def reports(self) -> ReportQueue:
        """What upper platforms have and what waits for them."""
        return self._reporter.queue

    @property
    def connected(self) -> bool:
        """Whether the collector hears its agents now."""
        return self._intake.connected.is_set()

    def agent_state(self, agent: str) -> State | None:
        """What an agent said of itself last."""
        return self._registry.state(agent)

    def clock_ahead(self, agent: str) -> int | None:
        """By how much an agent's clock is ahead of this computer's, ms; None where it was not heard yet."""
        return self._registry.clocks.ahead(agent)

    def latency(self) -> tuple[float, float]:
        """50th and 99th percentile, in ms, from a sample's event time to its durable write; of the newest samples."""
        times = list(self._pipeline.latencies)
        if len(times) < 2:
            return (times[0], times[0]) if times else (0.0, 0.0)
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        return cuts[49], cuts[98]

    async def note_cameras(self) -> None:
        """Look now which cameras watch which mines, and not only with the next look in half a minute."""
        await self._seal_watch.step(time.time_ns() // 1_000_000, asyncio.Event())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; the batch at hand is finished and acknowledged before the link is closed."""
        hang_up = asyncio.Event()
        intake = asyncio.create_task(self._intake.run(hang_up))
        worker = asyncio.create_task(self._work(stop))
        reporter = asyncio.create_task(self._reporter.run(hang_up))
        desk = asyncio.create_task(self._desk.run(stop))
        measures = asyncio.create_task(background(self._works, stop))
        told = asyncio.create_task(background(self._told, stop, TELL_EVERY))
        upward = [asyncio.create_task(each.run(hang_up)) for each, _target in self._cascades]
        try:
            works = {intake, worker, reporter, desk, measures, told, *upward}
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            try:
                await worker
            finally:
                hang_up.set()
                try:
                    await asyncio.gather(intake, reporter, desk, measures, told, *upward)
                finally:
                    await asyncio.to_thread(self._close)

    async def _work(self, stop: asyncio.Event) -> None:
        looked = 0.0
        while not stop.is_set():
            self._moved(self._settings.intake.hold)
            await self._put_through(await self._intake.take(LOOK_AROUND / 2), stop)
            if time.monotonic() - looked > LOOK_AROUND:
                looked = time.monotonic()
                await self._replay(stop)

    async def _put_through(self, messages: list[Message], stop: asyncio.Event) -> None:
        try:
            answers = await self._pipeline.handle(messages, stop)
        except sqlite3.OperationalError as err:
            self._state_lost(err)
            self.counters["waiting"] += len(messages)
            await asyncio.sleep(LOOK_AROUND)
            return
        if messages:
            self._state_back()
        for answer in answers:
            self._intake.publish(answer.agent, answer.kind, answer.payload)

    def _state_lost(self, err: Exception) -> None:
        """The disk of the state is full, or read-only: nothing is acknowledged, so everything comes again."""
        if not self._state_down:
            log.error("state %s cannot be written: %s; the agents keep theirs until it can", self._settings.state, err)
        self._state_down = True

    def _state_back(self) -> None:
        if self._state_down:
            log.info("state %s can be written again", self._settings.state)
        self._state_down = False

    async def _replay(self, stop: asyncio.Event) -> None:
        letters = await asyncio.to_thread(self.dead_letters.marked)
        await self._put_through(
            [Message(letter.agent, letter.kind, frame, replay=letter.id) for letter, frame in letters], stop
        )

    def _close(self) -> None:
        self._registry.close()
        self.dead_letters.close()
        self._reader.close()
        self._told_reader.close()
        for writer in self._writers:
            writer.close()


def book_of(alarms: AlarmFile, settings: CollectorSettings, listener: Listener | None = None) -> AlarmBook:
    """The alarm book that these settings ask for, over its file: the collector's, and that of a command beside it.

    `listener`: left out, the settings' rules alone.
    """
    told, orders = listener or Rules(settings.notify), Orders(settings.mines, library(settings.profiles))
    readers = [*(sink.name for sink in settings.sinks), *([READER] if settings.reports else [])]
    return AlarmBook(alarms, settings.alarms, readers, told, orders)
