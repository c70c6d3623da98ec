"""One point's part in a day: for how long was it due, on line, and which readings were missing?

Both measures come from the gaps between readings (specification notes, 6.2): each reading holds for a while, and what
no reading holds is missing. Counting minutes or packets would mistake a period that drifts across the minute for a
loss, and let many readings of the morning make good for none in the afternoon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.compliance.tally import Tally
from collector.duty.records import EVER, Spans, on_duty
from collector.late import Run
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


def window(quantity: Quantity, rules: Rules) -> float:
    """How long a point is on line after a valid reading, in s; one that comes later than that is late."""
    return max(rules.online_window * quantity.max_interval, rules.online_least)


def demand(quantity: Quantity, rules: Rules, max_silence: float | None) -> Demand:
    """By the profile, and by the agent's `max_silence` (s): what a deadband leaves out on purpose is not missing."""
    interval = max(quantity.max_interval, min(max_silence or 0.0, LONGEST_SILENCE))
    held, spacing = window(quantity, rules), rules.spacing * interval
    return Demand(held * 1000, interval * 1000, spacing * 1000, interval > quantity.max_interval)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store has of a point, `every` reading and the `valid` ones, and how many of each came off duty.

    `late`, `lost`: runs of those that came too late for the on-line rate, and for completeness.
    """

    every: Coverage | None
    valid: Coverage | None
    every_off: int = 0
    valid_off: int = 0
    late: Sequence[Run] = ()
    lost: Sequence[Run] = ()


def tally(wanted: Demand, start: int, end: int, seen: Seen, off: Spans = ()) -> Tally:
    """A point that was there from `start` to `end`, by its readings; `off`: when in that time it was off duty."""
    spans = on_duty(off, start, end)
    due = sum(last - first for first, last in spans)
    if not due:
        return Tally(off_duty=end - start)
    missing = _unheld(gaps(seen.every, seen.lost), start, spans, wanted.interval, wanted.spacing)
    return Tally(
        points=1, slow=int(wanted.slow), due=due, off_duty=end - start - due,
        online=due - _unheld(gaps(seen.valid, seen.late), start, spans, wanted.window, wanted.window),
        expected=due / wanted.interval, received=(due - missing) / wanted.interval,
        readings=seen.every.readings - seen.every_off if seen.every else 0,
        valid=seen.valid.readings - seen.valid_off if seen.valid else 0,
    )  # fmt: skip


Gaps = list[tuple[float, float]]
"""(from, to) of readings that count in succession, in order."""


def gaps(found: Coverage | None, late: Sequence[Run] = ()) -> Gaps:
    """The gaps of a point, with those before its first reading and behind its last one; `late` readings count not."""
    every: Gaps = [(NEVER, EVER)] if found is None else [(NEVER, found.first), *found.gaps, (found.last, EVER)]
    for run in late:
        every = _without(every, run)
    return every


def _without(every: Gaps, run: Run) -> Gaps:
    """The gaps, had the run not come: one takes the place of those that touch it.

    It reaches from the reading before the run to the one behind. Where no gap lies in between, nobody has asked for
    when that one was: it is taken to lie as far away as those of the run from each other.
    """
    before = [gap for gap in every if gap[1] < run.first]
    behind = [gap for gap in every if gap[0] > run.last]
    touching = every[len(before) : len(every) - len(behind)]
    first = run.first - run.step if not before else max(run.first - run.step, before[-1][1])
    last = run.last + run.step if not behind else min(run.last + run.step, behind[0][0])
    if touching and touching[0][0] < run.first:
        first = touching[0][0]
    if touching and touching[-1][1] > run.last:
        last = touching[-1][1]
    return [*before, (first, last), *behind]


def _unheld(every: Gaps, start: int, spans: Spans, hold: float, apart: float) -> float:
    """The ms of `spans` that no reading holds: of gaps beyond `apart`, what is longer than `hold`.

    Back on duty a point may be silent as after a reading: nobody can ask for one at the very moment of the resumption.
    """
    total = 0.0
    for first, last in spans:
        since = NEVER if first == start else first
        for before, after in every:
            lo, hi = max(before, since), min(after, last)
            if hi - lo > apart:
                total += max(0.0, hi - max(lo + hold, first))
    return total
