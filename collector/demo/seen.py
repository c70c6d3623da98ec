"""What the demo shows and counts of the store and the alarm book, whatever the store is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collector.alarms.book import AlarmBook
from collector.demo.count import by_tag
from collector.settings import CollectorSettings
from collector.sinks.base import Sink, sinks
from profiles.wire.messages import Value

KINDS = ("limit", "link")
"""Of alarms, those that the instruments bring about."""
ALL = 10**12


def store_of(settings: CollectorSettings) -> Sink:
    """The one store of the settings, to be read beside the collector; whoever opens it closes it."""
    [sink] = settings.sinks
    made: Sink = sinks()[sink.type](sink)
    return made


def values(store: Sink, tags: Mapping[str, str]) -> Iterable[tuple[str, Value]]:
    """Every value that is stored, as (tag, value); `tags`: point code → tag. SinkUnavailable."""
    return by_tag((row for point in tags for row in store.history(point, 0, ALL * 10, ALL)), tags)


def alarms(book: AlarmBook) -> list[dict[str, Any]]:
    """Of limits and links, one for each that stood, the gravest first; how often it was raised is its `count`."""
    return [
        {
            "state": life.condition, "since": life.raised, "level": life.last.level, "source": life.place.source,
            "kind": life.place.kind, "value": life.last.value, "text": life.last.text, "count": life.count,
        }
        for life in book.lives(limit=ALL) if life.place.kind in KINDS
    ]  # fmt: skip
