"""A day's traces (`replay`) as they are kept over a restart: an entry for each hour of pictures.

So what is written every ten minutes is the hour that runs, and not the day. In it are numbers alone, from which no
picture can be made again. No clock is asked, so that none can be set to forget a day: an hour is 3600 pictures.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

HOUR = 3_600
"""Pictures of an entry: 50 kB, less by how little happens (compressed; that also tells a damaged one)."""
RECORD = np.dtype([("mark", "<u4"), ("moves", "<u8"), ("busy", "<i2")])
"""A picture in `replay.Traces`."""
Day = NDArray[np.void]
"""Such records, the oldest first."""


def pack(day: Day, kept: int) -> dict[str, bytes]:
    """The hours of a day whose last picture is the `kept`-th of all; not one whose beginning is forgotten."""
    first = kept - len(day)
    numbers = range(-(-first // HOUR), -(-kept // HOUR))
    return {str(each): zlib.compress(day[each * HOUR - first :][:HOUR].tobytes(), 1) for each in numbers}


def unpack(entries: Mapping[str, bytes], most: int) -> tuple[Day, int, list[str]]:
    """The newest pictures, `most` at most; how many there were in all; the entries that are damaged.

    What they held, and what was never kept, is filled with pictures that are like no other.
    """
    hours: dict[int, Day] = {}
    damaged: list[str] = []
    for name, data in entries.items():
        try:
            hours[int(name)] = np.frombuffer(zlib.decompress(data), RECORD)
        except (ValueError, zlib.error):
            damaged.append(name)
    last = max(hours, default=0)
    for number in [each for each, records in hours.items() if not _whole(records, last=each == last)]:
        damaged.append(str(number))
        del hours[number]
    kept = max((number * HOUR + len(records) for number, records in hours.items()), default=0)
    day = nothing(min(kept, most))
    first = kept - len(day)
    for number, records in hours.items():
        if (start := number * HOUR - first) >= 0:
            day[start : start + len(records)] = records
    return day, kept, damaged


def nothing(count: int) -> Day:
    """Pictures of which nothing is known."""
    day = np.zeros(count, RECORD)
    day["busy"] = -1
    return day


def _whole(records: Day, *, last: bool) -> bool:
    return 0 < len(records) <= HOUR if last else len(records) == HOUR
