"""The time that a reading is stored under: the instrument's own where it can be believed; none twice a tag and era.

Sources: design I7 and docs/decisions/0005-time.md; the rules on an instrument's time are those of the specification
notes (6.3, ``time_future`` and ``time_old``). Times are ms since 1970 UTC.
"""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.clock import Clock
from edge_agent.drivers.base import Reading
from profiles.wire import quality as q
from profiles.wire.messages import Value

SLACK_MS = 1_000
"""An instrument's time this far behind its last one is a tie to be put in order; further behind is a clock at fault."""


class Stamp(NamedTuple):
    """What outlives a restart of a tag with the instrument's own time: its last reading, to know its repeat (none: time
    0), and the latest ms given to it, with that ms's era."""

    time: int = 0
    value: Value = None
    quality: str = ""
    given: int = 0
    era: int = -1


_NO_READING: tuple[int, Value, str] = (0, None, "")


class Stamper:
    """The times of one tag. `floor` is the latest ms that an earlier run may have given by the agent's own clock."""

    def __init__(self, clock: Clock, stamp: Stamp | None, floor: int) -> None:
        self._clock, self._floor = clock, floor
        self._heard = stamp[:3] if stamp is not None else None
        """The last reading with a time of its own; _NO_READING: it was one without; None: there never was one."""
        self._last = stamp.given if stamp is not None and stamp.era == clock.era else 0
        self._source = 0
        """The instrument's own time of its last reading."""
        self._stepped = False
        """The instrument's clock stepped back: its times are not used until they pass what was given already."""
        self._logged = stamp.time if stamp is not None and not self._ahead(stamp.time) else 0
        """The latest time of a logged reading."""

    def new_era(self) -> None:
        """The agent's clock stepped back: what was given before cannot be overwritten any more."""
        self._last = self._floor = 0
        self._stepped = False

    def repeats(self, reading: Reading) -> bool:
        """Whether it is the last reading once more, as after a reconnect or at the next poll of a value that stands."""
        return reading.source_time and self._heard == (reading.time, reading.value, reading.quality)

    def past(self, reading: Reading) -> bool:
        """Whether it was logged before the last one: it completes the past under its own time."""
        return reading.logged and reading.time < self._logged

    def stamp(self) -> Stamp | None:
        """What to remember; None for a tag without times of its own."""
        return None if self._heard is None else Stamp(*self._heard, given=self._last, era=self._clock.era)

    def hear(self, reading: Reading) -> None:
        """`reading` is the last one now, whether it is sent or not."""
        if reading.logged and not self._ahead(reading.time):
            self._logged = max(self._logged, reading.time)
        if reading.source_time:
            self._heard = (reading.time, reading.value, reading.quality)
        elif self._heard is not None:
            self._heard = _NO_READING

    def give(self, time: int, *, own: bool) -> None:
        """`time` is given to a sample; `own`: by the agent's own clock."""
        self._last = max(self._last, time)
        if own:
            self._clock.use(time)

    def own(self, now: int) -> int:
        """A time by the agent's own clock, later than all that were given."""
        return max(now, self._last + 1, self._floor + 1)

    def place(self, reading: Reading, *, now: int, clock_off: bool, lost_at: int | None) -> tuple[int, str]:
        """The time for a reading, not given before, and the doubt about it as a quality.

        `now` is the moment in the instrument's frame; `clock_off`: the device's clock is known to be wrong; `lost_at`:
        the tag's last sample was bad and had this time. A value from before then stands again from now on: stored under
        its old time it would hide the outage.
        """
        if not reading.source_time:
            return self.own(reading.time), q.GOOD
        if reading.logged:
            return self._kept(reading)
        time, doubt = self._believed(reading)
        if lost_at is not None and time <= lost_at:
            time = now
        if clock_off or self._last - time > SLACK_MS:
            doubt = q.worst(doubt, q.UNCERTAIN_CLOCK)
        if self.is_old(time):
            doubt = q.worst(doubt, q.UNCERTAIN_TIME_OLD)
        return max(time, self._last + 1), doubt

    def _kept(self, reading: Reading) -> tuple[int, str]:
        """Its own time, unless that cannot be right or is given already: to the last one logged, or to the last at all.

        What the agent itself said since (that the tag is stale, or lost) stands behind it and stays.
        """
        time = reading.time
        if self._ahead(time):
            return max(self._clock.now, self._last + 1), q.BAD_TIME_FUTURE
        doubt = q.BAD_TIME_OLD if self.is_old(time) else q.GOOD
        return (self._last + 1 if time in (self._logged, self._last) else time), doubt

    def is_old(self, time: int) -> bool:
        """Whether an instrument's time lies too far back to be told as news, by an agent's clock that was set."""
        clock = self._clock
        return clock.was_set and not clock.suspect and time < clock.now - round(clock.settings.old * 1000)

    def _ahead(self, time: int) -> bool:
        """Whether an instrument's time cannot be, by an agent's clock that was set."""
        clock = self._clock
        return clock.was_set and time > clock.now + round(clock.settings.future * 1000)

    def _believed(self, reading: Reading) -> tuple[int, str]:
        """The instrument's time, or the moment of receipt where it cannot be right."""
        clock, time = self._clock, reading.time
        if not clock.was_set:
            return time, q.UNCERTAIN_CLOCK  # the instrument's clock is the better one
        if self._ahead(time):
            return clock.now, q.UNCERTAIN_CLOCK if clock.suspect else q.BAD_TIME_FUTURE
        if time < self._source - SLACK_MS:
            self._stepped = True
        if not q.is_bad(reading.quality):
            self._source = time
        self._stepped = self._stepped and time <= self._last
        return (clock.now, q.UNCERTAIN_CLOCK) if self._stepped else (time, q.GOOD)
