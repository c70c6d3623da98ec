"""Envelopes on their way: how many, how long, and whether one of them breaks the link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.outbox.draft import LANES, Lane
from edge_agent.outbox.store import Row
from edge_agent.uplink.settings import UplinkSettings

LONGEST_RESEND = 300.0
"""Seconds between repeats of an envelope that nobody acknowledges, at most, so that a stalled store draws no storm."""
STRIKES = 3
"""An envelope is set aside once the link broke this often while it was on its way: once among others, then alone."""
LANE_SHARE = 8
"""Each lane is left this fraction (1/8) of the window by the others, whether it has something to send or not: what
stands unacknowledged would otherwise hold the place of an alarm that comes later."""
REPEATS = 2
"""Repeats after which an envelope that nobody acknowledges gives up its place in the window until its next one is due,
so that some that cannot be stored (a full quota of dead letters) do not hold back the others."""


@dataclass(slots=True)
class Flight:
    """One envelope without the collector's acknowledgement; times are monotonic seconds."""

    row: Row
    backlog: bool
    sent_at: float
    wait: float
    mid: int
    repeats: int = 0
    received: bool = False
    """Whether the broker acknowledged it (PUBACK): it broke no link."""


class Window:
    """The flights of one connection, those that rest between two, and the strikes of those that were up at a break."""

    def __init__(self, settings: UplinkSettings) -> None:
        self._settings = settings
        self._flights: dict[int, Flight] = {}
        self._by_mid: dict[int, Flight] = {}
        self._bytes = 0
        self._strikes: Counter[int] = Counter()
        self._resting: dict[int, tuple[float, Flight]] = {}
        """By row id, those that gave up their place, and when their next repeat is due."""
        self._now = 0.0

    def __contains__(self, row: Row) -> bool:
        rests = row.id in self._resting and self._resting[row.id][0] > self._now
        return rests or row.id in self._flights

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def careful(self) -> bool:
        """Whether some envelope is suspected: then one travels at a time, so that the culprit is found alone."""
        return bool(self._strikes)

    def suspects(self) -> list[int]:
        """Row ids of those that were on their way when the link broke, oldest first."""
        return sorted(self._strikes)

    def clear_of_suspicion(self, number: int) -> None:
        """This row is not in the outbox any more."""
        self._strikes.pop(number, None)

    def room(self, lane: Lane, *, backlog: bool) -> bool:
        """Whether an envelope of `lane` may be sent now."""
        if self.careful and any(not flight.received for flight in self._flights.values()):
            return False
        flights, limit = list(self._flights.values()), self._settings.window
        if flights and self._bytes >= self._settings.window_size:
            return False
        if not _fits(flights, limit, lane):
            return False
        old = [flight for flight in flights if flight.backlog]
        return not backlog or _fits(old, limit // 2, lane)  # the other half is left to what is new

    def sent(self, row: Row, mid: int, now: float, *, backlog: bool) -> None:
        """An envelope went out (again)."""
        self._now = now
        _due, rested = self._resting.pop(row.id, (0.0, None))
        before = self._flights.get(row.id) or rested
        self._land(row)
        self._bytes += row.size
        wait = min(2 * before.wait, LONGEST_RESEND) if before else self._settings.resend
        repeats = before.repeats + 1 if before else 0
        self._flights[row.id] = self._by_mid[mid] = Flight(row, backlog, now, wait, mid, repeats)

    def received(self, mid: int) -> None:
        """The broker has it: whatever becomes of it, it broke no link."""
        if flight := self._by_mid.pop(mid, None):
            flight.received = True
            self._strikes.pop(flight.row.id, None)

    def done(self, rows: Iterable[Row]) -> None:
        """These are acknowledged and gone from the outbox."""
        for row in rows:
            self._strikes.pop(row.id, None)
            self._resting.pop(row.id, None)
            self._land(row)

    def _land(self, row: Row) -> None:
        if flight := self._flights.pop(row.id, None):
            self._by_mid.pop(flight.mid, None)
            self._bytes -= row.size

    def overdue(self, now: float) -> list[Flight]:
        """Those to be sent again; one that the broker has not taken yet is still on its way over a slow link.

        One that was repeated often gives up its place instead, and is not contained any more once its time has come.
        """
        self._now = now
        due = [each for each in self._flights.values() if each.received and now - each.sent_at >= each.wait]
        for flight in [each for each in due if each.repeats >= REPEATS]:
            self._land(flight.row)
            self._resting[flight.row.id] = now + min(2 * flight.wait, LONGEST_RESEND), flight
        forgotten = (
            now - LONGEST_RESEND
        )  # the outbox has dropped these, or they are new to us if they come all the same
        self._resting = {number: rest for number, rest in self._resting.items() if rest[0] > forgotten}
        return [each for each in due if each.repeats < REPEATS]

    def broken(self) -> list[Row]:
        """The link broke: forget the flights; those that have broken it too often.

        All that were up are suspected then, and travel alone on the next connections, so that the culprit alone
        collects the further strikes.
        """
        for flight in self._flights.values():
            if not flight.received:
                self._strikes[flight.row.id] += 1
        culprits = [each.row for each in self._flights.values() if self._strikes.get(each.row.id, 0) >= STRIKES]
        for row in culprits:
            del self._strikes[row.id]
        self.clear()
        return culprits

    def clear(self) -> None:
        """A new connection begins."""
        self._flights.clear()
        self._by_mid.clear()
        self._resting.clear()
        self._bytes = 0


def _fits(flights: list[Flight], limit: int, lane: Lane) -> bool:
    """Whether one more of `lane` finds room among `flights` beside the shares of the other lanes."""
    share = max(1, limit // LANE_SHARE)
    held = Counter(flight.row.lane for flight in flights)
    if held[lane] < share:
        return len(flights) < limit
    kept = sum(max(0, share - held[other]) for other in LANES if other != lane)
    return len(flights) + kept < limit
