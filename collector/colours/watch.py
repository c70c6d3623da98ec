"""Which points with a colour are lost, and for how long may theirs stand? (specification notes, 4.5, rule 4)

A point is lost once it is off line as its profile has it, `online_window` intervals (at least `online_least`) after
its last valid reading; `hold_lost` later its colour counts no more, until a valid reading comes. The moments follow
from the readings, not from when it was looked; what was noted stands, also when the readings come late after all.
"""

from __future__ import annotations

import asyncio

from collector.colours.course import Loss, standing
from collector.colours.ledger import ColourLedger
from collector.sinks.base import Sink, Span
from profiles.load import Library

EVERY = 60_000
"""ms between two looks."""


class LossWatch:
    """See the module. `reader` is asked from the caller's thread."""

    def __init__(self, library: Library, ledger: ColourLedger, reader: Sink) -> None:
        self._library, self._ledger, self._reader = library, ledger, reader
        self._looked = 0

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Look at every site with a colour, once in `EVERY`. SinkUnavailable; `now` in ms since 1970 UTC."""
        if abs(now - self._looked) < EVERY:
            return
        for site, profile in await asyncio.to_thread(self._ledger.sites):
            if stop.is_set():
                return
            await asyncio.to_thread(self._look, site, profile, now)
        self._looked = now

    def _look(self, site: str, profile: str, now: int) -> None:
        coloured = standing(self._ledger.steps(site, profile))
        holds = {point: self._hold(profile, quantity) for point, (quantity, _moved) in coloured.items()}
        if not any(holds.values()):
            return
        seen = self._seen(site, now - max(holds.values()), now)
        lost = self._ledger.lost(site, profile)
        found: list[Loss] = []
        for point, (_quantity, moved) in coloured.items():
            hold, since = holds[point], lost.get(point)
            last = max(moved, seen.get(point, (0, 0))[1])
            if since is not None and last > since:
                found.append(Loss(point, since, self._back(site, point, since, moved, now)))
            elif since is None and hold and last + hold <= now:
                over = max(moved, self._last(site, point, moved, now)) + hold
                if over <= now:
                    found.append(Loss(point, over, None))
        if found:
            self._ledger.lose(site, profile, found)

    def _hold(self, name: str, quantity: str) -> int:
        """How long, in ms, after its last valid reading a point's colour counts; 0 where the profile does not say."""
        profile = self._library.get(name)
        known = profile.quantities.get(quantity) if profile else None
        if profile is None or known is None or profile.warning is None:
            return 0
        window = max(profile.rules.online_window * known.max_interval, profile.rules.online_least)
        return round((window + profile.warning.hold_lost) * 1000)

    def _last(self, site: str, point: str, since: int, now: int) -> int:
        """The last valid reading of a point that was not seen of late, asked once a loss, since it may lie far back."""
        return self._seen(site, since, now).get(point, (0, 0))[1]

    def _seen(self, site: str, start: int, end: int) -> dict[str, tuple[int, int]]:
        """The first and the last valid reading of each point in a span, ms."""
        found = self._reader.coverage(Span(start, end + 1), end + 1 - start, valid=True, sites=[site])
        return {each.point: (each.first, each.last) for each in found}

    def _back(self, site: str, point: str, since: int, moved: int, now: int) -> int:
        """When the point came back: its first valid reading, or the transition that one made."""
        seen = self._seen(site, since + 1, now).get(point)
        return min(time for time in (moved, seen[0] if seen else 0) if time > since)
