"""What an operator found and did about an alarm of a seal (电子封条), on its way from the alarm book to the reports.

It stands in the alarms' file, in the transaction of the act, until the report queue has it: the two are different
files, and the command that handles an alarm works beside the running collector. Source: notes on mines, 5.6 and 5.7.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec import Struct

PART = 500
"""Handlings that are passed on at a time."""


class Handled(Struct, frozen=True, kw_only=True):
    """One alarm of an agent, as it was handled: `by` whom, `at` when (ms UTC), what was found, what was done."""

    agent: str
    alarm: str
    profile: str
    point: str
    """Code of the camera or terminal."""
    site: str
    region: str
    at: int
    by: str
    finding: str
    note: str
    code: str = ""
    """Of the event, such as belt_run; an earlier version did not keep it."""


def note(db: sqlite3.Connection, handled: Sequence[Handled]) -> None:
    """Keep them until they are passed on; within the caller's transaction."""
    db.executemany("INSERT INTO handled (body) VALUES (?)", [(msgspec.json.encode(each),) for each in handled])


def due(db: sqlite3.Connection) -> list[tuple[int, Handled]]:
    """The oldest that were not passed on yet, by number."""
    rows = db.execute("SELECT id, body FROM handled ORDER BY id LIMIT ?", (PART,)).fetchall()
    return [(number, msgspec.json.decode(body, type=Handled)) for number, body in rows]


def passed_on(db: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Forget them; within the caller's transaction."""
    db.executemany("DELETE FROM handled WHERE id = ?", [(number,) for number in numbers])
