"""How long a camera usually goes without something: the measure of when its absence is strange.

No constant tells a frozen picture from a quiet scene at a low bit rate (camera notes, *Frozen*); the same camera's own
past does.
"""

from __future__ import annotations

import msgspec

GAP = 5.0
"""Seconds between two pictures beyond which the time between counts for nothing."""


class _Kept(msgspec.Struct):
    longest: float = 0.0
    watched: float = 0.0
    times: int = 0


class Habit:
    """The longest time without it, in health. Trusted once it was watched for `enough` seconds and `often` came."""

    def __init__(self, *, enough: float, often: int, least: float, factor: float = 2.0) -> None:
        self._enough, self._often, self._least, self._factor = enough, often, least, factor
        self._kept = _Kept()
        self._last: float | None = None
        self._came: float | None = None

    def see(self, at: float, *, came: bool, healthy: bool = True) -> float:
        """Seconds since it came last; 0 if it came now. What comes after a fault is no example of health."""
        if self._last is None or self._came is None or not 0 <= at - self._last <= GAP:
            self._last = self._came = at
            return 0.0
        self._kept.watched += at - self._last
        self._last = at
        without = at - self._came
        if not came:
            return without
        self._came = at
        self._kept.times += 1
        if healthy:
            self._kept.longest = max(self._kept.longest, without)
        return 0.0

    @property
    def trusted(self) -> bool:
        """Whether enough was seen of it."""
        return self._kept.watched >= self._enough and self._kept.times >= self._often

    @property
    def limit(self) -> float:
        """Seconds without it beyond which its absence is strange."""
        return max(self._least, self._factor * self._kept.longest)

    def pack(self) -> bytes:
        """For the next run."""
        return msgspec.json.encode(self._kept)

    def unpack(self, data: bytes) -> None:
        """What cannot be read is learnt anew."""
        try:
            self._kept = msgspec.json.decode(data, type=_Kept)
        except msgspec.DecodeError:
            self._kept = _Kept()

    def forget(self) -> None:
        """Begin anew."""
        self._kept = _Kept()
        self._last = self._came = None
