"""Due readings and transitions to packets: grouped by gateway and period, live while they are fresh, resumed after.

Source: specification notes, 1.9: what is grouped, and a packet a minute while the gateway reaches no device; notes on
mines, 1.3: files that name every point at their interval, definitions on change and daily.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from collector.directory import Directory, Place
from collector.duty.book import DutyBook
from collector.duty.records import Record
from collector.duty.scopes import stops_of
from collector.mines import MineOrder
from collector.reports.attempts import Attempts
from collector.reports.crossings import Crossing, moved
from collector.reports.encoders.base import Alarm, Draft, Due, Encoder, Gateway
from collector.reports.encoders.limits import reported_limits
from collector.reports.encoders.static_tables import lacking
from collector.reports.frames import tables
from collector.reports.gateways import Gateways, Key, heard
from collector.reports.memory import Said
from collector.reports.names import free_name
from collector.reports.queue import PART, ReportQueue
from collector.reports.rows import DueEvent, DueRow
from collector.reports.selection import Selection
from collector.reports.settings import TargetSettings
from profiles.load import Library
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)
REMEMBERED = 10_000
"""Things said once that are remembered."""
PATIENCE = 5_000
"""Ms after a period's end that its last readings have for their way here."""
LOOK_AGAIN = 60_000
"""Ms after which definitions are looked at though no manifest has changed: they are due again every so often."""


class Packer:
    """Packs for one target."""

    def __init__(
        self, target: TargetSettings, selection: Selection, queue: ReportQueue, directory: Directory, library: Library,
        encoders: Mapping[str, type[Encoder]], orders: Mapping[str, MineOrder], duty: DutyBook,
    ) -> None:  # fmt: skip
        self._target, self._encoding, self._tables = target.name, target.encoding, tables(target.frame)
        self._selection, self._queue, self._directory, self._library = selection, queue, directory, library
        self._orders, self._duty = orders, duty
        self._gateways = Gateways(target.family, selection, directory, library, encoders)
        self._last: dict[str, tuple[int, str]] = {}
        """Point → time and quality of its newest reading; as many as the agents' manifests have points."""
        self._down_said: dict[Key, int] = {}
        self._beaten: dict[Key, int] = {}
        """Gateway → when it said last that it runs (ms)."""
        self._ticked: dict[tuple[Key, int], int] = {}
        """Gateway and length of a period → the end of the last one (ms)."""
        self._defined = (-1, 0)
        """Which version of the directory was defined last, and when (ms)."""
        self._stated: dict[Key, tuple[Sequence[Place], Mapping[str, Record | None]]] = {}
        """Gateway → the points whose definitions were looked at last, and the stops of them."""
        self._told: set[str] = set()
        self._attempts = Attempts()
        self._looked = (-1, -1)
        """At which transitions, and by which version of the directory, was looked last."""

    def pack(self, now: int, online: set[str]) -> int:
        """Pack what is ready at `now` (ms UTC); how many packets were made. `online`: agents that are connected."""
        if len(self._told) > REMEMBERED:
            self._told.clear()
        gateways = self._gateways.all()
        made = self._define(now, gateways)  # first: what is told of a point may need it
        made += self._events(now)
        packed, drafted = self._due(now)
        made += drafted
        made += self._whole(now, online, gateways, packed)
        return made + self._down(now, online, gateways) + self._beat(now, online, gateways)

    def _events(self, now: int) -> int:
        """Pack the transitions; one that cannot be packed waits and holds up none behind it."""
        looked = self._queue.written, self._directory.version
        if looked == self._looked and not self._attempts.any_due(now):
            return 0
        self._looked = looked
        made = 0
        rows = self._queue.transitions(self._target)
        while rows:
            for row in rows:
                about = row.agent, row.id
                if self._attempts.due(about, now) and (place := self._place(row.point, agent=row.agent)) is not None:
                    step = partial(self._alarm, place, row)
                    made += self._kept(f"a transition of point {row.point}", about, now, step)
            rows = self._queue.transitions(self._target, after=rows[-1]) if len(rows) == PART else []
        return made

    def _due(self, now: int) -> tuple[set[tuple[int, Key]], int]:
        """Pack the readings; which periods of which gateways, and how many packets were made.

        Where some of a part wait, the next part is looked at too, so that they stand in the way of nothing older.
        """
        tried: set[tuple[int, Key]] = set()
        made, packed, before = 0, 0, now - PATIENCE
        while packed < PART:
            rows = self._queue.due(self._target, before)
            groups: dict[tuple[int, Key], list[tuple[DueRow, Place]]] = defaultdict(list)
            for row in rows:
                if (place := self._place(row.point, row.profile)) is not None:
                    groups[row.period, self._gateways.key(place, row.profile)].append((row, place))
            waiting = len(rows)
            for (period, key), found in sorted(groups.items(), key=lambda group: group[0]):
                if self._attempts.due((period, key), now):
                    step = partial(self._readings, key, period, found, now)
                    made += self._kept(_readings_of(key), (period, key), now, step)
                if self._attempts.due((period, key), now):
                    waiting -= len(found)
            tried |= groups.keys()
            packed += len(rows) - waiting
            if len(rows) < PART or not waiting:
                break
            before = rows[-1].period if rows[-1].period < rows[0].period else rows[-1].period - 1
        return tried, made

    def _readings(self, key: Key, period: int, found: Sequence[tuple[DueRow, Place]], now: int) -> int:
        gateway, encoder = self._gateway(key, found[0][1]), self._gateways.encoder(key.profile)
        carried = self._queue.carried(self._target, key.profile, key.code, period)
        due = [_due_of(row, place) for row, place in found if carried.get(row.point) != row.time]
        for row, _place in found:
            if row.time >= self._last.get(row.point, (0, ""))[0]:
                self._last[row.point] = row.time, row.quality
        late = bool(carried) or now - period > self._gateways.shape(key.profile).late_after * 1000
        drafts: list[Draft] = []
        if due:
            held = self._beside(key, period, {row.point for row, _place in found}, late=late)
            drafts = encoder.readings(gateway, period, due, resumed=late, held=held)
        self._tell_left_out(key, due, drafts)
        self._put(gateway, drafts, done=[row for row, _place in found], hold=encoder.whole, count=encoder.sums)
        return len(drafts)

    def _beside(self, key: Key, period: int, known: set[str], *, late: bool) -> list[Due]:
        """What a packet has beside what is due, by its family: see `Encoder.readings`."""
        encoder = self._gateways.encoder(key.profile)
        if encoder.whole:
            return [] if late else self._held(key, period, known)
        rows = self._queue.counted(self._target, key.profile, key.code, period) if encoder.sums else ()
        return self._placed(row for row in rows if row.point not in known)

    def _held(self, key: Key, end: int, known: set[str]) -> list[Due]:
        """The newest reading before `end` of every point of a gateway but those that are `known`."""
        rows = self._queue.held(self._target, key.profile, key.code)
        return self._placed(row for row in rows if row.point not in known and row.time < end)

    def _placed(self, rows: Iterable[DueRow]) -> list[Due]:
        """Rows of points that a manifest knows."""
        places = ((row, self._directory.find(row.point)) for row in rows)
        return [_due_of(row, place) for row, place in places if place is not None]

    def _tell_left_out(self, key: Key, due: Sequence[Due], drafts: Sequence[Draft]) -> None:
        if self._gateways.encoder(key.profile).whole:
            carried = {code for draft in drafts for code in draft.points}
            for each in due:
                code = each.place.point.code
                if code not in carried and code not in self._told:
                    log.warning("target %s: profile %s writes the point %s into no kind of file; it is stored, not "
                                "reported", self._target, key.profile, code)  # fmt: skip
                    self._told.add(code)

    def _whole(
        self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]], packed: set[tuple[int, Key]]
    ) -> int:
        """Packets that name every point are due at their interval, also when no point has a new reading."""
        made = 0
        for key, places in gateways.items():
            if not self._gateways.encoder(key.profile).whole:
                continue
            ends = set()
            for length in self._gateways.lengths(key):
                end = (now - PATIENCE) // length * length
                if self._ticked.setdefault((key, length), end) < end:
                    self._ticked[key, length] = end
                    ends.add(end)
            if heard(places, online):
                for end in sorted(ends):
                    if (end, key) not in packed:
                        step = partial(self._again, key, end, places[0])
                        made += self._kept(_readings_of(key), (end, key), now, step)
        return made

    def _again(self, key: Key, end: int, place: Place) -> int:
        gateway = self._gateway(key, place)
        drafts = self._gateways.encoder(key.profile).readings(
            gateway, end, [], resumed=False, held=self._held(key, end, set())
        )
        self._put(gateway, drafts)
        return len(drafts)

    def _define(self, now: int, gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Definitions are sent when they change, and again every so often."""
        version, at = self._defined
        if version == self._directory.version and now - at < LOOK_AGAIN:
            return 0
        self._defined = self._directory.version, now
        roster = self._duty.whole()
        return sum(
            self._kept(f"definitions of gateway {key.code}, profile {key.profile}", ("definitions", key), now,
                       partial(self._definitions, key, now, places, stops_of(places, roster, now)))
            for key, places in gateways.items()
        )  # fmt: skip

    def _definitions(self, key: Key, now: int, places: Sequence[Place], stops: Mapping[str, Record | None]) -> int:
        about = f"{key.profile}/{key.code}"
        last = self._queue.said(self._target, about)
        due = last is None or now - last.time >= self._gateways.shape(key.profile).statics * 1000
        stated, stopped = self._stated.get(key, ((), {}))
        if not due and _same(stated, places) and stopped == stops:
            return 0  # encoding all points of a county takes seconds
        gateway = replace(self._gateway(key, places[0]), stops=stops)
        encoder = self._gateways.encoder(key.profile)
        for text in lacking(gateway, places):
            if text not in self._told:
                log.warning("target %s: %s", self._target, text)
                self._told.add(text)
        content = b"".join(draft.body for draft in encoder.definitions(gateway, 0, places))
        digest = hashlib.sha256(content).hexdigest()
        self._stated[key] = places, stops
        if not content or (last is not None and last.digest == digest and not due):
            return 0
        drafts = encoder.definitions(gateway, now // 1000 * 1000, places)
        self._put(gateway, drafts, said=Said(about, digest, now))
        return len(drafts)

    def _alarm(self, place: Place, row: DueEvent) -> int:
        event = row.event()
        key = self._gateways.key(place, place.point.profile)
        profile = self._library[key.profile]
        gateway = self._gateway(key, place)
        if event.kind == "seal":
            drafts = self._gateways.encoder(key.profile).alarms(gateway, [Alarm(place, event, None, None)])
            self._put(gateway, drafts, events=[row])
            return len(drafts)
        code, quantity = place.point.code, profile.quantities[place.point.quantity]
        stated = reported_limits(place.spec, profile, quantity)
        crossings = moved(self._queue.crossings(self._target, code), event, stated)
        value = None if isinstance(event.value, str | None) else float(event.value)
        alarm = Alarm(place, event, value, event.limit, tuple(crossings))
        drafts = self._gateways.encoder(key.profile).alarms(gateway, [alarm])
        self._put(gateway, drafts, events=[row], crossings={code: crossings})
        return len(drafts)

    def _kept(self, what: str, about: Hashable, now: int, step: Callable[[], int]) -> int:
        """A defect of ours costs what it happened to alone (I6): that is kept, said once, and tried again later."""
        try:
            made = step()
        except (sqlite3.Error, OSError):
            raise
        except Exception as err:  # see above
            if what not in self._told:
                log.error("target %s: %s cannot be encoded; they are kept", self._target, what, exc_info=err)
                self._told.add(what)
            self._attempts.failed(about, now)
            return 0
        self._attempts.done(about)
        return made

    def _down(self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Gateways that are connected and reach none of their devices say so, again and again."""
        made = 0
        for key, found in gateways.items():
            if any(self._last.get(place.point.code, (0, BAD_LINK))[1] != BAD_LINK for place in found):
                self._down_said.pop(key, None)
                continue
            places = [place for place in found if place.point.code in self._last]
            if not places or not heard(places, online):
                continue  # nobody knows: the agent itself cannot be heard
            if now - self._down_said.get(key, 0) >= 1000 * self._gateways.shape(key.profile).source_down:
                self._down_said[key] = now
                gateway = self._gateway(key, places[0])
                due = [Due(place, now, None, None, BAD_LINK) for place in places]
                drafts = self._gateways.encoder(key.profile).source_down(gateway, now // 1000 * 1000, due)
                self._put(gateway, drafts)
                made += len(drafts)
        return made

    def _beat(self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Gateways that are connected say at their interval that they run, once something was heard of their points."""
        made = 0
        for key, found in gateways.items():
            interval = self._gateways.shape(key.profile).heartbeat
            if interval is None or now - self._beaten.get(key, 0) < 1000 * interval:
                continue
            places = [place for place in found if place.point.code in self._last and heard([place], online)]
            if places:
                self._beaten[key] = now
                step = partial(self._heartbeat, key, now, places)
                made += self._kept(f"heartbeats of gateway {key.code}", ("heartbeat", key), now, step)
        return made

    def _heartbeat(self, key: Key, now: int, places: Sequence[Place]) -> int:
        gateway = self._gateway(key, places[0])
        newest = ((place, *self._last[place.point.code]) for place in places)
        due = [Due(place, time, None, None, quality) for place, time, quality in newest]
        drafts = self._gateways.encoder(key.profile).heartbeat(gateway, now // 1000 * 1000, due)
        self._put(gateway, drafts)
        return len(drafts)

    def _put(
        self, gateway: Gateway, drafts: Sequence[Draft], *, done: Sequence[DueRow] = (),
        events: Iterable[DueEvent] = (), hold: bool = False, count: bool = False,
        crossings: Mapping[str, Iterable[Crossing]] | None = None, said: Said | None = None,
    ) -> None:  # fmt: skip
        profile = gateway.profile
        named = [
            replace(
                draft, name=free_name(profile, draft.name, partial(self._queue.has_name, self._target, but=draft.id))
            )
            for draft in drafts
        ]
        self._queue.put(
            self._target, gateway.code, profile.profile, profile.version, named, done=done, events=events,
            hold=hold, count=count, crossings=crossings or {}, said=said,
        )  # fmt: skip

    def _gateway(self, key: Key, place: Place) -> Gateway:
        site, order = place.site, self._orders.get(key.site)
        return Gateway(
            self._library[key.profile], key.site, key.code, site.name, self._encoding, self._tables,
            industry=site.industry, order=order,
        )  # fmt: skip

    def _place(self, code: str, profile: str = "", agent: str = "") -> Place | None:
        """A point, or an agent's camera, that a manifest knows, of a profile still reported; any other waits."""
        place = self._directory.find(code) or self._directory.camera(agent, code)
        if place is not None and (profile or place.point.profile) in self._selection.periods:
            return place
        if code not in self._told:
            why = "no agent's manifest has the point" if place is None else "its profile is not reported (any more):"
            log.warning("target %s: %s %s; its readings and alarms wait", self._target, why, code)
            self._told.add(code)
        return None


def _same(some: Sequence[Place], others: Sequence[Place]) -> bool:
    """Whether these are the very places: a manifest that changed has new ones."""
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def _readings_of(key: Key) -> str:
    return f"readings of gateway {key.code}, profile {key.profile}"


def _due_of(row: DueRow, place: Place) -> Due:
    return Due(place, row.time, row.value, row.text, row.quality)
