"""Due readings and transitions to packets: grouped by gateway and period, live while they are fresh, resumed after.

Source: specification notes, 1.9: what is grouped; notes on mines, 1.3: files that name every point at their interval.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial

from collector.directory import Place
from collector.handled import Handled
from collector.reports.beginnings import Beginnings
from collector.reports.bench import Given
from collector.reports.crossings import Crossing, moved
from collector.reports.encoders.base import Alarm, Draft, Due, Gateway, by_hand
from collector.reports.encoders.limits import reported_limits
from collector.reports.gateways import Key, heard
from collector.reports.queue import PART
from collector.reports.retelling import standing
from collector.reports.rounds import Rounds
from collector.reports.rows import DueEvent, DueRow
from profiles.limits import SYSTEM
from profiles.textfile.written import told_beside
from profiles.wire.messages import Event

log = logging.getLogger(__name__)
REMEMBERED = 10_000
"""Things said once that are remembered."""
PATIENCE = 5_000
"""Ms after a period's end that its last readings have for their way here."""


class Packer(Rounds):
    """Packs for one target."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._crossed: dict[str, list[Crossing]] = {}
        """Point → the newest crossing of each of its limits, as the queue has it; of as many points."""
        self._ticked: dict[tuple[Key, int], int] = {}
        """Gateway and length of a period → the end of the last one (ms)."""
        self._beginnings = Beginnings()
        self._looked = (-1, -1, -1)
        """At which transitions, and by which versions of queue and directory, was looked last."""

    def pack(self, now: int, online: set[str]) -> int:
        """Pack what is ready at `now` (ms UTC); how many packets were made. `online`: agents that are connected."""
        if len(self._told) > REMEMBERED:
            self._told.clear()
        gateways = self._gateways.all()
        made = self._define(now, gateways)  # first: what is told of a point may need it
        made += self._events(now, gateways)
        made += self._handled(now)
        packed, drafted = self._due(now)
        made += drafted
        made += self._whole(now, online, gateways, packed)
        made += self._down(now, online, gateways) + self._watch_cameras(now, online, gateways)
        return made + self._beat(now, online, gateways)

    def _events(self, now: int, gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Pack the transitions; one that cannot be packed waits and holds up none behind it."""
        looked = self._queue.written, self._queue.version(), self._directory.version
        if looked == self._looked and not (self._attempts.any_due(now) or self._beginnings.any_due(now)):
            return 0
        self._looked = looked
        made = 0
        rows = self._queue.transitions(self._target)
        while rows:
            made += sum(self._together(found, now) for found in self._grouped(rows, now))
            rows = self._queue.transitions(self._target, after=rows[-1]) if len(rows) == PART else []
        return made + self._recount(now, gateways)

    def _grouped(self, rows: Sequence[DueEvent], now: int) -> Iterable[Sequence[tuple[Place, DueEvent]]]:
        """What is packed together: in families of whole files those of a gateway and second, each point once; of the
        others each transition by itself. A name of a file has seconds, and a file each would soon be far ahead of them.
        """
        groups: dict[Hashable, list[tuple[Place, DueEvent]]] = {}
        seen: Counter[Hashable] = Counter()
        waiting = Counter(row.point for row in rows)
        for row in rows:
            if not self._attempts.due((row.agent, row.id), now):
                continue
            if waiting[row.point] == 1 and self._beginnings.missing(row, partial(self._known, row.point), now):
                continue
            if (place := self._place(row.point, agent=row.agent, contact=row.contact)) is None:
                continue
            key, second = self._gateways.key(place, place.point.profile), row.time // 1000
            alone = None if self._gateways.encoder(key.profile).whole else row.id
            groups.setdefault((key, second, alone, seen[second, row.point]), []).append((place, row))
            seen[second, row.point] += 1
        return groups.values()

    def _known(self, point: str, event: Event) -> Iterable[Crossing]:
        return self._queue.crossings(self._target, _crossed_by(point, event)).values()

    def _together(self, found: Sequence[tuple[Place, DueEvent]], now: int) -> int:
        """Pack transitions together, and where that fails one by one, so that an odd one costs itself alone (I6)."""
        made, about = 0, tuple((row.agent, row.id) for _place, row in found)
        if len(found) > 1:
            if self._attempts.due(about, now):
                what = f"transitions of {len(found)} points at once, which are now packed one by one"
                made = self._kept(what, about, now, partial(self._alarms, found, now))
            if self._attempts.due(about, now):
                return made
        for each, (place, row) in zip(about, found, strict=True):
            step = partial(self._alarms, [(place, row)], now)
            made += self._kept(f"a transition of point {row.point}", each, now, step)
        return made

    def _handled(self, now: int) -> int:
        """Pack how alarms were handled; what cannot be packed waits, as transitions do."""
        made = 0
        for each in self._queue.handlings(self._target):
            about = "handled", each.agent, each.alarm, each.at
            if self._attempts.due(about, now) and (place := self._place(each.point, agent=each.agent)) is not None:
                step = partial(self._handling, place, each)
                made += self._kept(f"the handling of an alarm of {each.point}", about, now, step)
        return made

    def _handling(self, place: Place, handled: Handled) -> int:
        key = self._gateways.key(place, place.point.profile)
        gateway = self._gateway(key, place)
        drafts = self._gateways.encoder(key.profile).handled(gateway, handled)
        self._put(gateway, drafts, handled=[handled])
        return len(drafts)

    def _recount(self, now: int, gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Sum up anew the periods of which alarms came once they had been told."""
        made = 0
        keys = {(key.profile, key.code): key for key in gateways}
        for profile, code, period in self._queue.miscounted(self._target):
            if (key := keys.get((profile, code))) is not None and self._attempts.due((period, key), now):
                step = partial(self._sum_up, key, period, gateways[key][0])
                made += self._kept(_readings_of(key), (period, key), now, step)
        return made

    def _sum_up(self, key: Key, period: int, place: Place) -> int:
        gateway = self._gateway(key, place)
        drafts = self._summed(key, gateway, period, [], resumed=True)
        self._put(gateway, drafts, summed=period)
        return len(drafts)

    def _summed(self, key: Key, gateway: Gateway, period: int, due: Sequence[Due], *, resumed: bool) -> list[Draft]:
        """A period with what earlier packets of it carried of other points."""
        known = {each.place.point.code for each in due}
        before = self._queue.counted(self._target, key.profile, key.code, period)
        rest = self._placed(row for row in before if row.point not in known)
        alarms = self._queue.tallied(self._target, key.profile, key.code, period)
        return self._gateways.encoder(key.profile).sum_up(gateway, period, [*due, *rest], alarms, resumed=resumed)

    def _due(self, now: int) -> tuple[set[tuple[int, Key]], int]:
        """Pack the readings; which periods of which gateways, and how many packets were made.

        Where some of a part wait, the next part is looked at too, so that they stand in the way of nothing older.
        """
        tried: set[tuple[int, Key]] = set()
        settle = max((self._gateways.shape(profile).settle or 0.0 for profile in self._selection.periods), default=0.0)
        made, packed, before = 0, 0, now - max(PATIENCE, round(1000 * settle))
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
        due = [self._due_of(row, place) for row, place in found if carried.get(row.point) != row.time]
        for row, _place in found:
            if row.time >= self._last.get(row.point, (0, ""))[0]:
                self._last[row.point] = row.time, row.quality
        late = (
            bool(carried)
            or now - period > self._gateways.shape(key.profile).late_after * 1000
            or self._queue.newest(self._target, key.profile, key.code) > period
        )
        drafts: list[Draft] = []
        if due and encoder.sums:
            drafts = self._summed(key, gateway, period, due, resumed=late)
        elif due:
            known = {row.point for row, _place in found}
            held = self._held(key, period, known) if encoder.whole and not late else []
            for part, resumed in by_hand(due) if not encoder.whole else [(due, False)]:
                drafts += encoder.readings(gateway, period, part, resumed=late or resumed, held=held)
        self._tell_left_out(key, due, drafts)
        self._put(gateway, drafts, done=[row for row, _place in found], hold=encoder.whole, count=encoder.sums,
                  summed=period if due and encoder.sums else None)  # fmt: skip
        return len(drafts)

    def _held(self, key: Key, end: int, known: set[str]) -> list[Due]:
        """The newest reading before `end` of every point of a gateway but those that are `known`."""
        rows = self._queue.held(self._target, key.profile, key.code)
        return self._placed(row for row in rows if row.point not in known and row.time < end)

    def _placed(self, rows: Iterable[DueRow]) -> list[Due]:
        """Rows of points that a manifest knows."""
        places = ((row, self._directory.find(row.point)) for row in rows)
        return [self._due_of(row, place) for row, place in places if place is not None]

    def _tell_left_out(self, key: Key, due: Sequence[Due], drafts: Sequence[Draft]) -> None:
        if self._gateways.encoder(key.profile).whole:
            carried = {code for draft in drafts for code in draft.points}
            carried |= {each.place.point.code for each in due if self._is_told_otherwise(key.profile, each.place)}
            for each in due:
                code = each.place.point.code
                if code not in carried and code not in self._told:
                    log.warning("target %s: profile %s writes the point %s into no kind of file; it is stored, not "
                                "reported", self._target, key.profile, code)  # fmt: skip
                    self._told.add(code)

    def _is_told_otherwise(self, profile: str, place: Place) -> bool:
        """Whether a point stands beside another one, or each of its readings is told as an event."""
        files, told = self._library[profile].files, self._selection.told.get(profile, ())
        if files is not None and place.point.quantity in told_beside(files):
            return True
        return any(its.of == "readings" and its.points.match(place.point.code) for its in told)

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

    def _alarms(self, found: Sequence[tuple[Place, DueEvent]], now: int) -> int:
        """Pack transitions of one gateway, of each point one at most."""
        first = found[0][0]
        key = self._gateways.key(first, first.point.profile)
        gateway = self._gateway(key, first)
        alarms = [self._alarm(place, row.event()) for place, row in found]
        encoder = self._gateways.encoder(key.profile)
        drafts = encoder.alarms(gateway, alarms)
        crossings = {_crossed_by(each.place.point.code, each.event): each.crossings for each in alarms}
        stand = [
            again
            for (place, row), alarm in zip(found, alarms, strict=True)
            for again in standing(encoder, gateway, place, row.agent, alarm.event.tag or "", alarm.crossings, now)
        ]
        self._put(gateway, drafts, events=[row for _place, row in found], crossings=crossings, stand=stand)
        for each in alarms:
            self._crossed.pop(each.place.point.code, None)
        return len(drafts)

    def _alarm(self, place: Place, event: Event) -> Alarm:
        """A transition with what it crossed; an event of a seal has neither value nor limits."""
        if event.kind == "seal":
            return Alarm(place, event, None, None)
        profile = self._library[place.point.profile]
        stated = reported_limits(place.spec, profile, profile.quantities[place.point.quantity])
        crossings = moved(self._queue.crossings(self._target, _crossed_by(place.point.code, event)), event, stated)
        crossings = self._gateways.encoder(profile.profile).told(profile, place.point.code, crossings)
        value = None if isinstance(event.value, str | None) else float(event.value)
        return Alarm(place, event, value, event.limit, tuple(crossings))

    def _due_of(self, row: DueRow, place: Place) -> Due:
        """A reading, with the alarms of its point that stood then: a combined rule's do not follow from the value."""
        if (known := self._crossed.get(row.point)) is None:
            names = row.point, f"{row.point}/{SYSTEM}"
            known = [each for name in names for each in self._queue.crossings(self._target, name).values()]
            self._crossed[row.point] = known
        stood = frozenset(each.level for each in known if each.stood(row.time))
        return Due(place, row.time, row.value, row.text, row.quality, stood)


def _readings_of(key: Key) -> str:
    return f"readings of gateway {key.code}, profile {key.profile}"


def _crossed_by(point: str, event: Event) -> str:
    """Under which name a point's crossings are kept: an alarm that its own system tells ends none of the agent's."""
    return f"{point}/{SYSTEM}" if event.code == SYSTEM else point
