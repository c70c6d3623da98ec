"""Readings become samples: what is sent, at which time, of which quality; what needs a memory is judged here.

Order is known here and the link may be down, hence the rules with a memory (jump, frozen, stale; specification notes,
6.3) and the limits stand here and not at the collector. Which time a sample is given is the matter of `stamps`.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge_agent.abnormal import Abnormals, Heard
from edge_agent.clock import Clock
from edge_agent.combined import CombinedRules, Group
from edge_agent.contacts import ContactChange, Contacts, OpenContact
from edge_agent.drivers.base import Reading
from edge_agent.feeds import Feeds
from edge_agent.limits import LimitWatch, OpenAlarm, Side, Transition, is_number
from edge_agent.links import UNKNOWN, DeviceClock
from edge_agent.raw import RawMemory
from edge_agent.rules import TagRule
from edge_agent.stamps import Stamp, Stamper
from profiles.textfile.abnormal import CODES
from profiles.wire import quality as q
from profiles.wire.messages import Level, Value


class Sample(NamedTuple):
    """A reading that is sent: one row of an envelope. `time` in ms UTC."""

    tag: str
    time: int
    value: Value
    quality: str


class Reset(NamedTuple):
    """An accumulated value (累计量) that fell; `time` in ms UTC."""

    tag: str
    time: int
    before: float
    value: float


@dataclass(slots=True)
class Outcome:
    """What came of some readings or of a tick."""

    samples: list[Sample] = field(default_factory=list)
    transitions: list[tuple[str, Transition]] = field(default_factory=list)
    contacts: list[ContactChange] = field(default_factory=list)
    """Of contacts of a seal."""
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """What to remember over a restart of tags with the instrument's own time."""
    totals: dict[str, float] = field(default_factory=dict)
    """What to remember over a restart of tags that accumulate."""
    resets: list[Reset] = field(default_factory=list)


@dataclass(slots=True)
class _Tag:
    rule: TagRule
    times: Stamper
    watch: LimitWatch | None
    heard: float
    """Monotonic time of the last reading."""
    reading: Reading | None = None
    """The last one heard."""
    untimely: str = q.GOOD
    """Its own time lies in the future, or a record's too far back: it is bad so as long as it stands."""
    sent: Sample | None = None
    sent_at: float = 0.0
    sent_state: str = ""
    """Quality of the value when it was sent, without the doubts about its time."""
    settled: float | None = None
    """The level that a jump is measured from."""
    jumped: float | None = None
    same: Value = None
    same_since: float = 0.0
    total: float | None = None
    """Of a tag that accumulates, the last value that was not bad."""

    @property
    def silence(self) -> float:
        """Seconds after which a value that stands is sent all the same; in alert state (预警状态) perhaps sooner."""
        alert = self.rule.alert_interval if self.watch is not None and self.watch.open else None
        return self.rule.max_silence if alert is None else min(self.rule.max_silence, alert)


class Sampler:
    """All tags of an agent. `floor`: the latest ms that an earlier run may have given by its own clock in this era."""

    def __init__(
        self,
        rules: Mapping[str, TagRule],
        clock: Clock,
        *,
        floor: int = 0,
        stamps: Mapping[str, Stamp] | None = None,
        alarms: Mapping[str, dict[Side, OpenAlarm]] | None = None,
        totals: Mapping[str, float] | None = None,
        groups: Sequence[Group] = (),
        combined: Mapping[str, str] | None = None,
        told: Mapping[str, int] | None = None,
        contacts: Mapping[str, OpenContact] | None = None,
    ) -> None:
        self._clock = clock
        self._combined = CombinedRules(groups, combined)
        self._combined_known = dict(combined or {})
        """What is remembered of combined rules, by key."""
        self._gone: dict[str, Stamper] = {}
        """The times of tags that the settings no longer have: one that comes back gives none of them twice."""
        self._era = clock.era
        self._tags = {
            name: _Tag(
                rule,
                Stamper(clock, (stamps or {}).get(name), floor),
                LimitWatch(rule.limits, _of_limits((alarms or {}).get(name)), (told or {}).get(name, 0))
                if rule.limits
                else None,
                heard=clock.mono,
                total=(totals or {}).get(name) if rule.accumulates else None,
            )
            for name, rule in rules.items()
        }
        self._beside = Feeds(rules, alarms or {}), Abnormals(rules, alarms or {})
        """What is judged of tags beside their limits."""
        self._contacts = Contacts(rules.values(), contacts or {})
        self.raw = RawMemory(self._tags)
        """What was read of the samples that were sent last."""

    def change(self, rules: Mapping[str, TagRule], groups: Sequence[Group], anew: Container[str]) -> Outcome:
        """Go on by these rules; what they bring at once.

        A tag whose rule stays is not touched. Of one that is judged otherwise the last value stays known, unless its
        device is among `anew`: that is read as after a start. The alarms of tags that go are the caller's matter.
        """
        outcome = Outcome()
        before, mono = self._tags, self._clock.mono
        self._tags = {name: self._changed(name, rule, before.get(name), anew) for name, rule in rules.items()}
        self.raw.change(rules)
        self._gone |= {name: tag.times for name, tag in before.items() if name not in rules}
        for each in self._beside:
            for name in sorted(each.change(rules)):
                if (standing := self._tags[name].sent) is not None:
                    outcome.transitions.extend(each.hear(self._heard(standing._replace(time=self._clock.now), mono)))
        self._hear_what_stands(self._contacts.change(rules.values()), mono, outcome)
        self._combined, fresh = self._combined.change(groups, self._combined_known)
        for name in sorted(fresh & self._tags.keys()):
            tag = self._tags[name]
            if tag.sent is not None:  # what stands is all that a rule hears of a device that reports only changes
                moved = self._listen(tag, tag.sent, mono, again=True)
                self._affect(moved, self._clock.now, mono, outcome)
        for name, tag in self._tags.items():
            if tag.sent is not None and (name not in before or tag.watch is not before[name].watch):
                standing = tag.sent._replace(time=self._clock.now)
                outcome.transitions.extend((name, each) for each in self._judge(tag, standing, mono))
        return outcome

    def _hear_what_stands(self, contacts: Iterable[str], mono: float, outcome: Outcome) -> None:
        for name in contacts:
            if (standing := self._tags[name].sent) is not None:
                self._contact(standing._replace(time=self._clock.now), mono, outcome)

    def _changed(self, name: str, rule: TagRule, before: _Tag | None, anew: Container[str]) -> _Tag:
        if before is None:
            times = self._gone.pop(name, None) or Stamper(self._clock, None, self._clock.floor)
            return _Tag(rule, times, LimitWatch(rule.limits) if rule.limits else None, heard=self._clock.mono)
        if before.rule == rule and rule.device not in anew:
            return before
        watch = before.watch
        if rule.limits != before.rule.limits:
            opened = {side: alarm for side, alarm in self.open_alarms(name).items() if rule.watches(side)}
            watch = LimitWatch(rule.limits, _of_limits(opened), self.told(name)) if rule.limits else None
        total = before.total if rule.accumulates else None
        if rule.device in anew:
            return _Tag(rule, before.times, watch, heard=self._clock.mono, total=total)
        return replace(before, rule=rule, watch=watch, total=total)

    def take(self, readings: Iterable[Reading], device: DeviceClock = UNKNOWN) -> Outcome:
        """Judge readings of one device, oldest first."""
        outcome = Outcome()
        self._clock.read()
        self._watch_era()
        for reading in readings:
            self._one(self._tags[reading.tag], reading, device, outcome)
        return outcome

    def tick(self, devices_down: frozenset[str], clocks: Mapping[str, DeviceClock] | None = None) -> Outcome:
        """What time alone brings: delays that ran out, values that stand unchanged, tags that fell silent.

        Tags of `devices_down` said ``bad:link`` already and are left alone. `clocks` by device.
        """
        outcome = Outcome()
        now, mono = self._clock.read(), self._clock.mono
        self._watch_era()
        for tag in self._tags.values():
            if tag.rule.device in devices_down:
                continue
            if tag.watch is not None:
                found = tag.watch.wait(now, self._clock.era, mono)
                outcome.transitions.extend((tag.rule.tag, each) for each in found)
            if not tag.rule.by_exception:
                self._silence(tag, mono, outcome)
            elif tag.sent is not None and mono - tag.sent_at >= tag.silence:
                self._stands(tag, (clocks or {}).get(tag.rule.device, UNKNOWN), outcome)
        self._affect(self._combined.wait(self._clock.sure, mono), now, mono, outcome)
        for each in self._beside:
            outcome.transitions.extend(each.wait(now, self._clock.era, mono))
        outcome.contacts += self._contacts.wait(now, self._clock.era, mono)
        return outcome

    @property
    def tags(self) -> Collection[str]:
        """The tags by name."""
        return self._tags.keys()

    def open_alarms(self, tag: str) -> dict[Side, OpenAlarm]:
        """The alarms that stand on a tag."""
        watch = self._tags[tag].watch
        found: dict[Side, OpenAlarm] = dict(watch.open) if watch else {}
        for each in self._beside:
            found |= each.open(tag)
        return found

    def open_contact(self, tag: str) -> OpenContact | None:
        """What stands of a tag that is a contact of a seal."""
        return self._contacts.open(tag)

    def tell(self, tag: str, level: Level | None, time: int, text: str) -> Transition | None:
        """What another system says of a tag's point; see `LimitWatch.tell`."""
        watch = self._tags[tag].watch
        assert watch is not None  # noqa: S101  # `build_rules` gives one to tags whose device tells alarms
        return watch.tell(level, time, self._clock.era, text)

    def told(self, tag: str) -> int:
        """The time of the last alarm that another system told of a tag."""
        watch = self._tags[tag].watch
        return watch.told if watch else 0

    def changes(self) -> dict[str, str]:
        """What combined rules want remembered since the last call, by key; an empty text forgets its key."""
        changes = self._combined.changes()
        for key, text in changes.items():
            if text:
                self._combined_known[key] = text
            else:
                self._combined_known.pop(key, None)
        return changes

    def latest(self) -> dict[str, Sample]:
        """The last sample of each tag that had one."""
        return {name: tag.sent for name, tag in self._tags.items() if tag.sent}

    def _watch_era(self) -> None:
        if self._era != self._clock.era:
            self._era = self._clock.era
            for times in (*(tag.times for tag in self._tags.values()), *self._gone.values()):
                times.new_era()

    def _one(self, tag: _Tag, reading: Reading, device: DeviceClock, outcome: Outcome) -> None:
        mono = self._clock.mono
        if tag.rule.loop is not None:
            reading = tag.rule.loop.measured(reading)
        if isinstance(reading.value, str) and not _travels(reading.value, tag.rule.max_text):
            reading = replace(reading, value=None, quality=q.worst(reading.quality, q.BAD_DECODE))
        if tag.times.past(reading):
            old = q.BAD_TIME_OLD if tag.times.is_old(reading.time) else q.GOOD
            quality = q.worst(reading.quality, old)
            outcome.samples.append(Sample(reading.tag, reading.time, reading.value, quality))
            self.raw.keep(reading.time, reading.value, quality, reading)
            return
        tag.heard = mono
        repeat = tag.times.repeats(reading)
        if repeat and tag.sent is not None:
            self._stands(tag, device, outcome)
            return
        lost_at = tag.sent.time if tag.sent is not None and q.is_bad(tag.sent.quality) else None
        now = self._clock.now + device.lag
        time, doubt = tag.times.place(reading, now=now, clock_off=device.off, lost_at=lost_at)
        tag.reading, tag.untimely = reading, doubt if q.is_bad(doubt) else q.GOOD
        state = q.worst(reading.quality, self._memory(tag, reading, mono))
        if tag.rule.accumulates:
            state = q.worst(state, self._added(tag, reading, time, outcome))
        sample = Sample(reading.tag, time, reading.value, self._doubted(q.worst(state, doubt)))
        moved = self._listen(tag, sample, mono, again=repeat)
        transitions = self._judge(tag, sample, mono)
        tag.times.hear(reading)
        if repeat:
            tag.sent, tag.sent_at, tag.sent_state = sample, mono, state  # an earlier run of the agent sent it
        elif transitions or self._worth_sending(tag, reading.value, sample.quality, mono):
            self._send(tag, sample, state, outcome, own=not reading.source_time)
        if stamp := tag.times.stamp():
            outcome.stamps[reading.tag] = stamp
        outcome.transitions.extend((reading.tag, each) for each in transitions)
        self._affect(moved - {reading.tag}, time, mono, outcome)
        self._tell_beside(sample, mono, outcome)

    def _tell_beside(self, sample: Sample, mono: float, outcome: Outcome) -> None:
        """What a reading says beside the limits."""
        for each in self._beside:
            outcome.transitions.extend(each.hear(self._heard(sample, mono)))
        self._contact(sample, mono, outcome)

    def _heard(self, sample: Sample, mono: float) -> Heard:
        return Heard(sample.tag, sample.value, sample.quality, sample.time, self._clock.era, mono)

    def _contact(self, sample: Sample, mono: float, outcome: Outcome) -> None:
        """What a reading says as a contact of a seal."""
        usable = None if q.is_bad(sample.quality) else sample.value
        outcome.contacts += self._contacts.hear(sample.tag, usable, sample.time, self._clock.era, mono)

    def _stands(self, tag: _Tag, device: DeviceClock, outcome: Outcome) -> None:
        """The last reading stands unchanged: said now and then, and when what is thought of it has changed."""
        if tag.reading is None or tag.sent is None:
            return
        reading, mono = tag.reading, self._clock.mono
        state = q.worst(reading.quality, self._memory(tag, reading, mono))
        if state == tag.sent_state and mono - tag.sent_at < tag.silence:
            return
        quality = q.worst(state, tag.untimely)
        time = tag.times.own(self._clock.now + device.lag)
        self._send(tag, Sample(reading.tag, time, reading.value, self._doubted(quality)), state, outcome, own=True)
        if stamp := tag.times.stamp():
            outcome.stamps[reading.tag] = stamp

    def _doubted(self, quality: str) -> str:
        """A quality while the agent's own clock may be wrong."""
        return q.worst(quality, q.UNCERTAIN_CLOCK) if self._clock.suspect else quality

    def _memory(self, tag: _Tag, reading: Reading, mono: float) -> str:
        """Quality by the rules that remember: a jump not yet confirmed, a value frozen."""
        value, rule = reading.value, tag.rule
        if q.is_bad(reading.quality) or not is_number(value):
            return q.GOOD
        if value != tag.same:
            tag.same, tag.same_since = value, mono
        if rule.jump is not None and self._jumps(tag, float(value), rule.jump):
            return q.UNCERTAIN_JUMP
        if rule.frozen is not None and mono - tag.same_since >= rule.frozen:
            return q.UNCERTAIN_FROZEN
        return q.GOOD

    @staticmethod
    def _added(tag: _Tag, reading: Reading, time: int, outcome: Outcome) -> str:
        """Quality of an accumulated value: one that fell was set back, and counts from there on."""
        value, before = reading.value, tag.total
        if q.is_bad(reading.quality) or not is_number(value):
            return q.GOOD
        tag.total = float(value)
        if tag.total != before:
            outcome.totals[reading.tag] = tag.total
        if before is None or tag.total >= before:
            return q.GOOD
        outcome.resets.append(Reset(reading.tag, time, before, tag.total))
        return q.UNCERTAIN_RESET

    @staticmethod
    def _jumps(tag: _Tag, value: float, step: float) -> bool:
        if tag.settled is None or abs(value - tag.settled) <= step:
            tag.settled, tag.jumped = value, None
        elif tag.jumped is not None and abs(value - tag.jumped) <= step:
            tag.settled, tag.jumped = value, None  # the next reading confirms the new level
        else:
            tag.jumped = value
            return True
        return False

    def _listen(self, tag: _Tag, sample: Sample, mono: float, *, again: bool) -> set[str]:
        """The tags of which combined rules make something else, now that they heard this reading."""
        value = None if q.is_bad(sample.quality) else sample.value
        return self._combined.hear(tag.rule.tag, value, sample.time, self._clock.sure, mono, again=again)

    def _affect(self, tags: set[str], time: int, mono: float, outcome: Outcome) -> None:
        """What combined rules bring to points that had no reading themselves."""
        for name in sorted(tags):
            if (watch := self._tags[name].watch) is not None:
                found = watch.affect(self._combined.effects(name), time, self._clock.era, mono)
                outcome.transitions.extend((name, each) for each in found)

    def _judge(self, tag: _Tag, sample: Sample, mono: float) -> list[Transition]:
        if tag.watch is None:
            return []
        tag.watch.effects = self._combined.effects(tag.rule.tag)
        if q.is_bad(sample.quality) or sample.value is None:
            tag.watch.unusable()
            return []
        return tag.watch.judge(sample.value, sample.time, self._clock.era, mono)

    def _worth_sending(self, tag: _Tag, value: Value, quality: str, mono: float) -> bool:
        last = tag.sent
        if last is None or last.quality != quality or mono - tag.sent_at >= tag.silence:
            return True
        if value is None and last.value is None:
            return False  # the same bad news
        band = tag.rule.deadband
        if band is None:
            return True
        if not is_number(value) or not is_number(last.value):
            return value != last.value
        size = abs(last.value) * band.size / 100 if band.percent else band.size
        return abs(value - last.value) > size

    def _silence(self, tag: _Tag, mono: float, outcome: Outcome) -> None:
        """A polled tag that gave nothing for too long."""
        if mono - tag.heard < tag.rule.stale_after:
            return
        tag.heard = mono
        if tag.watch is not None:
            tag.watch.unusable()
        now = self._clock.now
        self._affect(self._combined.hear(tag.rule.tag, None, now, self._clock.sure, mono), now, mono, outcome)
        if tag.sent is None or tag.sent.quality != q.BAD_STALE:
            silent = Reading(tag.rule.tag, self._clock.now, None, q.BAD_STALE)
            tag.reading = silent
            tag.times.hear(silent)
            stale = Sample(tag.rule.tag, tag.times.own(silent.time), None, q.BAD_STALE)
            self._send(tag, stale, q.BAD_STALE, outcome, own=True)
            self._tell_beside(stale, mono, outcome)

    def _send(self, tag: _Tag, sample: Sample, state: str, outcome: Outcome, *, own: bool) -> None:
        tag.sent, tag.sent_at, tag.sent_state = sample, self._clock.mono, state
        tag.times.give(sample.time, own=own)
        outcome.samples.append(sample)
        if tag.reading is not None:
            self.raw.keep(sample.time, sample.value, sample.quality, tag.reading)


def _of_limits(alarms: Mapping[Side, OpenAlarm] | None) -> dict[Side, OpenAlarm]:
    return {side: alarm for side, alarm in (alarms or {}).items() if side != "feed" and side not in CODES}


def _travels(text: str, longest: int) -> bool:
    """Whether a text can travel: not every instrument's text is UTF-8, though its protocol says so."""
    try:
        return len(text.encode()) <= longest
    except UnicodeEncodeError:
        return False
