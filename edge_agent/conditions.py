"""By what a tag is abnormal beside its limits: the profile's conditions, in the tag's unit (notes on mines, 1.5).

"90 % of the way to the limit" says not where the way begins: that it is the opposite limit, or else the opposite end of
the range, is ours. A limit without either has no pre-warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from profiles.judge import AgentParameters
from profiles.load import Library
from profiles.textfile.abnormal import Condition
from profiles.textfile.model import StateTable
from profiles.wire.messages import Level, ManifestTag

ConditionSide = Literal["line_broken", "station_lost", "in_calibration", "over_range", "near_upper", "near_lower"]
"""What an alarm is of: the code of its events (`profiles.textfile.abnormal.CODES`)."""


@dataclass(frozen=True, slots=True)
class StateRule:
    """A state of a table that lasts for `after` s."""

    side: ConditionSide
    level: Level
    text: str
    table: StateTable
    state: str
    after: float


@dataclass(frozen=True, slots=True)
class WayRule:
    """A value at or beyond `start`, which lies on the way to a limit; both in the tag's unit, `delay` in s."""

    side: ConditionSide
    level: Level
    text: str
    to: Literal["H", "L"]
    start: float
    hysteresis: float
    delay: float


@dataclass(frozen=True, slots=True)
class AbnormalRule:
    """All of a tag, in its unit."""

    states: tuple[StateRule, ...]
    ways: tuple[WayRule, ...]
    plausible: tuple[float | None, float | None]
    """Beyond these its readings are bad at the collector."""
    range: tuple[float, float] | None
    """Of the instrument (量程)."""

    def watches(self, side: str) -> bool:
        """Whether an alarm of this side may stand."""
        return any(each.side == side for each in self.all())

    def all(self) -> list[StateRule | WayRule]:
        """Both kinds."""
        return [*self.states, *self.ways]


def abnormal_rule(
    tag: ManifestTag, library: Library, parameters: AgentParameters, hysteresis: float, delay: float
) -> AbnormalRule | None:
    """The conditions of a tag by its profile; None where it has none. Hysteresis and delay are those of its limits."""
    profile = library.get(tag.point.profile) if tag.point is not None else None
    if profile is None or profile.files is None or not profile.files.abnormal:
        return None
    states, ways = [], []
    for name, each in profile.files.abnormal.items():
        side: ConditionSide = name.lower()  # type: ignore[assignment]  # `ConditionSide` has them all
        if each.states is not None and each.state is not None:
            table = profile.files.states[each.states]
            states.append(StateRule(side, each.level, each.en, table, each.state, each.after or 0.0))
        ways += [WayRule(side, each.level, each.en, to, start, hysteresis, delay)
                 for to, start in _start(each, tag, parameters)]  # fmt: skip
    return AbnormalRule(tuple(states), tuple(ways), (parameters.low, parameters.high), tag.range)


def _start(each: Condition, tag: ManifestTag, parameters: AgentParameters) -> Iterator[tuple[Literal["H", "L"], float]]:
    """From where on a value is near its limit; nothing where the limit, or where the way begins, is not known."""
    if each.way is None or each.to is None or tag.limits is None:
        return
    ends = tag.range or (parameters.low, parameters.high)
    limit, opposite, end = {
        "H": (tag.limits.H, tag.limits.L, ends[0]), "L": (tag.limits.L, tag.limits.H, ends[1]),
    }[each.to]  # fmt: skip
    begin = end if opposite is None else opposite
    if limit is None or begin is None or (begin < limit) != (each.to == "H"):
        return
    yield each.to, float(f"{begin + each.way * (limit - begin):.12g}")
