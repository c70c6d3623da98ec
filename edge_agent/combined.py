"""Combined rules, judged at the agent: points that belong together, and the course of one (`profiles.combined`).

A point that has no usable value keeps what it last said: without it nothing is raised, and nothing ends. What holds,
and the courses, survive a restart in the outbox's small state. Values and thresholds are in the profile's unit.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from config.model import shown_seconds as span
from edge_agent.course import NEARLY, Course, Part
from edge_agent.limits import Effect
from profiles.combined import Combined, Condition
from profiles.conversions import Converter
from profiles.periods import Window
from profiles.units import SAME
from profiles.wire.messages import Value

log = logging.getLogger(__name__)
T = TypeVar("T")
NAMED = 5
"""Points that a text names; beyond, it says how many more."""


class Holding(msgspec.Struct, frozen=True):
    """A rule that holds."""

    text: str
    facts: dict[str, float | bool]
    by: list[list[str]]
    """Of each condition the tags that make it so."""


@dataclass(slots=True)
class Input:
    """One tag in one condition, and what it said last."""

    tag: str
    converter: Converter = SAME
    unit: str = ""
    threshold: float = 0.0
    """What a present value is compared with; of a course what its growth must lead to."""
    limit: str = ""
    """The limit that the threshold is, if it is one."""
    side: str = "high"
    """On which side of the threshold it lies: high, low, or both (by its absolute value)."""
    slack: float = 0.0
    """How far back inside it must come."""
    course: Course | None = None
    key: str = ""
    """Under which the course is remembered."""
    says: bool = False
    """Whether the condition is so at this point."""
    heard: bool = False
    """Whether what it says is of now."""
    value: float | bool = False
    text: str = ""


class Group:
    """One rule over points that belong together; `checks` are the inputs of each of its conditions."""

    def __init__(
        self, key: str, name: str, rule: Combined, targets: Sequence[str], checks: Sequence[Sequence[Input]],
        window: Window | None = None,
    ) -> None:  # fmt: skip
        self.key, self.name, self.rule, self.targets, self.checks = key, name, rule, targets, checks
        self.window = window
        """When it may hold; None: at any time."""
        self.holding: Holding | None = None
        self.begun: float | None = None
        """Since when all of it holds while the delay runs, monotonic s."""

    def is_like(self, other: Group) -> bool:
        """Whether it is the same rule over the same points, judged by the same numbers."""
        mine, its = ((each.rule, each.targets, each.window, each._meant()) for each in (self, other))
        return mine == its

    def _meant(self) -> list[list[tuple[object, ...]]]:
        return [
            [(it.tag, it.converter, it.unit, it.threshold, it.limit, it.side, it.slack, it.key) for it in inputs]
            for inputs in self.checks
        ]

    @property
    def waits(self) -> bool:
        """Whether time alone may change it."""
        return self.window is not None or (self.begun is not None and self.holding is None)

    def weigh(self, now: int | None, mono: float) -> bool:
        """Whether the rule begins or ends to hold, or holds by other points than before.

        `now`: ms UTC by a clock that is sure; None: nobody knows whether its time has come or gone.
        """
        pairs = list(zip(self.rule.when, self.checks, strict=True))
        inside = True if self.window is None else None if now is None else self.window.covers(now)
        if self.holding is not None and (inside is False or not all(_lasts(*pair) for pair in pairs)):
            self.holding = self.begun = None
            return True
        if self.holding is None:
            if not inside or not all(_holds(*pair) for pair in pairs):
                self.begun = None
                return False
            self.begun = mono if self.begun is None else self.begun
            if mono - self.begun < self.rule.delay:
                return False
        by = [[each.tag for each in inputs if each.says] for inputs in self.checks]
        if self.holding is not None and (self.holding.by == by or not all(map(_of_now, self.checks))):
            return False
        self.holding = Holding(*self._told(), by)
        return True

    def _told(self) -> tuple[str, dict[str, float | bool]]:
        told = [each for inputs in self.checks for each in inputs if each.says and each.heard]
        more = [f"{len(told) - NAMED} more"] if len(told) > NAMED else []
        shown = told[:NAMED]
        return " and ".join([*(each.text for each in shown), *more]), {each.tag: each.value for each in shown}

    def effect(self) -> Effect:
        """What it makes of its targets while it holds."""
        assert self.holding is not None  # noqa: S101  # the caller asked
        this, more = self.rule, self.rule.more or 0
        made = f"{more} colour{'s' * (more > 1)} more" if more else f"at least {this.level}"
        during = f" during {this.during.shown()}" if this.during else ""
        text = f"{made}, since {self.holding.text}{during}"
        return Effect(self.name, text, self.holding.facts, this.level, more, this.uncoloured)


def _of_now(inputs: Sequence[Input]) -> bool:
    return any(each.heard and each.says for each in inputs)


def _holds(condition: Condition, inputs: Sequence[Input]) -> bool:
    """Whether a condition is so, by what is known of now."""
    return all(each.heard and each.says for each in inputs) if condition.all is not None else _of_now(inputs)


def _lasts(condition: Condition, inputs: Sequence[Input]) -> bool:
    """Whether a condition that was so has not ended, as far as is known."""
    if condition.all is not None:
        return all(each.says or not each.heard for each in inputs)
    return any(each.says for each in inputs)


class CombinedRules:
    """All combined rules of an agent; `before` is what an earlier run remembered, by key."""

    def __init__(self, groups: Sequence[Group] = (), before: Mapping[str, str] | None = None) -> None:
        self._groups = groups
        self._inputs: dict[str, list[tuple[Group, Condition, Input]]] = defaultdict(list)
        self._targets: dict[str, list[Group]] = defaultdict(list)
        self._changes: dict[str, str] = {}
        for group in groups:
            for condition, inputs in zip(group.rule.when, group.checks, strict=True):
                for each in inputs:
                    self._inputs[each.tag].append((group, condition, each))
            for target in group.targets:
                self._targets[target].append(group)
        self._restore(before or {}, groups)

    def change(self, groups: Sequence[Group], before: Mapping[str, str]) -> tuple[CombinedRules, set[str]]:
        """The rules `groups` with what is known of those that stay as they are, and the tags of the others' inputs.

        `before` is what is remembered now, by key: the others go on from there, as after a restart.
        """
        known = {group.key: group for group in self._groups}
        stay = {each.key: known[each.key] for each in groups if each.key in known and each.is_like(known[each.key])}
        fresh = [each for each in groups if each.key not in stay]
        made = CombinedRules([*stay.values(), *fresh])
        own = {key: text for key, text in before.items() if not any(_is_of(key, group) for group in stay.values())}
        made._restore(own, fresh)
        made._changes |= self.changes()
        return made, {each.tag for group in fresh for inputs in group.checks for each in inputs}

    def effects(self, tag: str) -> tuple[Effect, ...]:
        """What the rules that hold make of a tag."""
        return tuple(group.effect() for group in self._targets.get(tag, ()) if group.holding is not None)

    def hear(self, tag: str, value: Value, time: int, now: int | None, mono: float, *, again: bool = False) -> set[str]:
        """A reading in the tag's unit, None where it is not usable; the tags of which rules make something else now.

        `now` as for `Group.weigh`. `again`: an earlier run heard it already, so that it stands in the courses.
        """
        heard = self._inputs.get(tag, ())
        for _group, condition, each in heard:
            each.heard = False
            if value is not None and not isinstance(value, str):
                self._listen(condition, each, value, time, again=again)
        return self._weigh({id(group): group for group, _condition, _each in heard}.values(), now, mono)

    def wait(self, now: int | None, mono: float) -> set[str]:
        """The tags of which delays that ran out, and periods that begin or end, make something else."""
        return self._weigh((each for each in self._groups if each.waits), now, mono)

    def changes(self) -> dict[str, str]:
        """What is to be remembered since the last call; an empty text forgets its key."""
        changes, self._changes = self._changes, {}
        return changes

    def _weigh(self, groups: Iterable[Group], now: int | None, mono: float) -> set[str]:
        moved: set[str] = set()
        for group in groups:
            if group.weigh(now, mono):
                holding = group.holding
                self._changes[f"holds/{group.key}"] = msgspec.json.encode(holding).decode() if holding else ""
                moved.update(group.targets)
        return moved

    def _listen(self, condition: Condition, each: Input, value: float | bool, time: int, *, again: bool) -> None:
        if condition.all is not None:
            each.value, each.says, each.heard = bool(value), bool(value) == condition.all, True
            each.text = f"{each.tag} is {each.value:d}"
            return
        number = each.converter.of(value)
        each.value = float(f"{number:.12g}")
        if each.course is None:
            _compare(each)
            return
        if not again:
            begun = each.course.begun
            slot, part = each.course.add(number, time)
            self._changes[f"{each.key}/{slot}"] = msgspec.json.encode(part).decode()
            if each.course.begun != begun:
                self._changes[f"{each.key}/begun"] = str(each.course.begun)
        _follow(condition, each, each.course)

    def _restore(self, before: Mapping[str, str], groups: Sequence[Group]) -> None:
        kept: set[str] = set()
        courses: dict[str, dict[str, str]] = defaultdict(dict)
        for key, text in before.items():
            course, _, slot = key.rpartition("/")
            courses[course][slot] = text
        for group in groups:
            key = f"holds/{group.key}"
            if (holding := _decoded(key, before.get(key, ""), Holding)) is not None:
                kept.add(key)
                group.holding = holding
                for inputs, by in zip(group.checks, holding.by, strict=False):
                    for each in inputs:
                        each.says = each.tag in by
            for each in (each for inputs in group.checks for each in inputs if each.course is not None):
                mine = courses.get(each.key, {})
                kept |= {f"{each.key}/{slot}" for slot in mine}
                begun = _decoded(each.key, mine.pop("begun", ""), int)
                found = (_decoded(each.key, text, Part) for text in mine.values())
                each.course.restore([part for part in found if part is not None], begun)  # type: ignore[union-attr]
        self._changes |= {key: "" for key in before if key not in kept}


def _is_of(key: str, group: Group) -> bool:
    """Whether what is remembered under `key` is a group's: that it holds, or a course of its inputs."""
    course = key.rpartition("/")[0]
    return key == f"holds/{group.key}" or any(each.key == course for inputs in group.checks for each in inputs)


def _decoded(key: str, text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind) if text else None
    except msgspec.MsgspecError as err:
        log.warning("what is remembered of a combined rule (%s) is not readable and begins anew: %s", key, err)
        return None


def _compare(each: Input) -> None:
    """A present value with its threshold; what was beyond comes back only by more than the slack."""
    value = abs(each.value) if each.side == "both" else each.value
    depth = each.threshold - value if each.side == "low" else value - each.threshold
    each.says, each.heard = depth >= (-each.slack if each.says else 0.0), True
    sign = {"low": "≤", "both": "±≥"}.get(each.side, "≥")
    named = f" ({each.limit})" if each.limit else ""
    each.text = f"{each.tag} {each.value:g} {each.unit} {sign} {each.threshold:g} {each.unit}{named}"


def _follow(condition: Condition, each: Input, course: Course) -> None:
    """A course by its test. Where too little of it is known it keeps what it said last."""
    if (grows := condition.grows) is not None:
        if (grown := course.growth(grows.windows, grows.times, each.threshold)) is not None:
            each.says, each.heard = grown[0], True
            each.text = f"{each.tag} grew {' → '.join(f'{mean:g}' for mean in grown[1])} {each.unit}"
    elif (moves := condition.moves) is not None:
        if (rate := course.rate()) is not None:
            rate = {"low": -rate, "both": abs(rate)}.get(each.side, rate)
            each.says, each.heard = rate >= moves.by * (1 - NEARLY), True
            each.text = f"{each.tag} moved by {rate:.4g} {each.unit} ≥ {moves.by:g} {each.unit} in {span(moves.window)}"
    elif (counts := condition.counts) is not None and (counted := course.counted(counts.mean)) is not None:
        recent, usual = counted
        each.says, each.heard = recent >= max(counts.least, counts.times * usual), True
        each.text = f"{each.tag} reported {recent} times in {span(counts.window)}, {usual:.4g} on the mean before"
