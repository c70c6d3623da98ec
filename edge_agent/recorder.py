"""From the drivers to the outbox: judges, buffers, and commits once a second or when a batch is full.

What a driver hands over is safe once the next commit has returned; until then it is in memory only. That is the one
gap that the promise has (docs/delivery.md), and it is as long as a flush.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from config.certificates import ExpiryWarning, gravest, told_together
from config.service.progress import Step, unwatched
from edge_agent.clock import Clock
from edge_agent.combined import Group
from edge_agent.contacts import ContactChange, contact_event, stays
from edge_agent.drivers.base import CameraEvent, Reading, SystemAlarm
from edge_agent.events import (
    camera_event,
    clock_event,
    device_event,
    expiry_event,
    limit_event,
    noted,
    picture_event,
    reset_event,
    system_event,
)
from edge_agent.evidence import KEY as EVIDENCE
from edge_agent.evidence import Carrier, Pending
from edge_agent.limits import Transition
from edge_agent.links import DeviceChange, Links, OpenFault
from edge_agent.outbox.draft import DataDraft, Draft, EventDraft
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import Outbox, OutboxUnavailable, Row
from edge_agent.raw import RawMemory
from edge_agent.remembered import Remembered, remember
from edge_agent.rules import TagRule
from edge_agent.sampler import Outcome, Sample, Sampler
from profiles.wire.messages import DeviceState, Event, Evidence, Level

log = logging.getLogger(__name__)

BATCH_TEXT = 4 * 2**20
"""Characters of text in an envelope, beyond which the next one begins: a message has 8 MiB at most."""
_LIMIT_GONE = "the limit is no longer in the settings"


class Under(NamedTuple):
    """What stands in the envelope of a sample or an event: the era and the manifest that it was taken under."""

    era: int
    manifest: str


HELD = 100_000
"""Samples, and likewise events, that wait in memory for a commit (a full disk, one that hangs); beyond, the oldest are
dropped and counted. As many again may be in the commit at hand."""


class Recorder:
    """The one taker of all drivers' findings (`edge_agent.drivers.base.Output`)."""

    def __init__(
        self,
        outbox: Outbox,
        settings: OutboxSettings,
        clock: Clock,
        rules: Mapping[str, TagRule],
        devices: Sequence[str],
        *,
        agent: str,
        manifest: str,
        before: Remembered,
        evidence: Carrier,
        on_commit: Callable[[Sequence[Row]], None],
        groups: Sequence[Group] = (),
        moved: Step = unwatched,
    ) -> None:
        """`moved` is told after each commit."""
        self._moved = moved
        self._outbox, self._settings, self._clock = outbox, settings, clock
        self._agent, self._manifest, self._on_commit = agent, manifest, on_commit
        self._sampler = Sampler(
            rules, clock, floor=clock.floor, stamps=before.stamps, alarms=before.alarms, totals=before.totals,
            groups=groups, combined=before.combined, told=before.told, contacts=before.contacts,
        )  # fmt: skip
        self._links = Links(
            devices, now=clock.now, clock_limit=round(clock.settings.device * 1000), open_faults=before.faults
        )
        self._expiring = before.expiry
        self._samples: list[tuple[Under, Sample]] = []
        self._events: list[tuple[Under, Event]] = []
        self._recall: dict[str, str] = {}
        self._drivers: dict[str, str] = {}
        """What drivers want remembered, by key of the small state."""
        self._remembered = before.drivers
        self._heard: dict[str, float] = {}
        self._evidence = evidence
        self._noted: list[Pending] = []
        """Files of evidence of events that are not committed yet."""
        self._waiting: list[asyncio.Future[bool]] = []
        """Who waits for a commit."""
        self._dropped = 0
        self._era_kept = outbox.era_floor
        self._wake = asyncio.Event()
        self._ending = False
        self._blocked = False
        self.counters = {"readings": 0, "samples": 0, "events": 0, "committed": 0, "commits": 0, "dropped": 0}
        self._forget_what_is_gone(before, rules, devices)
        self._forget_contacts(before, rules)

    def change(
        self, rules: Mapping[str, TagRule], devices: Sequence[str], groups: Sequence[Group], manifest: str,
        anew: Container[str],
    ) -> None:  # fmt: skip
        """Go on by these rules, devices and manifest; `anew`: devices that are read as after a start.

        What was taken before travels under the manifest that it was taken under. What stood open on tags, limits and
        devices that are gone is closed.
        """
        self._enter(Outcome())
        before = Remembered(
            alarms={tag: alarms for tag in self._sampler.tags if (alarms := self._sampler.open_alarms(tag))},
            faults={name: faults for name in self._links.states() if (faults := self._links.open_faults(name))},
            told={tag: told for tag in self._sampler.tags if (told := self._sampler.told(tag))},
            contacts={tag: opened for tag in self._sampler.tags if (opened := self._sampler.open_contact(tag))},
            drivers={name: entries for name, entries in self._remembered.items() if entries},
        )
        self._forget_contacts(before, rules)  # under the manifest that still knows their places
        self._manifest = manifest
        outcome = self._sampler.change(rules, groups, anew)
        self._links.change(devices, self._clock.now)
        self._forget_what_is_gone(before, rules, devices)
        self._remembered = {name: entries for name, entries in self._remembered.items() if name in devices}
        self._enter(outcome)

    # -- what drivers call (edge_agent.drivers.base.Output)

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        """Hand over readings of one device, oldest first."""
        self.counters["readings"] += len(readings)
        self._heard[device] = self._clock.mono
        self._enter(self._sampler.take(readings, self._links.clock_of(device)))

    def device_up(self, device: str) -> None:
        """The device answers (again)."""
        self._heard[device] = self._clock.mono
        self._device(self._links.up(device, self._clock.read()))

    def device_down(self, device: str, reason: str) -> None:
        """The device does not answer, and why."""
        self._heard[device] = self._clock.mono
        self._device(self._links.down(device, reason, self._clock.read(), self._clock.era))

    def device_clock(self, device: str, offset_ms: int) -> None:
        """The device's clock is this far ahead of the agent's."""
        self._device(self._links.clock(device, offset_ms, self._clock.read(), self._clock.era))

    def device_counters(self, device: str, counters: dict[str, int]) -> None:
        """Totals since start."""
        self._heard[device] = self._clock.mono
        self._links.counters(device, counters)

    def alarm(self, device: str, tag: str, level: Level | None, time: int, text: str) -> None:
        """An alarm that the device itself tells of a tag's point, in colours; None: it has ended."""
        self._enter(Outcome())
        change = self._sampler.tell(tag, level, time, text)
        self._recall[f"told:{tag}"] = remember(self._sampler.told(tag))
        if change is not None:
            log.info("device %s: %s: %s %s: %s", device, tag, change.state, change.level, text)
            self._limit(tag, change)

    def system_alarm(self, tag: str, told: SystemAlarm) -> None:
        """A transition of one of the alarms that another system tells of a tag's point."""
        self._enter(Outcome())
        self._event(system_event(self._agent, tag, told))

    async def committed(self) -> bool:
        """Return once all that was handed over before is durable; False when some of it was dropped meanwhile."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        return await done

    def remember(self, device: str, entries: Mapping[str, str]) -> None:
        """Keep texts by key over restarts, durable with the next commit; an empty text forgets its key."""
        self._drivers |= {f"driver:{device}/{key}": text for key, text in entries.items()}
        known = self._remembered.get(device, {}) | dict(entries)
        self._remembered[device] = {key: text for key, text in known.items() if text}

    def remembered(self, device: str) -> dict[str, str]:
        """What was remembered before, in this run too: a runner may be made anew."""
        return dict(self._remembered.get(device, {}))

    # -- what the agent calls

    def note(self, level: Level, text: str) -> None:
        """A fact about the agent itself, as an event."""
        self._event(noted(self._agent, level, text, self._clock.read(), self._clock.era))

    @property
    def expiring(self) -> OpenFault | None:
        """The alarm of the agent's own certificates, while one stands; it survives a restart."""
        return self._expiring

    def expiry(self, found: Sequence[ExpiryWarning]) -> None:
        """Raise the alarm of the agent's own certificates (anew); of none, it ends."""
        now, era, text = self._clock.read(), self._clock.era, told_together(found)
        if self._expiring is not None:
            self._event(expiry_event(self._agent, self._expiring, "cleared", "WARN", "" if found else text, now, era))
        self._expiring = OpenFault(now, era) if found else None
        if self._expiring is not None:
            self._event(expiry_event(self._agent, self._expiring, "raised", gravest(found), text, now, era))
        self._recall["expiry"] = remember(self._expiring)

    def pictured(self, camera: str, file: Evidence, code: str) -> None:
        """A picture by itself of a camera, as a fact with its file."""
        now = self._clock.read()
        self._carry((file,))
        self._event(picture_event(self._agent, camera, file, code, now))

    def camera_event(self, event: CameraEvent) -> None:
        """What a camera's pictures show, or the camera itself says."""
        self._enter(Outcome())
        self._carry(event.evidence)
        self._event(camera_event(self._agent, event, self._clock.era))

    @property
    def evidence_folder(self) -> Path:
        """Where files of evidence are put."""
        return self._evidence.folder

    def heard(self, device: str) -> float:
        """Monotonic seconds at which anything was last heard of a device, be it that it is silent; 0: never."""
        return self._heard.get(device, 0.0)

    @property
    def blocked(self) -> bool:
        """Whether the outbox cannot be written, so that readings are held in memory."""
        return self._blocked

    def device_states(self) -> dict[str, DeviceState]:
        """For the state message."""
        return self._links.states()

    def latest(self) -> dict[str, Sample]:
        """The last sample of each tag."""
        return self._sampler.latest()

    @property
    def raw(self) -> RawMemory:
        """What was read of the last samples of each tag."""
        return self._sampler.raw

    async def run(self) -> None:
        """Commit each `flush` seconds, or as soon as a batch is full, until `end` is called; then once more."""
        ended = False
        while not ended:
            ended = self._ending
            with contextlib.suppress(TimeoutError):  # the usual second has passed
                await asyncio.wait_for(self._wake.wait(), 0 if ended else self._settings.flush)
            self._wake.clear()
            self._enter(self._sampler.tick(self._links.are_down(), self._links.clocks()))
            await self._flush()
            self._moved(self._settings.flush)

    def end(self) -> None:
        """Let `run` commit what is there and return."""
        self._ending = True
        self._wake.set()

    # -- inside

    def _carry(self, files: Sequence[Evidence]) -> None:
        """Have files carried once the event that names them is committed."""
        for file in files:
            pending = self._evidence.note(file, self._clock.era)
            self._noted.append(pending)
            self._recall[EVIDENCE + file.id] = remember(pending)

    def _enter(self, outcome: Outcome) -> None:
        era, under = self._clock.era, self._under
        for step in self._clock.steps():
            self._event(clock_event(self._agent, step, era))
        self._samples.extend((under, sample) for sample in outcome.samples)
        self.counters["samples"] += len(outcome.samples)
        for tag, stamp in outcome.stamps.items():
            self._recall[f"stamp:{tag}"] = remember(stamp)
        self._recall |= {f"combined:{key}": text for key, text in self._sampler.changes().items()}
        for tag, total in outcome.totals.items():
            self._recall[f"total:{tag}"] = remember(total)
        for reset in outcome.resets:
            self._event(reset_event(self._agent, reset, era))
        for tag, change in outcome.transitions:
            self._limit(tag, change)
        for contact in outcome.contacts:
            self._contact(contact)
        self._bound()
        if len(self._samples) >= self._settings.batch and not self._blocked:
            self._wake.set()

    def _limit(self, tag: str, change: Transition) -> None:
        self._recall[f"alarms:{tag}"] = remember(self._sampler.open_alarms(tag))
        self._event(limit_event(self._agent, tag, change, self._clock.era))

    def _contact(self, change: ContactChange) -> None:
        say = log.warning if change.state == "raised" else log.info
        say("contact %s: %s (%s) %s", change.tag, change.text, change.contact.code, change.state)
        self._recall[f"contact:{change.tag}"] = remember(change.contact) if change.state == "raised" else ""
        self._event(contact_event(self._agent, change, self._clock.era))

    def _device(self, change: DeviceChange | None) -> None:
        self._enter(Outcome())
        if change is None:
            return
        say = log.warning if change.state == "raised" else log.info
        say("device %s: %s", change.device, change.text)
        self._recall[f"faults:{change.device}"] = remember(self._links.open_faults(change.device))
        self._event(device_event(self._agent, change, self._clock.era))

    @property
    def _under(self) -> Under:
        return Under(self._clock.era, self._manifest)

    def _event(self, event: Event) -> None:
        self._events.append((self._under, event))
        self.counters["events"] += 1
        self._bound()

    async def _flush(self) -> None:
        for incident in self._outbox.incidents():
            self.note("FAULT" if incident.count else "WARN", incident.text)
        for name, why in self._evidence.lost().items():
            self.note("FAULT", why)
            self._recall[EVIDENCE + name] = ""
        if self._dropped and not self._blocked:
            self.note(
                "FAULT", f"{self._dropped} samples or events were lost: the outbox could not be written for too long"
            )
            self._dropped = 0
        drafts = [*self._drafts_of_events(), *self._drafts_of_samples()]
        waiting, self._waiting = self._waiting, []
        if not drafts and not self._drivers and not self._evidence.waiting:
            _answer(waiting, committed=True)
            return
        samples, events, recall, notes = self._samples, self._events, self._recall, self._drivers
        self._samples, self._events, self._recall, self._drivers = [], [], {}, {}
        noted, self._noted = self._noted, []
        try:
            kept = recall | notes | {"clock": remember(self._clock.high)}
            rows = await asyncio.to_thread(self._commit, drafts, kept)
        except OutboxUnavailable as err:
            self._waiting = waiting + self._waiting
            self._drivers = notes | self._drivers
            self._noted = noted + self._noted
            self._keep(samples, events, recall, err)
            return
        _answer(waiting, committed=True)
        for pending in noted:
            self._evidence.add(pending)
        if self._blocked:
            log.info("outbox: can be written again")
            self._blocked = False
        self.counters["commits"] += 1
        self.counters["committed"] += len(samples)
        self._on_commit(rows)

    def _commit(self, drafts: Sequence[Draft], recall: Mapping[str, str]) -> list[Row]:
        """In a thread: a disk may take its time. The era is on disk before a sample of it is.

        Evidence goes along where its lane has room: what it does not take waits in its file.
        """
        era = max((draft.era for draft in drafts), default=self._era_kept)
        if era != self._era_kept:
            self._outbox.set_era(era)
            self._era_kept = era
        chunks = self._evidence.read(self._manifest, self._outbox.room("evidence"))
        carried = {EVIDENCE + chunk.draft.id: remember(chunk.rest) for chunk in chunks}
        if not drafts and not chunks and recall.keys() <= {"clock"}:
            return []
        rows = self._outbox.commit([*drafts, *(chunk.draft for chunk in chunks)], {**recall, **carried})
        self._evidence.taken(chunks)
        return rows

    def _keep(
        self, samples: list[tuple[Under, Sample]], events: list[tuple[Under, Event]], recall: dict[str, str],
        err: Exception,
    ) -> None:  # fmt: skip
        if not self._blocked:
            log.error("outbox: cannot be written, readings are held in memory: %s", err)
            self._blocked = True
        self._samples, self._events = samples + self._samples, events + self._events
        self._recall = recall | self._recall
        self._bound()

    def _bound(self) -> None:
        beyond = max(0, len(self._samples) - HELD), max(0, len(self._events) - HELD)
        if any(beyond):
            del self._samples[: beyond[0]], self._events[: beyond[1]]
            self._dropped += sum(beyond)
            self.counters["dropped"] += sum(beyond)
            _answer(self._waiting, committed=False)
            self._waiting = []

    def _drafts_of_samples(self) -> Iterable[Draft]:
        texts = [len(each.value) if isinstance(each.value, str) else 0 for _under, each in self._samples]
        for start, end in _runs([under for under, _sample in self._samples], self._settings.batch, texts):
            under = self._samples[start][0]
            yield DataDraft(*under, tuple(sample for _under, sample in self._samples[start:end]))

    def _drafts_of_events(self) -> Iterable[Draft]:
        texts = [len(event.text) for _under, event in self._events]
        for start, end in _runs([under for under, _event in self._events], self._settings.batch, texts):
            under = self._events[start][0]
            yield EventDraft(*under, tuple(event for _under, event in self._events[start:end]))

    def _forget_what_is_gone(self, before: Remembered, rules: Mapping[str, TagRule], devices: Sequence[str]) -> None:
        """Close what stood open on tags, limits and devices that the settings no longer have."""
        now = self._clock.now
        for tag, alarms in before.alarms.items():
            rule = rules.get(tag)
            stays = {side: alarm for side, alarm in alarms.items() if rule is not None and rule.watches(side)}
            for side, alarm in alarms.items() - stays.items():
                change = Transition(side, "cleared", alarm.level, alarm, now, None, None, _LIMIT_GONE)
                self._event(limit_event(self._agent, tag, change, self._clock.era))
            if stays != alarms:
                self._recall[f"alarms:{tag}"] = remember(stays)
        self._recall |= {f"told:{tag}": "" for tag in before.told if tag not in rules}
        for device in set(before.drivers) - set(devices):
            self._drivers |= {f"driver:{device}/{key}": "" for key in before.drivers[device]}
        for device in set(before.faults) - set(devices):
            self._recall[f"faults:{device}"] = ""
            for kind, fault in before.faults[device].items():
                ended = DeviceChange(device, kind, "cleared", now, fault, "the device is no longer in the settings")
                self._event(device_event(self._agent, ended, self._clock.era))

    def _forget_contacts(self, before: Remembered, rules: Mapping[str, TagRule]) -> None:
        for tag, opened in before.contacts.items():
            if not stays(rules.get(tag), opened):
                gone = "the contact is no longer in the settings"
                now = max(self._clock.now, opened.since + 1)  # its readings' clock may be ahead of ours
                self._contact(ContactChange(tag, "cleared", opened, now, None, gone))


def _answer(waiting: Iterable[asyncio.Future[bool]], *, committed: bool) -> None:
    for each in waiting:
        if not each.done():
            each.set_result(committed)


def _runs(unders: Sequence[Under], longest: int, texts: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Neighbouring items of one era and manifest, at most `longest` or `BATCH_TEXT` of their `texts` together, as
    (start, end)."""
    start = held = 0
    for index in range(1, len(unders) + 1):
        held += texts[index - 1]
        if index == len(unders) or unders[index] != unders[start] or index - start == longest or held >= BATCH_TEXT:
            yield start, index
            start, held = index, 0
