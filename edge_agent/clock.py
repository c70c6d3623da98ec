"""The agent's own clock: has it stepped, and may its times be trusted?

Samples carry the wall clock (UTC, ms); whatever it does, nothing stored may be overwritten
(docs/decisions/0005-time.md). A step back of more than a second begins a new era; a step of either kind makes
times uncertain until the clock has run steadily for `settle`. Delays and time-outs use the monotonic clock instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from config.model import Duration, Settings

BACK_MS = 1_000
"""A step back beyond this begins a new era; a smaller one is bridged by the strictly increasing times of each tag."""
FORWARD_MS = 60_000
"""A step forward beyond this is reported; NTP corrects less by slewing (ntpd steps beyond 128 ms, once, at start)."""
EARLIEST_MS = 1_704_067_200_000
"""2024-01-01: a clock before it was never set, as after an empty battery."""


class ClockSettings(Settings):
    """How far clocks are trusted."""

    settle: Duration = 600.0
    """How long samples stay ``uncertain:clock`` after the agent's clock stepped."""
    future: Duration = 60.0
    """An instrument's time further ahead than this is replaced by the receipt time: ``bad:time_future``."""
    old: Duration = 30 * 86_400.0
    """An instrument's time further back than this, when the agent gets the reading, keeps it and is marked
    ``time_old``; what waits here for the collector grows no older by that."""
    device: Duration = 60.0
    """An instrument's clock further off than this raises a clock event; its samples are ``uncertain:clock``."""


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was found `by_ms` ahead of (behind, when negative) where it should have been."""

    at: int
    by_ms: int

    @property
    def text(self) -> str:
        """For people."""
        way = "forward" if self.by_ms > 0 else "back"
        return f"the agent's clock stepped {way} by {abs(self.by_ms) / 1000:.1f} s; times are uncertain for a while"


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Clock:
    """Wall clock with a memory; `high` is the latest time that earlier runs saw or gave by it (ms), `era` their last.

    Instruments' own times are not its concern: a clock that is ahead at an instrument says nothing about this one.
    """

    def __init__(
        self,
        settings: ClockSettings,
        *,
        high: int = 0,
        era: int = 0,
        wall: Callable[[], int] = _wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.era = era
        self.high = high
        self.now = wall()
        self.mono = monotonic()
        self._wall, self._monotonic = wall, monotonic
        self._suspect_until = self.mono if self.was_set else float("inf")
        self._steps: list[Step] = []
        self._look_back()
        self.floor = high if self.era == era else 0
        """The latest time, ms, that an earlier run may have given by its own clock in this era."""

    @property
    def suspect(self) -> bool:
        """Whether the clock stepped so lately, or is so far off, that its times are uncertain."""
        return self.mono < self._suspect_until

    @property
    def sure(self) -> int | None:
        """The time of the last look, ms UTC; None while it is in doubt, so that nobody knows what period it is."""
        return None if self.suspect else self.now

    @property
    def was_set(self) -> bool:
        """Whether the clock shows a time that can be: before 2024 it was never set."""
        return self.now >= EARLIEST_MS

    def read(self) -> int:
        """Look at both clocks and return the wall clock, ms since 1970 UTC; notes a step that happened meanwhile."""
        now, mono = self._wall(), self._monotonic()
        leap = (now - self.now) - round((mono - self.mono) * 1000)
        self.now, self.mono = now, mono
        if leap > FORWARD_MS:
            self._stepped(leap)
        self._look_back()
        return now

    def use(self, time_ms: int) -> None:
        """A sample was given this time by the agent's own clock: a restarted agent gives later ones in this era."""
        self.high = max(self.high, time_ms)

    def steps(self) -> list[Step]:
        """The steps noted since the last call."""
        found, self._steps = self._steps, []
        return found

    def _look_back(self) -> None:
        if self.now < self.high - BACK_MS:
            self.era += 1
            self._stepped(self.now - self.high)
            self.high = self.now
        self.high = max(self.high, self.now)

    def _stepped(self, by_ms: int) -> None:
        self._steps.append(Step(self.now, by_ms))
        self._suspect_until = self.mono + self.settings.settle if self.was_set else float("inf")
