"""An alarm's end that comes before its beginning waits for it a while: a platform may hold what it is told last.

An agent that was cut off tells first what is new, and behind it what had waited (design, I5): of an alarm that was
raised while the link was down, and let go once it was back, the end arrives seconds before the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from collector.reports.crossings import SIDES, Crossing, is_passed_on
from collector.reports.rows import DueEvent
from profiles.wire.messages import Event

WAITS = 300_000
"""Ms that an end waits; a beginning that has not come by then may never come, and that it is over must be known."""
REMEMBERED = 10_000
"""Ends that wait, or have waited, at most; beyond that all are forgotten, and told."""
_CLEARED = b'"cleared"'


class Beginnings:
    """The ends whose beginning was not told to one target; times in ms UTC."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], int | None] = {}
        """By agent and id of a transition; None: it has waited long enough."""

    def missing(self, row: DueEvent, known: Callable[[Event], Iterable[Crossing]], now: int) -> bool:
        """Whether a transition is to wait. `known`: the newest crossing of each limit of its point that was told."""
        if _CLEARED not in row.text:
            return False
        event, about = row.event(), (row.agent, row.id)
        limit = event.state == "cleared" and any(event.level in side for side in SIDES)
        remembered = limit and event.kind != "seal" and not is_passed_on(event)
        if not remembered or any(each.start >= event.since for each in known(event)):
            self._until.pop(about, None)
            return False
        if len(self._until) >= REMEMBERED:
            self._until.clear()
            self._until[about] = None
        until = self._until.setdefault(about, now + WAITS)
        if until is not None and until <= now:
            self._until[about] = until = None
        return until is not None

    def any_due(self, now: int) -> bool:
        """Whether one has waited long enough; each says so once, also one that was told meanwhile."""
        over = [about for about, until in self._until.items() if until is not None and until <= now]
        self._until |= dict.fromkeys(over)
        return bool(over)
