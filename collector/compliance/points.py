"""One point's part in a day: for how long was it due, on line, and which readings were missing?

Both measures come from the gaps between readings (specification notes, 6.2): each reading holds for a while, and what
no reading holds is missing. Counting minutes or packets would mistake a period that drifts across the minute for a
loss, and let many readings of the morning make good for none in the afternoon.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.compliance.tally import Tally
from collector.duty.records import EVER, Spans, on_duty
from collector.sinks.base import Coverage
from profiles.model import Quantity, Rules

NEVER = -EVER
"""When a point spoke of which no reading is known."""
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store has of a point, `every` reading and the `valid` ones, and how many of each came off duty."""

    every: Coverage | None
    valid: Coverage | None
    every_off: int = 0
    valid_off: int = 0


def tally(wanted: Demand, start: int, end: int, seen: Seen, off: Spans = ()) -> Tally:
    """A point that was there from `start` to `end`, by its readings; `off`: when in that time it was off duty."""
    spans = on_duty(off, start, end)
    due = sum(last - first for first, last in spans)
    if not due:
        return Tally(off_duty=end - start)
    missing = _unheld(seen.every, start, spans, wanted.interval, wanted.spacing)
    return Tally(
        points=1, slow=int(wanted.slow), due=due, off_duty=end - start - due,
        online=due - _unheld(seen.valid, start, spans, wanted.window, wanted.window),
        expected=due / wanted.interval, received=(due - missing) / wanted.interval,
        readings=seen.every.readings - seen.every_off if seen.every else 0,
        valid=seen.valid.readings - seen.valid_off if seen.valid else 0,
    )  # fmt: skip


def _unheld(found: Coverage | None, start: int, spans: Spans, hold: float, apart: float) -> float:
    """The ms of `spans` that no reading holds: of gaps beyond `apart`, what is longer than `hold`.

    Back on duty a point may be silent as after a reading: nobody can ask for one at the very moment of the resumption.
    """
    gaps = [(NEVER, EVER)] if found is None else [(NEVER, found.first), *found.gaps, (found.last, EVER)]
    total = 0.0
    for first, last in spans:
        since = NEVER if first == start else first
        for before, after in gaps:
            lo, hi = max(before, since), min(after, last)
            if hi - lo > apart:
                total += max(0.0, hi - max(lo + hold, first))
    return total
