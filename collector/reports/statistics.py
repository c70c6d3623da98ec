"""What report targets are told of spans (统计, 变化): a point's statistics, each change of a switch, a meter's energy.

All are worked out of all that the store has of the span. Source: notes, 4.3, kind 05 hourly; notes on mines, 1.3
(`TJSJ`, `KGBH`, `KZLD`) and 4.1. Which of the values count is ours: those that are not bad. A span without any has no
statistics, one without a change tells none, and one of which readings come late is told once more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from collector.directory import Directory, Place
from collector.reports.actions import Actions
from collector.reports.encoders.base import Consumption, Draft, Due, Encoder, Gateway, Statistic, written
from collector.reports.encoders.text_beside import as_written, siblings
from collector.reports.energy import consumption
from collector.reports.figures import figures, usable
from collector.reports.gateways import Key, key_of
from collector.reports.names import named
from collector.reports.queue import ReportQueue
from collector.reports.selection import Told
from collector.reports.settings import TargetSettings, selection
from collector.reports.spans import Span
from collector.sinks.base import Sink, SinkUnavailable
from profiles.load import Library
from profiles.report import MineReport
from profiles.wire.quality import GOOD

log = logging.getLogger(__name__)
SETTLED = 60_000
"""Ms after a span's end, and after its last reading came, that the stores have to take what the queue has; at most a
twelfth of the span, so that what is told each minute is not a minute late, but `SOONEST`."""
SOONEST = 5_000
LATER = 60_000
"""Ms after which what could not be told is tried again."""
PART = 500
"""Points whose span is read at a time: those of a mine are in one file as a rule."""
BEFORE = (900_000, 86_400_000)
"""Ms before a span in which its first change is looked for, the next only where nothing was found: a value is said
again within minutes as a rule (`max_silence`)."""


class Statistician:
    """Works out what the report targets are told; a step of the collector's background."""

    def __init__(
        self, targets: Sequence[TargetSettings], library: Library, queue: ReportQueue, directory: Directory,
        encoders: Mapping[str, type[Encoder]], reader: Sink,
    ) -> None:  # fmt: skip
        self._library, self._queue = library, queue
        self._directory, self._encoders, self._reader = directory, encoders, reader
        self._said: set[tuple[str, str, Key]] = set()
        """What could not be told; as many at most as there are gateways and kinds."""
        self._actions = Actions(library, directory, reader)
        self._wanted = [
            (target, profile, told)
            for target in targets for profile, all_told in selection(target, library).told.items() for told in all_told
        ]  # fmt: skip

    async def step(self, now: int, stop: asyncio.Event) -> None:
        """Tell every span that is due at `now` (ms UTC), the newest first. SinkUnavailable: it stays due."""
        for target, profile, told in self._wanted:
            while not stop.is_set() and await asyncio.to_thread(self._part, target, profile, told, now):
                pass

    def _part(self, target: TargetSettings, profile: str, told: Told, now: int) -> bool:
        """Some of them; whether there were any."""
        settled = now - min(SETTLED, max(SOONEST, told.length // 12))
        due = self._queue.spans(target.name, profile, told.kind, settled, PART)
        if not due:
            return False
        self._directory.refresh()
        encoder = self._encoders[_family(self._library, target, profile)]
        groups: dict[tuple[int, Key], list[tuple[Span, Place]]] = defaultdict(list)
        for span in due:
            place = self._directory.find(span.point)
            if place is not None and (span.end + told.shift) % told.length == 0:
                groups[span.end, key_of(place, profile, whole=encoder.whole)].append((span, place))
        known = {span for found in groups.values() for span, _place in found}
        # what nothing is known of any more, and what was noted when the settings had another length
        self._queue.tell(target.name, [span for span in due if span not in known])
        for (end, key), found in groups.items():
            try:
                self._tell(target, told, now, end, key, found, encoder)
            except (SinkUnavailable, sqlite3.Error, OSError):
                raise
            except Exception as err:  # a defect of ours costs what it happened to alone (I6)
                if (target.name, told.kind, key) not in self._said:
                    log.error("target %s: %s of site %s, profile %s, cannot be told; it is tried again",
                              target.name, told.kind or told.of, key.site, key.profile, exc_info=err)  # fmt: skip
                    self._said.add((target.name, told.kind, key))
                self._queue.tell_later(target.name, [span for span, _place in found], now + LATER)
        return True

    def _tell(
        self, target: TargetSettings, told: Told, now: int, end: int, key: Key, found: Sequence[tuple[Span, Place]],
        encoder: type[Encoder],
    ) -> None:  # fmt: skip
        profile = self._library[key.profile]
        gateway = Gateway(profile, key.site, key.code, found[0][1].site.name, target.encoding)
        places, late = [place for _span, place in found], now - end > told.length
        drafts = self._drafts(encoder, gateway, told, now, end, places, late=late)
        self._queue.put(
            target.name, key.code, key.profile, profile.version,
            named(profile, drafts, partial(self._queue.has_name, target.name)), spans=[span for span, _place in found],
        )  # fmt: skip

    def _drafts(
        self, encoder: type[Encoder], gateway: Gateway, told: Told, now: int, end: int, places: Sequence[Place],
        *, late: bool,
    ) -> list[Draft]:  # fmt: skip
        start, kind = end - told.length, told.kind
        if told.of == "statistics":
            figured = [each for place in places if (each := self._statistic(place, start, end)) is not None]
            return encoder.statistics(gateway, kind, now // 1000 * 1000, end, figured, resumed=late)
        if told.of == "energy":
            counted = (self._consumption(gateway, place, start, end) for place in places)
            found = [each for each in counted if each is not None]
            return encoder.energy(gateway, now // 1000 * 1000, start, end, found, resumed=late)
        if told.of == "readings":
            values = [each for place in places for each in self._readings(gateway, kind, place, start, end)]
            return encoder.changes(gateway, kind, end, values, resumed=late)
        changes = [change for place in places for change in self._changes(place, start, end, of=told.of)]
        if told.of == "changes":
            return encoder.changes(gateway, kind, end, changes, resumed=late)
        return encoder.actions(gateway, kind, end, self._actions.of(changes, gateway.profile), resumed=late)

    def _statistic(self, place: Place, start: int, end: int) -> Statistic | None:
        if place.spec.type != "number":
            return None
        found = figures(usable(self._reader, place, start, end))
        return None if found is None else found.statistic(place)

    def _consumption(self, gateway: Gateway, place: Place, start: int, end: int) -> Consumption | None:
        shape = gateway.profile.report
        energy = shape.energy if isinstance(shape, MineReport) else None
        if energy is None or place.spec.type != "number":
            return None
        if energy.code not in place.attributes:
            log.warning("site %s: meter %s is told to no platform by the day: state attributes: {%s: …} of it",
                        gateway.site, place.point.code, energy.code)  # fmt: skip
            return None
        amount = consumption(self._reader, place, start, end, round(energy.edge * 1000))
        if amount is None:
            log.warning("site %s: what meter %s counted from %s to %s is not told: it has no reading near one of the"
                        " two ends", gateway.site, place.point.code, written(gateway.profile.time, start),
                        written(gateway.profile.time, end))  # fmt: skip
            return None
        return Consumption(place, place.attributes[energy.code], amount)

    def _readings(self, gateway: Gateway, kind: str, place: Place, start: int, end: int) -> list[Due]:
        """Each of its values is an event of its own, with what other points said at the same moment."""
        found = [] if place.spec.type == "text" else usable(self._reader, place, start, end)
        others = {
            field: other
            for field, code in siblings(gateway.profile, kind, place.point.code).items()
            if (other := self._directory.find(code)) is not None
        }
        dues = []
        for time, value in found:
            seen = {
                field: Due(other, time, values[-1][1], None, GOOD)
                for field, other in others.items() if (values := usable(self._reader, other, time, time + 1))
            }  # fmt: skip
            dues.append(Due(place, time, value, None, GOOD, beside=as_written(gateway, seen)))
        return dues

    def _changes(self, place: Place, start: int, end: int, of: str) -> list[Due]:
        """A value that follows none known is a change as well, rather told once more than never, but no action.

        A file tells seconds, and one change of a point in each: of several values in one the last counts.
        """
        found = [] if place.spec.type == "text" else usable(self._reader, place, start, end)
        last, changes = self._before(place, start) if found else None, []
        for time, value in {time // 1000: (time, value) for time, value in found}.values():
            if value != last and (last is not None or of == "changes"):
                changes.append(Due(place, time, value, None, GOOD))
            last = value
        return changes

    def _before(self, place: Place, start: int) -> float | None:
        """The last value before a span; None where there is none that is near enough."""
        for reach in BEFORE:
            if found := usable(self._reader, place, start - reach, start):
                return found[-1][1]
        return None


def _family(library: Library, target: TargetSettings, profile: str) -> str:
    shape = library[profile].shape(target.family)
    assert shape is not None  # noqa: S101  # targets select reported profiles only
    return shape.family
