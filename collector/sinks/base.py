"""What a sink is: a durable destination that takes normalised batches and may be asked to write them twice.

A sink is a folder here, registered by the entry point group ``collector.sinks``, and is supported once the
conformance test (tests/collector/sinks/) shows: SIGKILL after its answer loses nothing, refused lines are reported,
every field type reads back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from config.model import Settings
from profiles.conversions import Converter
from profiles.units import SAME
from profiles.wire.messages import Event

ENTRY_POINTS = "collector.sinks"


@dataclass(frozen=True, slots=True)
class Series:
    """Where a point's values are stored: the tags of the measurement ``reading``; one object a point and manifest."""

    profile: str
    site: str
    region: str
    asset: str
    point: str
    quantity: str
    prefix: str
    """``reading,profile=…,site=…,…`` in line protocol, escaped, computed once a manifest."""
    personal: bool = False
    """Whether its texts are encrypted files that tell of persons: no store of readings gets them."""


class Record(NamedTuple):
    """A normalised sample. `time` is ns since 1970 UTC: the event time in ms, and the era below the millisecond.

    `value`, `text` and `flag` are the measurement's three fields; a tag's type says which may be set, for ever. A
    number beyond 2^53 has its exact digits in `text` beside `value`. All three are None for a bad null.
    """

    series: Series
    time: int
    value: float | None
    text: str | None
    flag: bool | None
    quality: str


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with the place it belongs to; `era` and `seq` order it among its alarm's events.

    Its numbers are in the tag's unit, as the agent judged them; `converter` leads to the profile's, by the manifest
    that the event refers to.
    """

    event: Event
    agent: str
    era: int
    seq: int
    site: str
    region: str
    profile: str = ""
    asset: str = ""
    point: str = ""
    quantity: str = ""
    converter: Converter = SAME
    position: str = ""
    """Of a seal's camera or contact: the position of the profile that it watches, or is at (P06)."""

    def in_profiles_unit(self) -> Event:
        """The event with value and limit in the profile's unit; what the conversion makes infinite is left out."""
        value, limit = self.event.value, self.event.limit
        if self.event.kind != "limit":
            return self.event
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = self._converted(value)
        return msgspec.structs.replace(
            self.event, value=value, limit=None if limit is None else self._converted(limit)
        )  # fmt: skip

    def _converted(self, number: float) -> float | None:
        found = number if self.converter.same else self.converter.of(number)
        return found if math.isfinite(found) else None


@dataclass(frozen=True, slots=True)
class Fact:
    """What the collector worked out itself: an alarm's life, a day's compliance, a link, a gateway.

    `tags` hold bounded identifiers (an empty one is left out); a field keeps its type for ever, and numbers are finite.
    `time` is ns since 1970 UTC. Measurement, tags and time name the fact: writing it again replaces the fields that it
    has and leaves the others, in every store.
    """

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float | int | str | bool]
    time: int
    passing: bool = False
    """Whether it tells how something is at that moment alone, so that a store's `keep` may delete it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the readings of one series lie within a span; times in ms since 1970 UTC, from `reach` before the span on.

    `gaps`: (from, to) of readings in succession that lie further apart than was asked for, the oldest first.
    """

    profile: str
    site: str
    region: str
    asset: str
    point: str
    quantity: str
    readings: int
    """Those within the span itself."""
    first: int
    last: int
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked of `Sink.coverage`: start <= time < end, and `reach` before the start, all in ms."""

    start: int
    end: int
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that this sink can never store, and its own words why; its neighbours are stored."""

    index: int
    reason: str


class SinkUnavailable(Exception):  # noqa: N818  # it names a state that ends, not a fault of the data
    """The store cannot take data now (down, full, wrong token, bucket missing): wait and try again."""


class Destination(Protocol):
    """What must hold a batch before it is acknowledged. Calls block; each has a thread of its own, one at a time."""

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        """Store a batch; on return it survives a kill or a power cut. Twice is the same as once.

        Returns the records (by index) that can never be stored. Raises SinkUnavailable when the batch must come again.
        """

    def close(self) -> None:
        """Release files and connections."""


class Sink(Destination, Protocol):
    """A store of records, events and facts."""

    name: ClassVar[str]
    settings_model: ClassVar[type[Settings]]

    def __init__(self, settings: Any) -> None: ...

    def write_facts(self, facts: Sequence[Fact]) -> list[Refusal]:
        """Store facts, as `write` stores records: durable on return, refusals by index, SinkUnavailable to wait."""

    def latest(self, site: str | None = None) -> list[dict[str, Any]]:
        """The newest record of each point: profile, site, region, asset, point, quantity, time (ms), value, quality."""

    def history(self, point: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Records of one point with start <= time < end (ms since 1970 UTC), oldest first, at most `limit`."""

    def means(self, point: str, start: int, end: int, step: int) -> list[tuple[int, float]]:
        """(beginning, mean) of a point's good numbers in each `step` ms, oldest first; a step without any is left out.

        `start` and `end` in ms since 1970 UTC, multiples of `step`.
        """

    def coverage(self, span: Span, longer: int, *, valid: bool, sites: Sequence[str]) -> list[Coverage]:
        """How the readings of each series of some sites lie in a span, by point; counted in the store, not read out.

        `longer`: the gaps that are told, those of more ms than this. `valid`: only readings that are not bad. A series
        without any is not among them. However many sites: it costs a fixed number of questions.
        """

    def probe(self) -> str:
        """Write something, read it back and take it away again, for `doctor`; what was done, in words.

        Nothing is left behind. SinkUnavailable says what does not work.
        """


def sinks() -> dict[str, type[Sink]]:
    """The installed kinds of sink by name."""
    return {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}
