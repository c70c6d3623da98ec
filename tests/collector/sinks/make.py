"""Records and events as the normaliser makes them."""

from __future__ import annotations

from typing import Any

from collector.normalise.lines import reading_prefix
from collector.sinks.base import EventRecord, Record, Series
from profiles.wire.messages import Event

NOW = 1_760_000_000_000
"""ms UTC; the tests' present."""


def series(point: str, site: str = "110110001") -> Series:
    """A tank's level."""
    parts = ("hazchem-storage", site, "110110", f"{site}G001", point, "YW")
    return Series(*parts, prefix=reading_prefix(*parts))


def record(point: str, ms: int, value: float | None = None, era: int = 0, **rest: Any) -> Record:
    """A record at `ms`."""
    chosen: dict[str, Any] = {"text": None, "flag": None, "quality": "good"} | rest
    return Record(series(point), ms * 1_000_000 + era, value, **chosen)


def ramp(point: str, count: int, start: int = NOW) -> list[Record]:
    """A value a second."""
    return [record(point, start + 1000 * at, at / 7) for at in range(count)]


def event(name: str, state: Any, ms: int, seq: int = 1, level: Any = "H", **rest: Any) -> EventRecord:
    """An event of the alarm ``A1``, which was raised at NOW."""
    happened = Event(
        id=name, alarm="A1", kind="limit", level=level, state=state, time=ms, since=NOW, tag="level", **rest
    )
    return EventRecord(happened, "plant-a", era=0, seq=seq, site="110110001", region="110110", point="P1")
