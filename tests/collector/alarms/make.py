"""Events as agents send them, and a book that can be closed and opened again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.alarms.book import AlarmBook, Listener
from collector.alarms.file import AlarmFile
from collector.alarms.lives import Life
from collector.alarms.settings import AlarmSettings, ChatterSettings
from collector.sinks.base import EventRecord
from profiles.wire.messages import Event, EventKind, EventState, Level

NOW = 1_760_000_000_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


def event(
    alarm: str, state: EventState, ms: int, *, since: int | None = None, level: Level = "H", tag: str = "level",
    seq: int = 1, era: int = 0, agent: str = "plant-a", kind: EventKind = "limit", site: str = "110110001",
    region: str = "110110", text: str = "", value: float = 4.5, limit: float = 4.0,
) -> EventRecord:  # fmt: skip
    """An event of an alarm of a tank's level, by default raised at its own time."""
    told = Event(
        id=f"{alarm}-{state}-{level}-{ms}", alarm=alarm, kind=kind, level=level, state=state, time=ms,
        since=ms if since is None else since, tag=tag, value=value, limit=limit, text=text,
    )  # fmt: skip
    return EventRecord(
        told, agent, era, seq, site, region, "hazchem-storage", f"{site}G0001", f"{site}G0001YW001", "YW"
    )


def life(alarm: str, start: int, end: int | None = None, **rest: Any) -> list[EventRecord]:
    """A raise, and a clearing where `end` says when."""
    told = [event(alarm, "raised", start, seq=1, **rest)]
    if end is not None:
        told.append(event(alarm, "cleared", end, since=start, seq=2, **rest))
    return told


def settings(raises: int = 3, **rest: Any) -> AlarmSettings:
    return AlarmSettings(chatter=ChatterSettings(raises=raises, within=3600.0), **rest)


@contextmanager
def book(
    folder: Path, chosen: AlarmSettings | None = None, sinks: Sequence[str] = (), listener: Listener | None = None
) -> Iterator[AlarmBook]:
    """An open book; each use is as after a restart."""
    made = AlarmBook(AlarmFile(folder), chosen or settings(), sinks, listener)
    try:
        yield made
    finally:
        made.close()


def told(lives: Sequence[Life]) -> set[tuple[Any, ...]]:
    """What the lives say, without what depends on when the collector heard of them."""
    return {
        (
            each.place, each.raised, each.until, each.condition, each.last, each.severity, each.gravest, each.count,
            each.chattering, each.state,
        )
        for each in lives
        if not each.joined
    }  # fmt: skip
