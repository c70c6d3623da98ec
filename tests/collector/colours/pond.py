"""A tailings pond whose points' colours a test sends, as an agent would, with a book and a ledger on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.colours.ledger import ColourLedger, Told
from collector.sinks.base import EventRecord
from profiles.load import library
from profiles.wire.messages import Event, EventState, Level
from tests.collector.alarms.make import NOW, settings

SITE, REGION = "429021001003", "429021"


def code(point: str) -> str:
    """Of a point such as ``JRX1``: its own part of the code is its name."""
    return f"{SITE}01MN9103{point}"


def colour(
    point: str, level: Level | None, minute: int, *, since: int = 0, was: Level = "BLUE", era: int = 0, profile: str =
    "tailings", alarm: str = "", start: int = NOW,
) -> EventRecord:  # fmt: skip
    """A point such as ``JRX1`` takes a colour, or loses it: `minute` and `since` count from `start`."""
    state: EventState = "cleared" if level is None else "raised" if minute == since else "changed"
    quantity = point.rstrip("0123456789")
    told = Event(
        id=f"{point}-{alarm}-{era}-{minute}-{level}", alarm=alarm or f"{point}-{since}", kind="limit",
        level=level or was, state=state, time=start + minute * 60_000, since=start + since * 60_000, tag=point,
    )  # fmt: skip
    return EventRecord(told, "pond-1", era, 1, SITE, REGION, profile, SITE, code(point), quantity)


class Pond:
    """An open book with its ledger."""

    def __init__(self, folder: Path, sinks: Sequence[str] = ("shelf-0",)) -> None:
        self.file = AlarmFile(folder)
        self.book = AlarmBook(self.file, settings())
        self.ledger = ColourLedger(self.file, library(), sinks)

    def take(self, *events: EventRecord) -> None:
        """Events come, and the colours are worked out."""
        self.book.write([], events)
        self.ledger.recount()

    def told(self, quantity: str = "") -> list[tuple[int, str]]:
        """The course in a store that has all of it: minute and colour of the site, or of an item."""
        newest = {each.time: each.colour for each in self.due() if each.quantity == quantity}
        return [((time - NOW) // 60_000, its) for time, its in sorted(newest.items())]

    def due(self, sink: str = "shelf-0") -> list[Told]:
        return self.ledger.due(sink)

    def now(self, quantity: str = "") -> tuple[str | None, str]:
        """Colour and reason."""
        found = self.ledger.now(SITE, "tailings").get(quantity)
        return (found.colour, found.why) if found else (None, "")


@contextmanager
def pond(folder: Path) -> Iterator[Pond]:
    """Each use is as after a restart."""
    made = Pond(folder)
    try:
        yield made
    finally:
        made.book.close()
