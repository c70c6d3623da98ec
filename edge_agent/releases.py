"""When a limit of the high or the low side stands: at or beyond it, and from then on until the value is released.

Source: notes on mines, 1.5: `001` ends at its release or further inside, `002` (the cut-off) only inside of it; the
notes, 2.4, know a hysteresis, which holds where no release is stated.
"""

from __future__ import annotations

from typing import Literal

from edge_agent.rules import LimitRule

Bound = Literal["HH", "H", "L", "LL"]


def stands(rule: LimitRule, level: Bound, value: float, *, stood: bool) -> bool:
    """Whether a value keeps a limit crossed; `stood`: whether it was before. A limit that is not stated never is."""
    limit: float | None = getattr(rule, level)
    return limit is not None and (_within(level, value, limit) <= 0 or (stood and not _released(rule, level, value)))


def _released(rule: LimitRule, level: Bound, value: float) -> bool:
    release: float | None = getattr(rule.release, level)
    if release is None:
        return _within(level, value, getattr(rule, level)) > rule.hysteresis
    back = _within(level, value, release)
    return back > 0 if level in ("HH", "LL") else back >= 0


def _within(level: Bound, value: float, bound: float) -> float:
    """How far a value lies on the inner side of a bound."""
    return bound - value if level in ("HH", "H") else value - bound
