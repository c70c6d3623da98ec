"""What takes the store's file of an older build forwards; see `config.tables`."""

from __future__ import annotations

import sqlite3

from config.tables import Step, columns


def _events_are_their_agents_own(db: sqlite3.Connection) -> None:
    """An event's id was a key by itself, which another agent's may share, and no evidence was kept with it."""
    db.execute("DROP VIEW IF EXISTS alarm")
    db.execute("DROP INDEX IF EXISTS event_by_alarm")
    of = columns(db, "event")
    if not of or "evidence" in of:
        return
    db.execute(
        "CREATE TABLE event_of (id TEXT NOT NULL, alarm TEXT NOT NULL, agent TEXT NOT NULL, site TEXT NOT NULL,"
        " region TEXT NOT NULL, profile TEXT NOT NULL, asset TEXT NOT NULL, point TEXT NOT NULL,"
        " quantity TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, level TEXT NOT NULL,"
        " state TEXT NOT NULL, era INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,"
        ' since INTEGER NOT NULL, value TEXT NOT NULL, "limit" REAL, text TEXT NOT NULL, evidence TEXT NOT NULL,'
        " PRIMARY KEY (agent, id)) WITHOUT ROWID"
    )
    db.execute("INSERT INTO event_of SELECT *, '[]' FROM event")
    db.execute("DROP TABLE event")
    db.execute("ALTER TABLE event_of RENAME TO event")


STEPS: tuple[Step, ...] = (_events_are_their_agents_own,)
