"""A past period once more: packets that are kept wait again, and what none carries is due again, part by part.

Each part is a transaction of its own, so that the running collector's batches get their turn between two of them, and
a period of any length needs no more memory than a short one. Broken off it is simply run again: twice is once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from collector.reports.selection import Selection
from collector.reports.spans import Spans
from collector.sinks.base import EventRecord, Record

SECOND = 1000
"""Ms: a file's alarms have the second of the first of them."""


class Anew(Spans):
    """What the command line has reported again."""

    _selections: list[Selection]

    def _note(self, selection: Selection, records: Iterable[Record]) -> int:
        """The queue's own."""
        raise NotImplementedError

    def version(self) -> int:
        """Changes whenever another process has written the file, as `reports resend` does."""
        with self._lock:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def packets_again(self, target: str, start: int, end: int) -> int:
        """Have the accepted packets of a period (ms UTC) sent again, those of alarms too; how many."""
        with self._lock, self._db:
            return self._db.execute(
                "UPDATE packet SET state = 'waiting' WHERE target = ?1 AND state = 'accepted' AND (kind = 'alarm'"
                " AND time >= ?2 AND time < ?3 OR kind IN ('live', 'resumed') AND time > ?2 AND time <= ?3)",
                (target, start, end),
            ).rowcount

    def readings_again(self, target: str, records: Iterable[Record]) -> int:
        """Readings are due again; how many of them the target wants. Those in packets go only once."""
        try:
            with self._lock, self._db:
                return self._note(self._chosen(target), records)
        except sqlite3.Error:
            self._forget_noted()
            raise

    def events_again(self, target: str, events: Sequence[EventRecord]) -> int:
        """Transitions, in the order of their times, that no packet carries are due again; how many."""
        selection = self._chosen(target)
        wanted = [each for each in events if selection.wants_event(each)]
        if not wanted:
            return 0
        first, last = wanted[0].event.time - SECOND, wanted[-1].event.time + SECOND
        with self._lock, self._db:
            carried = {
                (point, at)
                for [points] in self._db.execute(
                    "SELECT points FROM packet WHERE target = ? AND time BETWEEN ? AND ? AND kind = 'alarm'",
                    (target, first, last),
                )
                for point, at in msgspec.json.decode(points, type=dict[str, int]).items()
            }
            missing = [each for each in wanted if (each.point, each.event.time) not in carried]
            self._transitions(selection, missing)
        return len(missing)

    def _transitions(self, selection: Selection, events: Iterable[EventRecord]) -> None:
        """Transitions that a target wants are due, within the caller's transaction; twice is once."""
        self._db.executemany(
            "INSERT INTO transition VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (selection.target, each.agent, each.event.id, each.profile, each.point, each.event.time,
                 msgspec.json.encode(each.in_profiles_unit()))
                for each in events
            ],
        )  # fmt: skip

    def _chosen(self, target: str) -> Selection:
        [selection] = [each for each in self._selections if each.target == target]
        return selection
