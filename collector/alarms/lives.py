"""What a life is, and the rules by which it follows from its alarms: pure, and the same whatever the order of events.

An agent's alarm is the fold of its events: the last one by (era, time, seq, id) tells whether it stands. Alarms of one
source whose spans lie close to each other are one life. Each rule only ever joins more when more is known, never less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from collector.sinks.base import EventRecord
from profiles.linkage import FEED
from profiles.textfile.abnormal import CODES
from profiles.wire.messages import Event, Level, Value

SEVERITY: dict[Level, int] = {
    "HH": 4, "LL": 4, "RED": 4,
    "H": 3, "L": 3, "SIG": 3, "ORANGE": 3,
    "YELLOW": 2, "FAULT": 2, "WARN": 2,
    "BLUE": 1, "INFO": 1,
}  # fmt: skip
"""The order of the levels on the wire, 4 the gravest; our own, since the specifications do not compare them."""
_SIDES: dict[Level, str] = {
    "HH": "high", "H": "high", "LL": "low", "L": "low", "SIG": "switch",
    "RED": "colour", "ORANGE": "colour", "YELLOW": "colour", "BLUE": "colour",
}  # fmt: skip
"""One open alarm a tag and side (specification notes, 2.4), and of a seal one a camera and event; others have none."""
Condition = Literal["raised", "cleared"]
State = Literal["open", "acknowledged", "handled", "closed", "joined"]


class Place(Struct, frozen=True):
    """Where it happens: who says it, what of it, and its place in the specification."""

    agent: str
    kind: str
    source: str
    """Tag, device or camera; empty for the agent itself."""
    side: str
    """What of it can stand by itself: a side of a tag's limits, an event of a camera (belt_run)."""
    site: str
    region: str
    profile: str
    asset: str
    point: str
    quantity: str


class Last(Struct, frozen=True):
    """What the last event of an alarm says. `value` as on the wire, `limit` in its unit."""

    level: Level
    value: Value
    limit: float | None
    text: str
    place: Place
    position: str = ""
    """Of a seal's camera or contact: the position that it watches, or is at."""
    persons: float | int | bool | str = 1
    """Of a seal's event: how many people were seen."""
    contact: bool = False
    """Whether a seal's event is of a contact: its source is a tag, and no camera."""


class Deed(Struct, frozen=True):
    """An act of a person: who, when (ms UTC, collector's clock), in which words; what it covered."""

    by: str
    at: int
    note: str
    severity: int
    count: int
    finding: str = ""
    """What a check on site found, of an alarm of a seal: a word of its profile (false_alarm)."""
    cause: str = ""
    """Of what is noted as handled: why it came about."""


class Folded(Struct, frozen=True):
    """Alarms of a life that are counted and no longer kept one by one: raised between `first` and `last`, in ms."""

    count: int
    first: int
    last: int
    severity: int
    gravest: Level


class Life(Struct, frozen=True, kw_only=True):
    """The life of an alarm at the bureau. Times in ms since 1970 UTC: those of the condition are the agents'."""

    id: int
    name: str
    """The agent's id of the alarm that came first; with `stored`, its raise, it names the point in the stores."""
    stored: int
    known: int
    """When the collector heard of it, by its own clock."""
    place: Place
    raised: int
    until: int
    """The time of its last event."""
    condition: Condition
    last: Last
    severity: int
    """Of the gravest level that it ever had, `gravest`."""
    gravest: Level
    count: int
    """How often it was raised."""
    chattering: bool
    previous: int = 0
    """The life of the same source that was closed shortly before this one began, or 0."""
    joined: int = 0
    """The life that this one turned out to be a part of, or 0."""
    acknowledged: Deed | None = None
    handled: Deed | None = None
    closed: Deed | None = None
    folded: Folded | None = None
    version: int = 0

    @property
    def state(self) -> State:
        """How far the people are. A graver level is to be acknowledged anew; a new raise is to be handled anew."""
        if self.joined:
            return "joined"
        if self.closed is not None:
            return "closed"
        if self.acknowledged is None or self.severity > self.acknowledged.severity:
            return "open"
        if self.handled is None or self.count > self.handled.count or self.severity > self.handled.severity:
            return "acknowledged"
        return "handled"

    @property
    def cleared(self) -> int:
        """When the condition cleared; 0 while it stands."""
        return self.until if self.condition == "cleared" else 0


class Alarm(NamedTuple):
    """An agent's alarm as far as it is known; the columns of its row. `since` and `until`: its first and last ms."""

    agent: str
    alarm: str
    source: str
    life: int | None
    since: int
    until: int
    severity: int
    gravest: Level
    era: int
    time: int
    seq: int
    event: str
    standing: bool
    body: str


def first_seen(record: EventRecord) -> Alarm:
    """The alarm as one event alone tells it."""
    event = record.event
    source = event.tag or event.device or event.camera or ""
    side = side_of(event.kind, event.level, event.code)
    place = Place(
        record.agent, event.kind, source, side, record.site, record.region,
        record.profile, record.asset, record.point, record.quantity,
    )  # fmt: skip
    persons = event.facts.get("persons", 1)
    contact = event.kind == "seal" and event.tag is not None
    last = Last(event.level, event.value, event.limit, event.text, place, record.position, persons, contact)
    standing = event.state not in ("cleared", "noted")
    return Alarm(
        record.agent, event.alarm, source_of(record.agent, event.kind, source, side), None,
        min(event.since, event.time), max(event.since, event.time), SEVERITY[event.level], event.level,
        record.era, event.time, record.seq, event.id, standing, msgspec.json.encode(last).decode(),
    )  # fmt: skip


def told_again(alarm: Alarm, time: int) -> EventRecord:
    """The last event of an alarm of a seal as far as it is kept, as it would be told at `time` (ms): enough to judge it
    by another order, or by how long it stands.
    """
    last = msgspec.json.decode(alarm.body, type=Last)
    place = last.place
    event = Event(
        id=alarm.event, alarm=alarm.alarm, kind="seal", level=last.level, state="changed", time=time,
        since=alarm.since, tag=place.source if last.contact else None, camera=None if last.contact else place.source,
        text=last.text, code=place.side, facts={"persons": last.persons},
    )  # fmt: skip
    return EventRecord(
        event, alarm.agent, alarm.era, alarm.seq, place.site, place.region, place.profile, place.asset, place.point,
        place.quantity, position=last.position,
    )  # fmt: skip


def side_of(kind: str, level: Level, code: str = "") -> str:
    """Which of the alarms that a tag may have at a time an event is of."""
    if kind != "limit":
        return code
    beside = code == FEED or code in CODES
    return code if beside else _SIDES.get(level, "")  # any other code names what made the level, not the side


def source_of(agent: str, kind: str, source: str, side: str) -> str:
    """What alarms are of that may be one life."""
    return msgspec.json.encode([agent, kind, source, side]).decode()


def fold(known: Alarm, more: Alarm) -> Alarm:
    """Two tellings of one alarm: the later event tells its state; equal to `known` when nothing is new."""
    later = max(known, more, key=lambda alarm: (alarm.era, alarm.time, alarm.seq, alarm.event))
    graver = max(known, more, key=lambda alarm: (alarm.severity, alarm.gravest))
    earlier = known if later is more else more
    return later._replace(
        body=_placed(later, earlier), source=known.source, life=known.life, since=min(known.since, more.since),
        until=max(known.until, more.until), severity=graver.severity, gravest=graver.gravest,
    )  # fmt: skip


def _placed(later: Alarm, earlier: Alarm) -> str:
    """What the last event says; of a contact of a seal with the place of its raise, where it names none itself: the end
    of one that is no longer in the settings comes by a manifest that does not know it any more.
    """
    if later.standing or not earlier.standing:
        return later.body
    last, before = (msgspec.json.decode(each.body, type=Last) for each in (later, earlier))
    if not last.contact or last.place.profile or not before.place.profile:
        return later.body
    return msgspec.json.encode(msgspec.structs.replace(last, place=before.place, position=before.position)).decode()


class Span(NamedTuple):
    """An alarm as `groups` sees it: its name, the life it belongs to (None: none yet), its times in ms."""

    name: tuple[str, str]
    life: int | None
    since: int
    until: int
    ended: bool
    """Its life is closed: it counts as a raise, and joins nothing any more."""


class Group(NamedTuple):
    """Alarms that are one life."""

    spans: list[Span]
    chattering: bool


def groups(spans: Sequence[Span], rejoin: float, raises: int, within: float) -> list[Group]:
    """The spans of one source as lives.

    One life are the spans that were one before, those that begin at most `rejoin` ms after another's end, and more than
    `raises` raises within `within` ms; these are chattering.
    """
    ordered = sorted(spans, key=lambda span: (span.since, span.name))
    lives = _Joined(ordered)
    lives.join_those_of_one_life()
    lives.join_those_close_by(rejoin)
    noisy = lives.join_those_that_chatter(raises, within)
    found: dict[int, list[Span]] = {}
    for at, span in enumerate(ordered):
        if not span.ended:
            found.setdefault(lives.lead(at), []).append(span)
    marked = {lives.lead(at) for at in noisy}
    return [Group(together, lead in marked) for lead, together in found.items()]


class _Joined:
    """Which spans are one life: a union-find over them, in the order of their beginnings; an ended one stays alone."""

    def __init__(self, ordered: Sequence[Span]) -> None:
        self._spans = ordered
        self._leader = list(range(len(ordered)))

    def lead(self, at: int) -> int:
        while self._leader[at] != at:
            at = self._leader[at]
        return at

    def _join(self, one: int, other: int) -> None:
        self._leader[self.lead(other)] = self.lead(one)

    def join_those_of_one_life(self) -> None:
        first: dict[int, int] = {}
        for at, span in enumerate(self._spans):
            if span.life is not None and not span.ended:
                self._join(first.setdefault(span.life, at), at)

    def join_those_close_by(self, rejoin: float) -> None:
        reach: int | None = None  # the span that lasts longest so far
        for at, span in enumerate(self._spans):
            if span.ended:
                continue
            if reach is not None and span.since - self._spans[reach].until <= rejoin:
                self._join(reach, at)
            if reach is None or span.until > self._spans[reach].until:
                reach = at

    def join_those_that_chatter(self, raises: int, within: float) -> set[int]:
        noisy: set[int] = set()
        for at in range(raises, len(self._spans)):
            window = range(at - raises, at + 1)
            if self._spans[at].since - self._spans[at - raises].since <= within:
                alive = [each for each in window if not self._spans[each].ended]
                for each in alive:
                    self._join(alive[0], each)
                noisy.update(window)
        return noisy


def steps(before: Life | None, after: Life) -> list[str]:
    """What became of a life: the names of the changes, as the audit log and the messages have them."""
    if before is None:
        told = ["raised"]
    else:
        told = ["raised again"] if after.count > before.count else []
        if after.severity > before.severity:
            told.append("graver")
        elif after.last.level != before.last.level and after.condition == "raised":
            told.append("changed")
        if before.condition == "cleared" and after.condition == "raised" and not told:
            told.append("raised again")
        order = ("open", "acknowledged", "handled")
        if after.state in order and before.state in order and order.index(after.state) < order.index(before.state):
            told.append("reopened")
    if after.chattering and not (before and before.chattering):
        told.append("chattering")
    if after.condition == "cleared" and (before is None or before.condition == "raised" or after.count > before.count):
        told.append("cleared")
    return told
