"""Readings become samples: what is sent, at which time, of which quality; what needs a memory is judged here.

Order is known here and the link may be down, hence the rules with a memory (jump, frozen, stale; specification notes,
6.3) and the limits stand here and not at the collector. Times strictly increase a tag and era: an identical repeat is
dropped, another value in the same ms takes the next free one (docs/decisions/0005-time.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeGuard

from edge_agent.clock import Clock
from edge_agent.drivers.base import Reading
from edge_agent.limits import LimitWatch, OpenAlarm, Side, Transition
from edge_agent.rules import TagRule
from profiles.wire import quality as q
from profiles.wire.messages import Value

SLACK_MS = 1_000
"""An instrument's time this far behind its last one is a tie to be put in order; further behind is a clock at fault."""


class Sample(NamedTuple):
    """A reading that is sent: one row of an envelope. `time` in ms UTC."""

    tag: str
    time: int
    value: Value
    quality: str


class Stamp(NamedTuple):
    """The last reading of a tag that carries the instrument's own time, to know its repeat after a restart."""

    time: int
    value: Value
    quality: str


@dataclass(slots=True)
class Outcome:
    """What came of some readings or of a tick."""

    samples: list[Sample] = field(default_factory=list)
    transitions: list[tuple[str, Transition]] = field(default_factory=list)
    stamps: dict[str, Stamp | None] = field(default_factory=dict)
    """What to remember over a restart of tags with the instrument's own time; None: nothing any more."""


@dataclass(slots=True)
class _Tag:
    rule: TagRule
    watch: LimitWatch | None
    heard: float
    """Monotonic time of the last reading."""
    stamp: Stamp | None = None
    source_time: int = 0
    """The instrument's own time of its last reading, ms."""
    own_time: int = 0
    """The latest ms that the agent itself gave."""
    sent: Sample | None = None
    sent_at: float = 0.0
    last_time: int = 0
    """The latest ms used in this era."""
    settled: float | None = None
    """The level that a jump is measured from."""
    jumped: float | None = None
    same: Value = None
    same_since: float = 0.0


class Sampler:
    """All tags of an agent. `floor` is the latest ms that an earlier run may have used in the clock's era."""

    def __init__(
        self,
        rules: Mapping[str, TagRule],
        clock: Clock,
        *,
        floor: int = 0,
        stamps: Mapping[str, Stamp] | None = None,
        alarms: Mapping[str, dict[Side, OpenAlarm]] | None = None,
    ) -> None:
        self._clock = clock
        self._era = clock.era
        self._tags = {
            name: _Tag(
                rule,
                LimitWatch(rule.limits, (alarms or {}).get(name)) if rule.limits else None,
                heard=clock.mono,
                stamp=(stamps or {}).get(name),
                last_time=floor,
            )
            for name, rule in rules.items()
        }

    def take(self, readings: Iterable[Reading], *, device_clock_off: bool = False) -> Outcome:
        """Judge readings of one device, oldest first; `device_clock_off`: its own times are not to be trusted."""
        outcome = Outcome()
        self._clock.read()
        self._watch_era()
        for reading in readings:
            self._one(self._tags[reading.tag], reading, device_clock_off, outcome)
        return outcome

    def tick(self, devices_down: frozenset[str]) -> Outcome:
        """What time alone brings: delays that ran out, values that stand unchanged, tags that fell silent.

        Tags of `devices_down` said ``bad:link`` already and are left alone.
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
            self._silence(tag, now, mono, outcome)
        return outcome

    def open_alarms(self, tag: str) -> dict[Side, OpenAlarm]:
        """The alarms that stand on a tag."""
        watch = self._tags[tag].watch
        return dict(watch.open) if watch else {}

    def latest(self) -> dict[str, Sample]:
        """The last sample of each tag that had one."""
        return {name: tag.sent for name, tag in self._tags.items() if tag.sent}

    def _watch_era(self) -> None:
        if self._era != self._clock.era:
            self._era = self._clock.era
            for tag in self._tags.values():
                tag.last_time = tag.own_time = 0

    def _one(self, tag: _Tag, reading: Reading, device_clock_off: bool, outcome: Outcome) -> None:
        mono = self._clock.mono
        tag.heard = mono
        stamp = Stamp(reading.time, reading.value, reading.quality) if reading.source_time else None
        repeat = stamp is not None and stamp == tag.stamp
        if repeat and tag.sent is not None:
            return  # as after a reconnect
        time, quality = self._time(tag, reading, device_clock_off)
        quality = q.worst(quality, self._memory(tag, reading, mono))
        sample = Sample(reading.tag, time, reading.value, quality)
        transitions = self._judge(tag, sample, mono)
        if repeat:
            tag.sent, tag.sent_at = sample, mono  # an earlier run of the agent sent it
        elif transitions or self._worth_sending(tag, reading.value, quality, mono):
            self._send(tag, sample, mono, outcome)
        if stamp != tag.stamp:
            tag.stamp = outcome.stamps[reading.tag] = stamp
        outcome.transitions.extend((reading.tag, each) for each in transitions)

    def _time(self, tag: _Tag, reading: Reading, device_clock_off: bool) -> tuple[int, str]:
        """The time to store and the quality that is left; a ms of its own in any case."""
        clock, time, quality = self._clock, reading.time, reading.quality
        if clock.suspect:
            quality = q.worst(quality, q.UNCERTAIN_CLOCK)
        elif reading.source_time:
            if time > clock.now + round(clock.settings.future * 1000):
                time, quality = clock.now, q.worst(quality, q.BAD_TIME_FUTURE)
            elif time < tag.source_time - SLACK_MS:
                time, quality = clock.now, q.worst(quality, q.UNCERTAIN_CLOCK)
            elif device_clock_off:
                quality = q.worst(quality, q.UNCERTAIN_CLOCK)
        if reading.source_time:
            if not q.is_bad(quality):
                tag.source_time = reading.time
            if time <= tag.own_time:
                time = clock.now  # the agent said something since, such as a lost link: the value stands from now on
        if not reading.source_time or time == clock.now:
            tag.own_time = time
        return max(time, tag.last_time + 1), quality

    def _memory(self, tag: _Tag, reading: Reading, mono: float) -> str:
        """Quality by the rules that remember: a jump not yet confirmed, a value frozen."""
        value, rule = reading.value, tag.rule
        if q.is_bad(reading.quality) or not _is_number(value):
            return q.GOOD
        if value != tag.same:
            tag.same, tag.same_since = value, mono
        if rule.jump is not None and self._jumps(tag, float(value), rule.jump):
            return q.UNCERTAIN_JUMP
        if rule.frozen is not None and mono - tag.same_since >= rule.frozen:
            return q.UNCERTAIN_FROZEN
        return q.GOOD

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

    def _judge(self, tag: _Tag, sample: Sample, mono: float) -> list[Transition]:
        if tag.watch is None:
            return []
        if q.is_bad(sample.quality) or sample.value is None:
            tag.watch.unusable()
            return []
        return tag.watch.judge(sample.value, sample.time, self._clock.era, mono)

    def _worth_sending(self, tag: _Tag, value: Value, quality: str, mono: float) -> bool:
        last = tag.sent
        if last is None or last.quality != quality or mono - tag.sent_at >= tag.rule.max_silence:
            return True
        if value is None and last.value is None:
            return False  # the same bad news
        band = tag.rule.deadband
        if band is None:
            return True
        if not _is_number(value) or not _is_number(last.value):
            return value != last.value
        size = abs(last.value) * band.size / 100 if band.percent else band.size
        return abs(value - last.value) > size

    def _silence(self, tag: _Tag, now: int, mono: float, outcome: Outcome) -> None:
        if tag.rule.by_exception:
            if tag.sent is not None and mono - tag.sent_at >= tag.rule.max_silence:
                unchanged = tag.sent._replace(time=max(now, tag.last_time + 1))
                tag.own_time = unchanged.time
                self._send(tag, unchanged, mono, outcome)
        elif mono - tag.heard >= tag.rule.stale_after:
            tag.heard = mono
            if tag.watch is not None:
                tag.watch.unusable()
            if tag.sent is None or tag.sent.quality != q.BAD_STALE:
                stale = Sample(tag.rule.tag, max(now, tag.last_time + 1), None, q.BAD_STALE)
                self._send(tag, stale, mono, outcome)

    def _send(self, tag: _Tag, sample: Sample, mono: float, outcome: Outcome) -> None:
        tag.sent, tag.sent_at, tag.last_time = sample, mono, sample.time
        self._clock.use(sample.time)
        outcome.samples.append(sample)


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
