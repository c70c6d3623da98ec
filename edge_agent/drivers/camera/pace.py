"""How fast all cameras of this machine are looked at, where it cannot keep up: rates fall evenly, integrity last.

One measure for all workers: the mean of the cameras' strain (`Beat.strain`). A single camera that is too much for one
core only skips pictures of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from profiles.wire.messages import Level

EVERY = 5.0
"""Seconds between two looks."""
TOO_MUCH, AIM, EASY = 0.8, 0.6, 0.4
"""Mean strain beyond which rates are lowered, at which they are meant to stand, below which they rise again."""
SLOWEST = 20.0
"""Stretch at most: the checks of the picture, one a second, then have 2.5 s; beyond three some judge nothing. What a
camera must see more often is stretched less (`slowest`)."""
TELL = 1.5, 30.0
"""A stretch that stands for so many seconds is told."""


class Pace:
    """`note` tells people; `now` is on the monotonic clock."""

    def __init__(self, note: Callable[[Level, str], None]) -> None:
        self._note = note
        self._strains: dict[str, dict[str, float]] = {}
        """By worker and camera."""
        self._next = 0.0
        self._above: float | None = None
        self._told = False
        self.stretch = 1.0

    def hear(self, worker: str, strains: Mapping[str, float], now: float) -> None:
        """How strained the cameras of a worker are; empty when it ended."""
        self._strains[worker] = dict(strains)
        if now >= self._next:
            self._next = now + EVERY
            self._set()
            self._tell(now)

    def _set(self) -> None:
        all_of_them = [each for cameras in self._strains.values() for each in cameras.values()]
        mean = sum(all_of_them) / len(all_of_them) if all_of_them else 0.0
        if mean > TOO_MUCH:
            self.stretch = min(SLOWEST, self.stretch * min(2.0, mean / AIM))
        elif mean < EASY:
            self.stretch = max(1.0, self.stretch * 0.8)

    def _tell(self, now: float) -> None:
        stretch, lasting = TELL
        if self.stretch < stretch:
            self._above = None
            if self._told and self.stretch == 1.0:
                self._told = False
                self._note("INFO", "cameras are looked at as often as asked for again")
            return
        self._above = now if self._above is None else self._above
        if not self._told and now - self._above >= lasting:
            self._told = True
            self._note(
                "WARN",
                f"this computer cannot keep up with its cameras: pictures are looked at {self.stretch:.1f} times"
                " less often than asked for (a camera with a belt at most 8 times, with a hoist at most 3 times),"
                " those that guard against tampering last of all",
            )
