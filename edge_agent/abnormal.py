"""What is abnormal of a tag beside its limits, judged where readings are in order: a state that lasts, a way to a
limit.

Source: notes on mines, 1.5, `004` and `006` to `010`; which states, how long and which part of the way is data of the
profile (`profiles.textfile.abnormal`). A state is that of the profile's own table, as a report writes it. Of each
condition one alarm stands at a time, beside those of the limits; a bad value neither raises nor clears what is told by
the way to a limit, and begins and ends states.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from edge_agent.conditions import AbnormalRule, StateRule, WayRule
from edge_agent.limits import LimitWatch, OpenAlarm, Side, Transition, is_number
from edge_agent.rules import LimitRule, TagRule
from profiles.conversions import is_reading
from profiles.textfile.written import bad_state
from profiles.wire import quality as q
from profiles.wire.messages import Value


@dataclass(frozen=True, slots=True)
class Heard:
    """A reading as it is judged: `time` in ms UTC, `mono` in s."""

    tag: str
    value: Value
    quality: str
    time: int
    era: int
    mono: float


class Abnormals:
    """All conditions of all tags; `alarms` is what an earlier run left open."""

    def __init__(self, rules: Mapping[str, TagRule], alarms: Mapping[str, Mapping[Side, OpenAlarm]]) -> None:
        self._watches = {
            name: _TagWatch(rule.abnormal, alarms.get(name, {})) for name, rule in rules.items() if rule.abnormal
        }

    def change(self, rules: Mapping[str, TagRule]) -> set[str]:
        """Go on by these rules; the tags that are judged anew, of which what stands is to be heard again."""
        before = self._watches
        self._watches = {
            name: known if known is not None and known.rule == rule.abnormal
            else _TagWatch(rule.abnormal, known.open if known else {})
            for name, rule in rules.items() if rule.abnormal for known in [before.get(name)]
        }  # fmt: skip
        return {name for name, watch in self._watches.items() if before.get(name) is not watch}

    def open(self, tag: str) -> dict[Side, OpenAlarm]:
        """What stands of a tag."""
        return self._watches[tag].open if tag in self._watches else {}

    def hear(self, heard: Heard) -> Iterator[tuple[str, Transition]]:
        """What a reading brings."""
        if (watch := self._watches.get(heard.tag)) is not None:
            yield from ((heard.tag, each) for each in watch.hear(heard))

    def wait(self, time: int, era: int, mono: float) -> Iterator[tuple[str, Transition]]:
        """What the time that ran out brings, also while a device is silent; `time` is now."""
        for tag, watch in self._watches.items():
            yield from ((tag, each) for each in watch.wait(time, era, mono))


class _TagWatch:
    """Each condition is watched as a switch, or as a limit, of its own."""

    def __init__(self, rule: AbnormalRule, opened: Mapping[Side, OpenAlarm]) -> None:
        self.rule = rule
        self._value: Value = None
        self._watches: list[tuple[StateRule | WayRule, LimitWatch]] = [
            (each, LimitWatch(_limit(each), _inner(each, opened))) for each in rule.all()
        ]

    @property
    def open(self) -> dict[Side, OpenAlarm]:
        """What stands, at the levels at which it is told."""
        return {
            rule.side: msgspec.structs.replace(alarm, level=rule.level)
            for rule, watch in self._watches for alarm in watch.open.values()
        }  # fmt: skip

    def hear(self, heard: Heard) -> Iterator[Transition]:
        self._value = heard.value
        quality, high = self._ranged(heard)
        valued = heard.value is not None and (
            not is_number(heard.value) or is_reading(quality, heard.value, self.rule.range)
        )  # fmt: skip
        for rule, watch in self._watches:
            if isinstance(rule, StateRule):
                found = q.is_bad(quality) and bad_state(rule.table, quality, valued=valued, high=high)[0] == rule.state
                moves = watch.judge(found, heard.time, heard.era, heard.mono)
            elif q.is_bad(quality) or heard.value is None:
                watch.unusable()
                continue
            else:
                moves = watch.judge(heard.value, heard.time, heard.era, heard.mono)
            yield from self._told(rule, moves)

    def wait(self, time: int, era: int, mono: float) -> Iterator[Transition]:
        for rule, watch in self._watches:
            yield from self._told(rule, watch.wait(time, era, mono))

    def _ranged(self, heard: Heard) -> tuple[str, bool | None]:
        """The quality that the collector will give it, and whether it lies above its range, or below."""
        value, (low, high) = heard.value, self.rule.plausible
        if not is_number(value) or low is None or high is None or low <= value <= high:
            return heard.quality, None
        return q.worst(heard.quality, q.BAD_RANGE), value > high

    def _told(self, rule: StateRule | WayRule, moves: Iterable[Transition]) -> Iterator[Transition]:
        """At its own side and level, with the value of the tag: that a state stands is none."""
        for move in moves:
            alarm = msgspec.structs.replace(move.alarm, level=rule.level)
            yield replace(move, side=rule.side, level=rule.level, alarm=alarm, value=self._value, text=rule.text)


def _limit(rule: StateRule | WayRule) -> LimitRule:
    """That a state stands is watched as a switch, the way to a limit as a limit that lies before it."""
    if isinstance(rule, StateRule):
        return LimitRule(alarm_when=True, delay=rule.after)
    upper = rule.to == "H"
    return LimitRule(
        H=rule.start if upper else None, L=None if upper else rule.start, hysteresis=rule.hysteresis, delay=rule.delay
    )


def _inner(rule: StateRule | WayRule, opened: Mapping[Side, OpenAlarm]) -> dict[Side, OpenAlarm]:
    """What stood, as the watch within knows it."""
    if (alarm := opened.get(rule.side)) is None:
        return {}
    if isinstance(rule, StateRule):
        return {"switch": msgspec.structs.replace(alarm, level="SIG")}
    return {"high" if rule.to == "H" else "low": msgspec.structs.replace(alarm, level=rule.to)}
