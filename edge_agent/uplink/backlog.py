"""What is sent next: new before old, events before data before evidence; the old at a set rate."""

from __future__ import annotations

from edge_agent.outbox.draft import LANES, Lane
from edge_agent.outbox.store import Outbox, Row
from edge_agent.uplink.settings import UplinkSettings
from edge_agent.uplink.window import Window

LIVE_LAG = 200
"""New envelopes that may wait; beyond, they count as backlog, so that the newest travel at once again."""

LATEST = 8
"""Envelopes committed last before a connection, which travel as new: they tell how things stand."""


class Feed:
    """Two cursors a lane over the outbox: `_new` through what is new, `_old` through all that lies before it.

    An envelope that a cursor has passed is in the window until it is acknowledged, so it is looked at once only.
    """

    def __init__(self, outbox: Outbox, settings: UplinkSettings) -> None:
        self._outbox = outbox
        self._rate = settings.backlog_rate
        self._tokens = settings.backlog_rate
        self._filled_at: float | None = None
        self._old: dict[Lane, int] = {}
        self._new: dict[Lane, int] = {}
        self.begin()

    def begin(self) -> None:
        """A new connection: all that is in the outbox now is backlog, but for the latest."""
        self._new = dict.fromkeys(LANES, max(0, self._outbox.newest() - LATEST))
        self.rewind()

    def rewind(self) -> None:
        """Look at all that is old again: what was released from quarantine, or rested, lies behind the cursors."""
        self._old = dict.fromkeys(LANES, 0)

    def next(self, window: Window, now: float) -> tuple[Row, bool] | None:
        """The next envelope to send, and whether it is backlog; None when there is none or no room."""
        if window.careful:
            return self._suspect(window)
        self._fill(now)
        self._catch_up()
        new = {lane: row for lane in LANES if (row := self._peek(lane, window, new=True))}
        old = {lane: row for lane in LANES if (row := self._peek(lane, window, new=False))}
        for lane, row in new.items():
            if window.room(lane, backlog=False):
                self._new[lane] = row.id
                return row, False
        if self._tokens >= 1:
            for lane, row in old.items():
                if window.room(lane, backlog=True):
                    self._old[lane] = row.id
                    self._tokens -= 1
                    return row, True
        return None

    def _suspect(self, window: Window) -> tuple[Row, bool] | None:
        """While some are suspected of breaking the link: those first, one at a time."""
        for number in window.suspects():
            row = self._outbox.row(number)
            if row is None:
                window.clear_of_suspicion(number)
            elif row not in window:
                return (row, True) if window.room(row.lane, backlog=False) else None
        return None

    def _peek(self, lane: Lane, window: Window, *, new: bool) -> Row | None:
        cursor, upto = (self._new, None) if new else (self._old, self._new[lane])
        while page := self._outbox.waiting(lane, after=cursor[lane], limit=20, upto=upto):
            for row in page:
                if row not in window:
                    return row
                cursor[lane] = row.id
        return None

    def _catch_up(self) -> None:
        """Where too much that is new waits (the collector stalled, the link did not break), it becomes backlog."""
        newest = self._outbox.newest()
        if newest - max(self._new.values()) > LIVE_LAG:
            self._new = dict.fromkeys(LANES, newest - LATEST)

    def _fill(self, now: float) -> None:
        passed = 0.0 if self._filled_at is None else now - self._filled_at
        self._filled_at = now
        self._tokens = min(self._rate, self._tokens + passed * self._rate)
