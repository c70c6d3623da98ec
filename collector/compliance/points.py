"""One point's part in a day: for how long was it due, on line, and which readings were missing?

Both measures come from the gaps between readings (specification notes, 6.2): each reading holds for a while, and what
no reading holds is missing. Counting minutes or packets would mistake a period that drifts across the minute for a
loss, and let many readings of the morning make good for none in the afternoon.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.compliance.tally import Tally
from collector.sinks.base import Coverage
from profiles.model import Quantity, Rules

LONGEST_SILENCE = 7 * 86_400.0
"""The longest `max_silence` (s) that is reckoned with: a reading is due once a week at least, and one tag that may be
silent for years has not the years before read with each question."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of a point, in ms."""

    window: float
    """A point is on line for so long after each valid reading."""
    interval: float
    """How often a reading is due."""
    spacing: float
    """Readings further apart than this have missing ones between them."""
    slow: bool
    """The agent may be silent for longer than the profile's interval."""

    @property
    def reach(self) -> int:
        """How far before a day a reading may lie that counts in it."""
        return int(max(self.window, self.spacing)) + 1

    @property
    def longer(self) -> int:
        """Gaps that are not longer than this mean nothing."""
        return int(min(self.window, self.spacing))


def demand(quantity: Quantity, rules: Rules, max_silence: float | None) -> Demand:
    """By the profile, and by the agent's `max_silence` (s): what a deadband leaves out on purpose is not missing."""
    interval = max(quantity.max_interval, min(max_silence or 0.0, LONGEST_SILENCE))
    window = max(rules.online_window * quantity.max_interval, rules.online_least)
    return Demand(window * 1000, interval * 1000, rules.spacing * interval * 1000, interval > quantity.max_interval)


def tally(wanted: Demand, start: int, end: int, every: Coverage | None, valid: Coverage | None) -> Tally:
    """A point that was due from `start` to `end`, by its readings of all kinds and by the valid ones."""
    due = end - start
    missing = _unheld(every, start, end, wanted.interval, wanted.spacing)
    return Tally(
        points=1, slow=int(wanted.slow), due=due,
        online=due - _unheld(valid, start, end, wanted.window, wanted.window),
        expected=due / wanted.interval, received=(due - missing) / wanted.interval,
        readings=every.readings if every else 0, valid=valid.readings if valid else 0,
    )  # fmt: skip


def _unheld(found: Coverage | None, start: int, end: int, hold: float, apart: float) -> float:
    """The ms between `start` and `end` that no reading holds: of gaps beyond `apart`, what is longer than `hold`."""
    if found is None:
        return end - start
    holes = [(before + hold, after) for before, after in (*found.gaps, (found.last, end)) if after - before > apart]
    holes.append((start, found.first))
    return sum(max(0.0, min(after, end) - max(before, start)) for before, after in holes)
