"""What tells of persons reaches only who is named for it, and refusals are about the records that were meant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from collector.sinks.base import EventRecord, Record, Refusal, Series
from collector.writers import Writer
from profiles.wire.messages import Event
from tests.collector.persons.made import NOW, record

SERIES = Series("coal-safety", "s", "r", "a", "p", "0001", "x")
PLAIN = Record(SERIES, NOW, 1.0, None, None, "good")
EVENT = EventRecord(
    Event(id="e", alarm="e", kind="agent", level="INFO", state="noted", time=NOW, since=NOW), "a", 0, 1, "s", "r"
)


class Picky:
    """Refuses the second record and the event."""

    def __init__(self) -> None:
        self.seen: list[Record] = []

    def write(self, records: Sequence[Record], events: Sequence[EventRecord]) -> list[Refusal]:
        self.seen += records
        return [Refusal(1, "odd"), Refusal(len(records), "event")]

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("persons", "seen", "refused"), [(False, [PLAIN, PLAIN], [2, 4]), (True, None, [1, 4])]
)  # fmt: skip
async def test_only_a_destination_that_is_named_for_it_gets_what_tells_of_persons(
    persons: bool, seen: list[Record] | None, refused: list[int]
) -> None:
    sink = Picky()
    writer = Writer("picky", sink, persons=persons)
    records = [PLAIN, record("x"), PLAIN, record("y")]
    found = await writer.write(records, [EVENT], 1.0, asyncio.Event())
    assert found is not None
    assert [each.index for each in found] == refused
    assert sink.seen == (records if seen is None else seen)
    writer.close()
