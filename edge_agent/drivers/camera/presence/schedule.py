"""When the events of a camera are looked for: daily spans of local time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_agent.drivers.camera.settings import ScheduleSettings

CHINA = 8 * 3_600_000
"""ms that the local time of every site is ahead of UTC: China has one time, and no summer time."""
_DAY = 1440


def open_at(spans: Sequence[ScheduleSettings]) -> Callable[[int], bool]:
    """Whether a moment (ms since 1970 UTC) lies in one of the spans; always, where there are none.

    A span holds from its start to before its end, over midnight where the end is before the start, and all day where
    both are the same.
    """
    minutes = [(_minute(span.start), _minute(span.until)) for span in spans]

    def look(time: int) -> bool:
        now = (time + CHINA) // 60_000 % _DAY
        return not minutes or any(
            start <= now < end if start < end else now >= start or now < end for start, end in minutes
        )

    return look


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
