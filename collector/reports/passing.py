"""Which packet is passed over, so that one that a platform chokes on does not block what waits behind it.

A packet that fails again and again may mean that the platform is away, or that it cannot take this packet. Another one
is sent in its place now and then: where that one is taken it is the packet, which is then tried every few minutes.
"""

from __future__ import annotations

TRIES = 5
"""Failures of a packet in a row after which another one is tried."""
PASSED_OVER = 300.0
"""Seconds between two tries of a packet that others get past."""
REMEMBERED = 1000
"""Packets that are passed over; beyond that all are tried again."""


class Passing:
    """Of one target; times in s of the monotonic clock."""

    def __init__(self) -> None:
        self.head, self._failures = "", 0
        """The packet that failed last, in whose place others may be tried."""
        self._until: dict[str, float] = {}

    def over(self, now: float) -> set[str]:
        """The packets that are passed over now."""
        passed = {identity for identity, until in self._until.items() if until > now}
        return passed | {self.head} if self._failures and self._failures % TRIES == 0 else passed

    def failed(self, identity: str) -> None:
        """A packet was not taken, and is to come again."""
        if self._failures >= TRIES or identity == self.head:
            self._failures += 1  # another one in its place failed too: its own turn comes next
        else:
            self.head, self._failures = identity, TRIES if identity in self._until else 1

    def went(self, identity: str, now: float) -> str:
        """The platform has judged a packet; the id of one that is passed over from now on, if any."""
        self._until.pop(identity, None)
        passed = self.head if self._failures >= TRIES and identity != self.head else ""
        self.head, self._failures = "", 0
        if passed:
            if len(self._until) >= REMEMBERED:
                self._until.clear()
            self._until[passed] = now + PASSED_OVER
        return passed
