"""The queue of messages in the alarms' file: one row a life, step and receiver, kept as long as the life is.

`withdraw` and `put` run within the transaction of the change; a message is gone from the queue only once its receiver
has taken it, or it was given up. A kill between the two sends it again, never not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from collector.alarms.file import AlarmFile
from collector.alarms.lives import Life
from collector.alarms.rows import life_of
from collector.audit import COLLECTOR, Deed


class Notice(NamedTuple):
    """A message that is due; `wanted` first at that time (ms UTC), `tries` so far.

    `life` is as it was at the step; of an escalation, as it is.
    """

    id: int
    step: str
    wanted: int
    tries: int
    life: Life


def put(db: sqlite3.Connection, life: int, step: str, receiver: str, due: int, body: str) -> None:
    """Queue a message, unless this receiver has, or will have, the same one."""
    db.execute(
        "INSERT INTO notice (life, step, receiver, wanted, due, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (life, step, receiver, due, due, body),
    )


def withdraw(db: sqlite3.Connection, life: int) -> None:
    """A life is acknowledged (or closed, or a part of another): it escalates no further."""
    db.execute(
        "UPDATE notice SET state = 'withdrawn' WHERE life = ? AND state = 'waiting' AND step LIKE 'escalated %'",
        (life,),
    )


class Queue:
    """The queue as the senders see it."""

    def __init__(self, file: AlarmFile) -> None:
        self._file = file

    def next(self, receiver: str, now: int) -> Notice | None:
        """The message to a receiver that is due the longest."""
        with self._file.reading() as db:
            row = db.execute(
                "SELECT id, step, wanted, tries, body, life FROM notice"
                " WHERE receiver = ? AND state = 'waiting' AND due <= ? ORDER BY due, id LIMIT 1",
                (receiver, now),
            ).fetchone()
            if row is None:
                return None
            life = msgspec.json.decode(row[4], type=Life) if row[4] else life_of(db, row[5])
        return Notice(row[0], row[1], row[2], row[3], life)

    def sent(self, notice: Notice) -> None:
        """The receiver has taken it."""
        with self._file.transaction() as db:
            db.execute("UPDATE notice SET state = 'sent', error = '', tries = tries + 1 WHERE id = ?", (notice.id,))

    def failed(self, notice: Notice, error: str, due: int) -> None:
        """It was not taken: it is tried again at `due`."""
        with self._file.transaction() as db:
            db.execute("UPDATE notice SET tries = tries + 1, error = ?, due = ? WHERE id = ?", (error, due, notice.id))

    def given_up(self, notice: Notice, receiver: str, error: str) -> None:
        """It is tried no more, and the audit log says so."""
        with self._file.transaction() as db:
            db.execute(
                "UPDATE notice SET tries = tries + 1, error = ?, state = 'given up' WHERE id = ?", (error, notice.id)
            )
            about = {"step": notice.step, "receiver": receiver, "error": error, "tries": notice.tries + 1}
            self._file.log([Deed(COLLECTOR, "message given up", f"alarm {notice.life.id}", about)])

    def drop_unknown(self, receivers: Collection[str]) -> int:
        """Messages to receivers that the settings no longer have are given up; how many there were."""
        with self._file.transaction() as db:
            named = {row[0] for row in db.execute("SELECT DISTINCT receiver FROM notice WHERE state = 'waiting'")}
            return sum(
                db.execute(
                    "UPDATE notice SET state = 'given up', error = 'no receiver has this name any more'"
                    " WHERE state = 'waiting' AND receiver = ?",
                    (name,),
                ).rowcount
                for name in named - set(receivers)
            )

    def of_life(self, life: int) -> list[dict[str, object]]:
        """All messages of a life, for a list."""
        names = ("step", "receiver", "state", "due", "tries", "error")
        with self._file.reading() as db:
            rows = db.execute(
                f"SELECT {', '.join(names)} FROM notice WHERE life = ? ORDER BY due, id",  # noqa: S608
                (life,),
            ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]
