"""Alarm limits, judged at the agent, where readings are in order and while the link may be down.

Rules of the specification notes, 2.4: raised at or beyond the limit for `delay`, cleared once back inside by more than
`hysteresis`; HH replaces H (one open alarm a tag and side); bad quality neither raises nor clears; one event a
transition. Delays run on the monotonic clock; events carry the time of the reading.

The four colours of a point (四级预警; notes, 4.5): a colour is raised at once, and falls after a number of readings
below it in a row, never because readings are missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from edge_agent.rules import LimitRule
from profiles.wire.messages import EventState, Level, Value

Side = Literal["high", "low", "switch", "colour"]
_LEVELS: dict[Side, tuple[Level, ...]] = {
    "high": ("HH", "H"), "low": ("LL", "L"), "switch": ("SIG",), "colour": ("RED", "ORANGE", "YELLOW", "BLUE"),
}  # fmt: skip
"""Of each side, the gravest first."""
_DELAYED: tuple[Side, ...] = ("high", "low", "switch")
"""Sides that wait for a delay; colours count readings instead."""
_GRAVITY: dict[Level | None, int] = {
    None: 0, **{level: len(levels) - at for levels in _LEVELS.values() for at, level in enumerate(levels)}
}  # fmt: skip


class OpenAlarm(msgspec.Struct, frozen=True):
    """An alarm that was raised and not cleared: survives a restart of the agent in the outbox's small state."""

    level: Level
    since: int
    era: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one tag's alarm; `alarm` is the life it belongs to."""

    side: Side
    state: EventState
    level: Level
    alarm: OpenAlarm
    time: int
    value: Value
    limit: float | None


class LimitWatch:
    """The limits of one tag with the alarms open on them; `open` is what an earlier run left open."""

    def __init__(self, rule: LimitRule, open_alarms: dict[Side, OpenAlarm] | None = None) -> None:
        self.rule = rule
        self.open: dict[Side, OpenAlarm] = dict(open_alarms or {})
        self._beyond: dict[Side, dict[Level, float]] = {}
        self._last: tuple[Value, int] | None = None
        self._below = 0
        """Readings in a row that lie below the colour that stands."""

    def judge(self, value: Value, time: int, era: int, mono: float) -> list[Transition]:
        """The transitions that a reading of usable quality brings; `time` in ms UTC, `mono` in s."""
        self._last = value, time
        return self._judge(_LEVELS, value, time, era, mono)

    def wait(self, time: int, era: int, mono: float) -> list[Transition]:
        """What a delay that ran out brings, for devices that say nothing while a value stays; `time` is now."""
        if not self._beyond or self._last is None:
            return []
        return self._judge(_DELAYED, self._last[0], time, era, mono)

    def unusable(self) -> None:
        """The tag has no usable value: it neither raises nor clears, and a running delay begins anew."""
        self._beyond.clear()
        self._last = None

    def _judge(self, sides: Iterable[Side], value: Value, time: int, era: int, mono: float) -> list[Transition]:
        moves = (self._move(side, self._level(side, value), value, time, era, mono) for side in sides)
        return [move for move in moves if move is not None]

    def _move(
        self, side: Side, level: Level | None, value: Value, time: int, era: int, mono: float
    ) -> Transition | None:
        alarm = self.open.get(side)
        held: Level | None = alarm.level if alarm else None
        target = self._fallen(level, held) if side == "colour" else self._ripe(side, level, held, mono)
        if target == held:
            return None
        if target is None:
            assert alarm is not None  # noqa: S101  # otherwise held is None as well
            del self.open[side]
            return Transition(side, "cleared", alarm.level, alarm, time, value, self._limit(alarm.level))
        renewed = OpenAlarm(target, alarm.since if alarm else time, alarm.era if alarm else era)
        self.open[side] = renewed
        return Transition(side, "changed" if alarm else "raised", target, renewed, time, value, self._limit(target))

    def _ripe(self, side: Side, level: Level | None, held: Level | None, mono: float) -> Level | None:
        """The level that stands: back inside at once, beyond only after the value was there for the delay."""
        begun = self._beyond.pop(side, {})
        graver = [each for each in _LEVELS[side] if _GRAVITY[held] < _GRAVITY[each] <= _GRAVITY[level]]
        since = {each: begun.get(each, mono) for each in graver if each == "SIG" or self._limit(each) is not None}
        for each, start in since.items():  # the gravest first
            if mono - start >= self.rule.delay:
                remaining = {other: at for other, at in since.items() if _GRAVITY[other] > _GRAVITY[each]}
                if remaining:
                    self._beyond[side] = remaining
                return each
        if since:
            self._beyond[side] = since
            return held
        return level

    def _fallen(self, level: Level | None, held: Level | None) -> Level | None:
        """The colour that stands: a graver one at once, a lighter one after enough readings in a row."""
        self._below = self._below + 1 if _GRAVITY[level] < _GRAVITY[held] else 0
        if 0 < self._below < self.rule.fall_after:
            return held
        self._below = 0
        return level

    def _colour(self, value: float) -> Level | None:
        for level in _LEVELS["colour"]:
            limit = self._limit(level)
            if limit is not None and (
                value <= limit if self.rule.bad_side == "low"
                else (abs(value) if self.rule.bad_side == "both" else value) >= limit
            ):  # fmt: skip
                return level
        return None

    def _level(self, side: Side, value: Value) -> Level | None:
        if side == "switch":
            when = self.rule.alarm_when
            return "SIG" if when is not None and bool(value) == when else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if side == "colour":
            return self._colour(value)
        held = self.open[side].level if side in self.open else None
        sign = 1.0 if side == "high" else -1.0
        for level in _LEVELS[side]:
            limit = self._limit(level)
            if limit is None:
                continue
            slack = self.rule.hysteresis if _GRAVITY[held] >= _GRAVITY[level] else 0.0
            depth = sign * (value - limit)
            if depth >= 0 or (slack > 0 and depth >= -slack):
                return level
        return None

    def _limit(self, level: Level) -> float | None:
        limit: float | None = getattr(self.rule, level, None)
        return limit
