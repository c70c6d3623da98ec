"""What a profile says of files that tell of persons: which travel, for how long they are kept, what their fields are.

Source: specification notes on mines, 2.1, 2.3 and 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings
from config.nodes import KeyPath
from profiles.stated import Stated


class PersonFields(Settings):
    """Which fields of the snapshot hold what of a person."""

    card: str
    name: str
    since: str
    """When the person went down."""
    until: str
    """When the person came out; empty underground."""
    area: str
    entered: str | None = None
    """Since when the person is in that area."""
    station: str
    seen: str
    """Since when the person is at that station."""
    help: str


class NameTable(Settings):
    """In which kind the names of areas (or stations) stand beside their codes."""

    kind: str
    code: str
    name: str


class WorkTable(Settings):
    """In which kind a person's class of work (工种) stands beside the card."""

    kind: str
    card: str
    work: str


class People(Settings):
    """In which kind what is known of each person stands beside the card."""

    kind: str
    card: str
    identity: str
    team: str
    post: str


class Crowding(Settings):
    """Which kind tells of too many persons (超员), and what its fields hold."""

    kind: str
    area: str
    name: str
    approved: str
    present: str
    start: str


class PersonEvent(Settings):
    """When a single person is in an event of a kind (mines, 2.2)."""

    count: str | None = None
    """While this count of the snapshot (`counts`) counts the person: from the first snapshot that says so on or, of a
    count that is `longer`, from so long after its `since`."""
    restricted: bool = False
    """While the person is in an area that the site calls restricted, and is not on its list: from entering it on."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.count is None) != self.restricted:
            raise PydanticCustomError("event", "expected either count: NAME or restricted: true")
        return self


class PersonEvents(Stated):
    """Kinds that tell of events of single persons, which a gateway writes where the mine's own system does not; those
    that do not travel are not written.

    A record holds the snapshot's fields of the same names and the event's two ends.
    """

    kinds: dict[str, PersonEvent]
    starts: str
    """Field of its beginning."""
    ends: str
    """Field of its end, empty while it stands."""
    entered: str
    """Field of the snapshot: since when the person is in that area."""
    work: WorkTable


class PersonFiles(Stated):
    """Files that tell of persons; an agent sends them on only encrypted, and only with a key (mines, 2.4)."""

    kinds: tuple[str, ...]
    """Kinds that travel so."""
    keep: Duration
    """How long a collector keeps them."""
    snapshot: str
    """The kind that names everybody who is underground (its `count` says which records): who is not in it is not."""
    fields: PersonFields
    calls: tuple[str, ...] = ()
    """Texts of the field `help` by which a person calls for help; none: not known."""
    names: dict[Literal["area", "station"], NameTable] = Field(default_factory=dict)
    restricted: tuple[str, ...] = ()
    """Texts of the field `area` in which nobody may be; none: not known."""
    overtime: str | None = None
    """The count of the snapshot (`counts`) that counts who is below for too long."""
    people: People | None = None
    """Left out: of a person card and name alone are known."""
    crowding: Crowding | None = None
    events: PersonEvents | None = None
    """Left out: events of single persons are passed on where the mine writes them, and never written by us."""

    def wrong(self, kinds: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        """What contradicts the profile's kinds, with its place below this."""
        for word in self.kinds:
            if word not in kinds:
                yield ("kinds",), f"{word!r} is none of the kinds"
        if self.snapshot in kinds and kinds[self.snapshot].count is None:
            yield ("snapshot",), f"{self.snapshot} has no `count` that tells who is underground"
        yield from _lacking(("snapshot",), kinds, self.snapshot, [*self.fields.model_dump(exclude_none=True).values()])
        for word, table in self.names.items():
            yield from _lacking(("names", word), kinds, table.kind, [table.code, table.name])
        yield from self._wrong_more(kinds)
        if self.events is not None and self.snapshot in kinds:
            for path, message in self._wrong_events(self.events, kinds):
                yield ("events", *path), message

    def _wrong_more(self, kinds: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        for word, found in (("people", self.people), ("crowding", self.crowding)):
            if found is not None:
                yield from _lacking((word,), kinds, found.kind, [*found.model_dump(exclude={"kind"}).values()])
        if self.overtime is not None and self.snapshot in kinds:
            rule = kinds[self.snapshot].counts.get(self.overtime)
            if rule is None or rule.longer is None:
                yield ("overtime",), f"{self.overtime!r} is no count of {self.snapshot} that is longer than a time"

    def _wrong_events(self, events: PersonEvents, kinds: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        work, snapshot = events.work, kinds[self.snapshot]
        yield from _lacking(("entered",), kinds, self.snapshot, [events.entered])
        yield from _lacking(("work",), kinds, work.kind, [work.card, work.work])
        for word, event in events.kinds.items():
            at: KeyPath = ("kinds", word)
            yield from _lacking(at, kinds, word, [events.starts, events.ends, self.fields.card])
            fields = kinds[word].fields if word in kinds else ()
            for field in set(fields) - {events.starts, events.ends, *snapshot.fields}:
                yield at, f"{field!r} is none of the fields of {self.snapshot}, nor an end of the event"
            if event.count is not None and event.count not in snapshot.counts:
                yield at, f"{event.count!r} is none of the counts of {self.snapshot}"


def _lacking(at: KeyPath, kinds: Mapping[str, Any], kind: str, fields: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
    if kind not in kinds:
        yield at, f"{kind!r} is none of the kinds"
        return
    for field in fields:
        if field not in kinds[kind].fields:
            yield at, f"{field!r} is none of the fields of {kind}"
