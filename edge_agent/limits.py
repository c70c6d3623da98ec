"""Alarm limits, judged at the agent, where readings are in order and while the link may be down.

Rules of the specification notes, 2.4: raised at or beyond the limit for `delay`, cleared at its release, or once back
inside by more than `hysteresis` where it has none (`edge_agent.releases`); HH replaces H (one open alarm a tag and
side), though H may let go before it; bad quality neither raises nor clears; one event a transition. Delays run on the
monotonic clock; events carry the time of the reading.

The four colours of a point (四级预警; notes, 4.5): a colour is raised at once, and falls after a number of readings
below it in a row, never because readings are missing.

What a combined rule makes of the point (`edge_agent.combined`) is an effect on the same alarm: there is one a tag and
side, whatever made it. What another system says of the point (an alarm file) is an alarm of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeGuard

import msgspec

from edge_agent.conditions import ConditionSide
from edge_agent.releases import Bound, stands
from edge_agent.rules import LimitRule
from profiles.wire.messages import EventState, Level, Value

Side = Literal["high", "low", "switch", "colour", "system", "feed", ConditionSide]
"""system: what another system says of the point, in colours. feed: of a feeder that does not follow its cut-off device
(`edge_agent.feeds`), which no limit of its own tells; nor does it tell of the other conditions (`edge_agent.abnormal`).
"""
_COLOURS: tuple[Level, ...] = ("RED", "ORANGE", "YELLOW", "BLUE")
_BOUNDS: dict[Side, tuple[Bound, ...]] = {"high": ("HH", "H"), "low": ("LL", "L")}
_LEVELS: dict[Side, tuple[Level, ...]] = {**_BOUNDS, "switch": ("SIG",), "colour": _COLOURS}
"""Of each side that is judged here, the gravest first."""
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
    rules: tuple[str, ...] = ()
    """The combined rules that made the level; none: the limits did."""
    told: tuple[int, int] = (0, 0)
    """Era and time of its last transition."""
    ended: tuple[Level, ...] = ()
    """Lighter limits of its side that let go while the level stands: their release lies nearer than its own."""


class Effect(NamedTuple):
    """What a combined rule that holds makes of a point: at least `level`, or `more` colours than it has by itself."""

    rule: str
    text: str
    facts: Mapping[str, float | bool]
    """The points, by tag, and values that it goes by."""
    level: Level | None = None
    more: int = 0
    uncoloured: bool = False
    """Whether a point without a colour gets one, too."""


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
    text: str = ""
    rules: tuple[str, ...] = ()
    """The combined rules that made the level, or whose level it was that ends."""
    facts: Mapping[str, float | bool] = field(default_factory=dict)
    ended: tuple[Level, ...] = ()
    """Lighter limits that let go already."""


class LimitWatch:
    """The limits of one tag with the alarms open on them.

    `open_alarms` is what an earlier run left open, `told` the time (ms) up to which it knew another system's alarms.
    """

    def __init__(self, rule: LimitRule, open_alarms: dict[Side, OpenAlarm] | None = None, told: int = 0) -> None:
        self.rule = rule
        self.open: dict[Side, OpenAlarm] = dict(open_alarms or {})
        self._beyond: dict[Side, dict[Level, float]] = {}
        self._last: tuple[Value, int] | None = None
        self._told: dict[Side, tuple[int, int]] = {side: alarm.told for side, alarm in self.open.items()}
        """Of each side, era and time of its last transition."""
        if told:
            self._told["system"] = -1, told
        self.effects: tuple[Effect, ...] = ()
        """What combined rules make of the point; they count from the next reading on, or from `affect`."""
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

    def affect(self, effects: tuple[Effect, ...], time: int, era: int, mono: float) -> list[Transition]:
        """What combined rules bring without a reading of the point's own: a colour may rise by them, and not fall."""
        self.effects = effects
        if self._last is None:
            return []
        return self._judge(_LEVELS, self._last[0], max(time, self._last[1]), era, mono, counted=False)

    def tell(self, level: Level | None, time: int, era: int, text: str) -> Transition | None:
        """What another system says of the point: a colour, or that its alarm has ended. What is older is past."""
        last = self._told.get("system", (era, 0))[1]
        held = self._held("system")
        if time < last:
            return None
        if level == held:
            self._told["system"] = era, time
            return None
        time = max(time, last + 1)  # two of one moment keep their order
        self._told["system"] = era, time
        alarm = self.open.pop("system", None)
        if level is None:
            assert alarm is not None  # noqa: S101  # otherwise level were held
            return Transition("system", "cleared", alarm.level, alarm, time, None, None, text)
        since = (alarm.since, alarm.era) if alarm else (time, era)
        renewed = self.open["system"] = OpenAlarm(level, *since, told=(era, time))
        return Transition("system", "changed" if alarm else "raised", level, renewed, time, None, None, text)

    @property
    def told(self) -> int:
        """The time (ms UTC) of the last alarm or ending that another system told; 0 for none."""
        return self._told.get("system", (0, 0))[1]

    def _judge(
        self, sides: Iterable[Side], value: Value, time: int, era: int, mono: float, *, counted: bool = True
    ) -> list[Transition]:
        moves = []
        for side in sides:
            own, held = self._level(side, value), self._held(side)
            if side != "colour":
                own = self._ripe(side, own, held, mono)
            target = self._affected(side, own)
            if side == "colour":
                target = self._fallen(target, held) if counted else max(target, held, key=_gravity)
            ended = self._ended(side, target, value) if target == own else ()
            if target != held or (target is not None and ended != self.open[side].ended):
                moves.append(self._move(side, target, own, value, time, era, ended))
        return moves

    def _ended(self, side: Side, target: Level | None, value: Value) -> tuple[Level, ...]:
        """The limits lighter than the level that stands that let go before it does."""
        if side not in _BOUNDS or not is_number(value):
            return ()
        lighter = [
            each for each in _BOUNDS[side] if _GRAVITY[each] < _GRAVITY[target] and self._limit(each) is not None
        ]
        return tuple(each for each in lighter if not self._stands(side, each, value))

    def _held(self, side: Side) -> Level | None:
        return self.open[side].level if side in self.open else None

    def _affected(self, side: Side, own: Level | None) -> Level | None:
        """The level with what combined rules make of it."""
        if not self.effects:
            return own
        level = max([own, *(each.level for each in self.effects if each.level in _LEVELS[side])], key=_gravity)
        if side != "colour":
            return level
        more = sum(each.more for each in self.effects if level is not None or each.uncoloured)
        return _COLOURS[max(0, len(_COLOURS) - _GRAVITY[level] - more)] if more else level

    def _move(
        self, side: Side, target: Level | None, own: Level | None, value: Value, time: int, era: int,
        ended: tuple[Level, ...],
    ) -> Transition:  # fmt: skip
        """The alarm of a side to another level, later than its last transition: their order is that of their times.

        Other points' readings have other clocks, and after a restart numbers tell nothing.
        """
        alarm, (last_era, last) = self.open.get(side), self._told.get(side, (-1, 0))
        if last_era == era:
            time = max(time, last + 1)
        self._told[side] = era, time
        if target is None:
            assert alarm is not None  # noqa: S101  # otherwise nothing would move
            del self.open[side]
            text = f"by {' and '.join(alarm.rules)} no longer" if alarm.rules else ""
            limit = None if alarm.rules else self._limit(alarm.level)
            return Transition(side, "cleared", alarm.level, alarm, time, value, limit, text, alarm.rules)
        by = [] if target == own else [each for each in self.effects if each.more or each.level in _LEVELS[side]]
        rules = tuple(effect.rule for effect in by)
        since = (alarm.since, alarm.era) if alarm else (time, era)
        renewed = OpenAlarm(target, *since, rules, (era, time), ended)
        self.open[side] = renewed
        return Transition(
            side, "changed" if alarm else "raised", target, renewed, time, value,
            None if by else self._limit(target), _text(own, by), rules,
            {tag: found for effect in by for tag, found in effect.facts.items()}, ended,
        )  # fmt: skip

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
        if not is_number(value):
            return None
        if side == "colour":
            return self._colour(value)
        return next((level for level in _BOUNDS[side] if self._stands(side, level, value)), None)

    def _stands(self, side: Side, level: Bound, value: float) -> bool:
        alarm = self.open.get(side)
        stood = alarm is not None and _GRAVITY[alarm.level] >= _GRAVITY[level] and level not in alarm.ended
        return stands(self.rule, level, value, stood=stood)

    def _limit(self, level: Level) -> float | None:
        limit: float | None = getattr(self.rule, level, None)
        return limit


def is_number(value: Value) -> TypeGuard[int | float]:
    """A number; a switch's position is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _gravity(level: Level | None) -> int:
    return _GRAVITY[level]


def _text(own: Level | None, by: Iterable[Effect]) -> str:
    """``BLUE by itself; rain: one colour more: JY.24 62 mm ≥ 50 mm``."""
    found = [f"{effect.rule}: {effect.text}" for effect in by]
    return "; ".join([f"{own or 'no alarm'} by itself", *found]) if found else ""
