"""Due readings and transitions to packets: grouped by gateway and period, live while they are fresh, resumed after.

Source: specification notes, 1.9: what is grouped, and a packet a minute while the gateway reaches no device.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from collector.directory import Directory, Place
from collector.reports.encoders.base import Alarm, Draft, Due, Encoder, Gateway
from collector.reports.queue import ReportQueue
from collector.reports.rows import DueRow
from profiles.judge import tag_conversion
from profiles.load import Library
from profiles.model import Profile
from profiles.units import UnitError
from profiles.wire.messages import Event, Value
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)
REMEMBERED = 10_000
"""Things said once that are remembered."""
PATIENCE = 5_000
"""Ms after a period's end that its last readings have for their way here."""


class Packer:
    """Packs for one target."""

    def __init__(
        self, target: str, queue: ReportQueue, directory: Directory, library: Library,
        encoders: Mapping[str, type[Encoder]],
    ) -> None:  # fmt: skip
        self._target, self._queue, self._directory, self._library = target, queue, directory, library
        self._encoders = encoders
        self._last: dict[str, tuple[int, str]] = {}
        """Point → time and quality of its newest reading; as many as the agents' manifests have points."""
        self._down_said: dict[Gateway | str, int] = {}
        self._told: set[str] = set()

    def pack(self, now: int, online: set[str]) -> int:
        """Pack what is ready at `now` (ms UTC); how many packets were made. `online`: agents that are connected."""
        if len(self._told) > REMEMBERED:
            self._told.clear()
        made = self._alarms(self._queue.transitions(self._target))
        rows = self._queue.due(self._target, now - PATIENCE)
        groups: dict[tuple[str, str, str, int], list[tuple[DueRow, Place]]] = defaultdict(list)
        for row in rows:
            if (place := self._place(row.point)) is not None:
                groups[row.profile, place.site.code, place.site.gateway, row.period].append((row, place))
        for (profile, site, code, period), found in groups.items():
            gateway = Gateway(self._library[profile], site, code)
            try:
                made += self._readings(gateway, period, found, now)
            except (sqlite3.Error, OSError):
                raise
            except Exception as err:  # noqa: BLE001  # a defect of ours costs these readings alone (I6); they are kept
                self._say_defect(f"readings of gateway {code}, profile {profile}", err)
        return made + self._down(now, online)

    def _readings(self, gateway: Gateway, period: int, found: Sequence[tuple[DueRow, Place]], now: int) -> int:
        shape = gateway.profile.report
        assert shape is not None  # noqa: S101  # targets select reported profiles only
        carried = self._queue.carried(self._target, gateway.code, period)
        due = [_due(row, place) for row, place in found if carried.get(row.point) != row.time]
        for row, _place in found:
            if row.time >= self._last.get(row.point, (0, ""))[0]:
                self._last[row.point] = row.time, row.quality
        late = bool(carried) or now - period > shape.late_after * 1000
        drafts = self._encoder(gateway).readings(gateway, period, due, resumed=late) if due else []
        self._put(gateway, drafts, done=[row for row, _place in found])
        return len(drafts)

    def _alarms(self, transitions: Iterable[tuple[str, Event]]) -> int:
        made = 0
        for code, event in transitions:
            if (place := self._place(code)) is None:
                continue
            try:
                made += self._alarm(place, event)
            except (sqlite3.Error, OSError):
                raise
            except Exception as err:  # noqa: BLE001  # a defect of ours costs this transition alone (I6); it is kept
                self._say_defect(f"a transition of point {code}", err)
        return made

    def _alarm(self, place: Place, event: Event) -> int:
        profile = self._library[place.point.profile]
        gateway = Gateway(profile, place.site.code, place.site.gateway)
        value, limit = (_converted(each, place, profile) for each in (event.value, event.limit))
        drafts = self._encoder(gateway).alarms(gateway, [Alarm(place, event, value, limit)])
        self._put(gateway, drafts, events=[event])
        return len(drafts)

    def _say_defect(self, what: str, err: Exception) -> None:
        if what not in self._told:
            log.error("target %s: %s cannot be encoded; they are kept", self._target, what, exc_info=err)
            self._told.add(what)

    def _down(self, now: int, online: set[str]) -> int:
        """Gateways that are connected and reach none of their devices say so, again and again."""
        made = 0
        points: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
        for place in self._directory.places():
            if place.point.code in self._last:
                points[place.point.profile, place.site.code, place.site.gateway].append(place)
        for (name, site, code), places in points.items():
            if any(self._last[place.point.code][1] != BAD_LINK for place in places):
                self._down_said.pop(f"{name}/{code}", None)
                continue
            if not any(place.agent in online for place in places):
                continue  # nobody knows: the agent itself cannot be heard
            gateway = Gateway(self._library[name], site, code)
            every = 1000 * (gateway.profile.report.source_down if gateway.profile.report else 60)
            said = self._down_said.get(f"{name}/{code}", 0)
            if now - said >= every:
                self._down_said[f"{name}/{code}"] = now
                due = [Due(place, now, None, None, BAD_LINK) for place in places]
                drafts = self._encoder(gateway).source_down(gateway, now // 1000 * 1000, due)
                self._put(gateway, drafts)
                made += len(drafts)
        return made

    def _put(
        self, gateway: Gateway, drafts: Sequence[Draft], *, done: Iterable[DueRow] = (), events: Iterable[Event] = ()
    ) -> None:
        profile = gateway.profile
        self._queue.put(
            self._target, gateway.code, profile.profile, profile.version, drafts, done=done, events=events
        )  # fmt: skip

    def _encoder(self, gateway: Gateway) -> type[Encoder]:
        assert gateway.profile.report is not None  # noqa: S101  # targets select reported profiles only
        return self._encoders[gateway.profile.report.family]

    def _place(self, code: str) -> Place | None:
        """A point that a manifest knows; one that none knows yet waits."""
        place = self._directory.get(code)
        if place is None and code not in self._told:
            log.warning("target %s: no agent's manifest has the point %s; its readings wait", self._target, code)
            self._told.add(code)
        return place


def _due(row: DueRow, place: Place) -> Due:
    return Due(place, row.time, row.value, row.text, row.quality)


def _converted(value: Value, place: Place, profile: Profile) -> float | None:
    """From the tag's unit to the profile's; a switch's position as 1 or 0."""
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        return None
    try:
        factor, offset = tag_conversion(place.spec, profile, profile.quantities[place.point.quantity])
    except (UnitError, KeyError):
        return float(value)
    return value * factor + offset
