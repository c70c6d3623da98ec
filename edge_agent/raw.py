"""What was read as it was read, of the last samples of each tag: so that an auditor sees more than what came of it.

In memory only: a restart forgets it. Of a tag the last `DEPTH` samples are kept, over all tags `MOST`: with more than
`MOST // DEPTH` tags fewer of each, at least one. A number out of registers takes 180 bytes, out of a file 250
(measured): 1000 tags take 6 to 9 MB, `MOST` samples 12 to 17 MB. Texts, read or made, are kept to `LONGEST` characters:
1000 tags of long Chinese texts take 42 MB, `MOST` samples of such 85 MB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from edge_agent.drivers.base import Reading, written
from profiles.wire.codec import wire_value
from profiles.wire.messages import RawReading, Value

DEPTH, MOST, LONGEST = 32, 65_536, 256
NEAREST = 5
"""Readings of one answer."""


_Kept = tuple[int, int, bytes | str, Value, str]
"""The sample's time and its reading's (ms UTC), what was read, value, quality; made faster than a named one."""


def cut(text: str) -> str:
    """As much of a text as is kept."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class RawMemory:
    """The last samples of each of `tags` with what was read."""

    def __init__(self, tags: Collection[str]) -> None:
        self._kept: dict[str, deque[_Kept]] = {}
        self.change(tags)

    def change(self, tags: Collection[str]) -> None:
        """Go on with these tags; those that go are forgotten."""
        depth = max(1, min(DEPTH, MOST // max(1, len(tags))))
        self._kept = {tag: deque(self._kept.get(tag, ()), depth) for tag in tags}

    def keep(self, time: int, value: Value, quality: str, reading: Reading) -> None:
        """A sample of a tag goes out, and this is the reading that it is of."""
        raw = reading.raw if isinstance(reading.raw, bytes) else str(reading.raw)
        if len(raw) > LONGEST:
            raw = cut(written(raw[:LONGEST]) + "…")
        if isinstance(value, str):
            value = cut(value)
        self._kept[reading.tag].append((time, reading.time, raw, value, quality))

    def holds(self, tag: str) -> tuple[int, int | None] | None:
        """How many samples of a tag are kept, and the time of the oldest; None for a tag that is not known."""
        kept = self._kept.get(tag)
        return None if kept is None else (len(kept), kept[0][0] if kept else None)

    def nearest(self, tag: str, moment: int) -> list[RawReading]:
        """Those of a known tag that are nearest to a moment (ms UTC), oldest first."""
        found = sorted(self._kept[tag], key=lambda each: abs(each[0] - moment))[:NEAREST]
        return [_told(*each) for each in sorted(found, key=lambda each: each[0])]


def _told(time: int, read: int, raw: bytes | str, made: Value, stated: str) -> RawReading:
    """As it travels: finite, exact, and in UTF-8, which a file's name need not be."""
    value, quality = wire_value(made, stated)
    text = written(raw).encode(errors="backslashreplace").decode()
    return RawReading(time=time, read=read, raw=text, value=value, quality=quality)
