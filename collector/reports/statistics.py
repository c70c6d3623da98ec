"""Statistics of points (测点统计): an hour's mean, highest and lowest value, of all that the store has of it.

Source: notes, 4.3, kind 05 hourly; notes on mines, 4.1. Which of the values count is ours: those that are not bad. An
hour without any has no statistics, and one of which readings come late is told once more, as resumed.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from collector.directory import Directory, Place
from collector.reports.encoders.base import Encoder, Gateway, Statistic
from collector.reports.gateways import Key, key_of
from collector.reports.queue import ReportQueue
from collector.reports.settings import TargetSettings
from collector.reports.spans import HOUR, Span
from collector.sinks.base import Sink
from profiles.load import Library
from profiles.wire.quality import is_bad

SETTLED = 60_000
"""Ms after an hour's end, and after its last reading came, that the stores have to take what the queue has."""
PART = 100
"""Points whose hour is read at a time."""
MOST = 100_000
"""Readings of a point and hour that are read at most: 27 a second."""


class Statistician:
    """Works out what the report targets are told; a step of the collector's background."""

    def __init__(
        self, targets: Sequence[TargetSettings], library: Library, queue: ReportQueue, directory: Directory,
        encoders: Mapping[str, type[Encoder]], reader: Sink,
    ) -> None:  # fmt: skip
        self._targets, self._library, self._queue = targets, library, queue
        self._directory, self._encoders, self._reader = directory, encoders, reader

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Tell every hour that is due at `now` (ms UTC), the newest first. SinkUnavailable: it stays due."""
        for target in self._targets:
            while not stop.is_set() and await asyncio.to_thread(self._part, target, now):
                pass

    def _part(self, target: TargetSettings, now: int) -> bool:
        """Some of them; whether there were any."""
        due = self._queue.spans(target.name, now - SETTLED, PART)
        if not due:
            return False
        self._directory.refresh()
        groups: dict[tuple[int, Key], list[tuple[Span, Place]]] = defaultdict(list)
        for span in due:
            if (place := self._directory.find(span.point)) is not None and span.profile in self._library:
                groups[span.end, key_of(place, span.profile)].append((span, place))
        told = {span for found in groups.values() for span, _place in found}
        self._queue.tell(target.name, [span for span in due if span not in told])  # what nothing is known of any more
        for (end, key), found in groups.items():
            self._tell(target, now, end, key, found)
        return True

    def _tell(self, target: TargetSettings, now: int, end: int, key: Key, found: Sequence[tuple[Span, Place]]) -> None:
        profile = self._library[key.profile]
        gateway = Gateway(profile, key.site, key.code, found[0][1].site.name)
        values = [each for _span, place in found if (each := self._statistic(place, end)) is not None]
        shape = profile.shape(target.family)
        drafts = [] if shape is None else self._encoders[shape.family].statistics(
            gateway, now // 1000 * 1000, end, values, resumed=now - end > HOUR
        )  # fmt: skip
        spans = [span for span, _place in found]
        self._queue.put(target.name, key.code, key.profile, profile.version, drafts, spans=spans)

    def _statistic(self, place: Place, end: int) -> Statistic | None:
        if place.spec.type != "number":
            return None
        rows = self._reader.history(place.point.code, end - HOUR, end, MOST)
        values = [float(row["value"]) for row in rows if row["value"] is not None and not is_bad(row["quality"])]
        return Statistic(place, statistics.fmean(values), max(values), min(values)) if values else None
