"""When a packet was taken, on our own monotonic clock, from the stream's time stamps where they can be believed.

Arrival alone tells it badly: after FFmpeg's probing, and after a stall of the network, pictures arrive in one burst. A
stamp's differences are right, its beginning is anybody's; and cameras set their clocks, by a day if need be.
"""

from __future__ import annotations

JUMP = 3.0
"""Seconds that a stamp may run ahead of the arrivals; further is a clock that was set."""
WINDOW = 15.0
"""Seconds over which the least delay is looked for: long enough for a stall, short enough for drifting clocks."""
LEAST = 0.001
"""Seconds between two packets at least, so that time always rises."""


class Stamps:
    """The moments of one connection's packets. `standing` counts those since the stamps rose last."""

    def __init__(self, last: float = 0.0) -> None:
        self.standing = 0
        self._last = last
        """What was given last, also over connections."""
        self._stamp: float | None = None
        self._arrived = 0.0
        self._since = 0.0
        self._least: list[float] = []
        """Least arrival − stamp of the window before and of this one."""

    @property
    def last(self) -> float:
        """The moment that was given last."""
        return self._last

    def at(self, stamp: float | None, arrived: float) -> float:
        """The moment of a packet; later than all given before, never later than its arrival by more than `LEAST`s."""
        moment = arrived if stamp is None or not self._rises(stamp, arrived) else self._placed(stamp, arrived)
        self._arrived = arrived
        self._last = max(moment, self._last + LEAST)
        return self._last

    def _rises(self, stamp: float, arrived: float) -> bool:
        before, self._stamp = self._stamp, stamp
        if before is not None and abs(stamp - before) <= LEAST / 10:
            self.standing += 1
            return False
        self.standing = 0
        if before is None or stamp < before or stamp - before > arrived - self._arrived + JUMP:
            self._least = []  # the beginning, or a clock that was set
        return True

    def _placed(self, stamp: float, arrived: float) -> float:
        offset = arrived - stamp
        if not self._least:
            self._least, self._since = [offset, offset], arrived
        elif arrived - self._since > WINDOW:
            self._least, self._since = [self._least[1], offset], arrived
        self._least[1] = min(self._least[1], offset)
        return stamp + min(self._least)
