"""What a packet is among others: its order, its rhythm, and what it says against those before it (notes, 1.5 to 6.3).

What a packet contradicts in itself, or says against the clock, is refused. What stands out only against other packets
is a finding: a platform may have missed some of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from collector.platform.fields import BEIJING, Fault
from collector.platform.ledger import Ledger, Value

INTERVALS: Mapping[str, float] = MappingProxyType({"S": 60.0, "DXK": 20.0, "LTK": 600.0, "WKK": 600.0, "12": 150.0})
"""Seconds between two live packets of a gateway: family S (notes, 1.9), underground mines (notes on mines, 4.1),
open pits (4.2), tailings ponds (notes, 4.4); of run states half the time after which a gateway is off line (6.2).
"""
LATE = 2
"""Intervals after which the next packet is late."""
STALE, LEAST_STALE = 3, 180.0
"""Intervals, and seconds at least, after which a live value is no live one any more (6.2)."""
KEPT = 30 * 86_400_000
"""Ms after which nothing is kept for sending any more (1.8, 6.3)."""
EARLY = 300_000
"""Ms that a packet may lie ahead of the platform's clock, as files may (notes on mines, 2.3)."""
KEPT_STREAMS = 100_000
"""Streams whose rhythm is watched."""


class Told(NamedTuple):
    """A packet among others.

    `stream`: with what it comes in a row; `names`: under which its interval is known, the first holds, none: it comes
    when it comes; `way`: live, resumed, alarm; `time`: of the packet, ms UTC.
    """

    stream: str
    names: tuple[str, ...]
    way: str
    time: int


class Course:
    """Packets one after another. `intervals`: seconds, by the names of `INTERVALS` or a gateway's code."""

    def __init__(self, ledger: Ledger, intervals: Mapping[str, float] = MappingProxyType({})) -> None:
        self._ledger = ledger
        self._intervals = {**INTERVALS, **intervals}
        self._last: dict[str, int] = {}

    def faults(self, told: Told | None, received: int) -> Iterator[Fault]:
        """What a packet says against the clock; `received` in ms UTC."""
        if told is None:
            return
        if told.time > received + EARLY:
            yield Fault("collectTime", "lies in the future")
        if told.way == "live" and told.time < received - KEPT:
            yield Fault("collectTime", "lies more than 30 days back, and the packet is a live one")

    def findings(self, told: Told, values: Iterable[Value], received: int) -> Iterator[str]:
        """What is odd about a packet that was new and sound; called once of each, in the order of their coming."""
        if told.way != "live":
            if told.time < received - KEPT:
                yield f"gateway {told.stream}: {told.way} packet of {_shown(told.time)}, more than 30 days old"
            return
        before = self._last.get(told.stream)
        if before is not None or len(self._last) < KEPT_STREAMS:
            self._last[told.stream] = max(told.time, before or told.time)
        if before is not None and told.time < before:
            yield (
                f"gateway {told.stream}: live packet of {_shown(told.time)} after that of {_shown(before)}; "
                "what is late is resumed (continues)"
            )
        interval = next((self._intervals[name] for name in told.names if name in self._intervals), None)
        if interval is None:
            return
        if before is not None and told.time - before > 1000 * LATE * interval:
            late = (told.time - before) / 1000
            yield f"gateway {told.stream}: {late:.0f} s between two live packets; expected every {interval:g} s"
        stale = round(1000 * max(STALE * interval, LEAST_STALE))
        if received - told.time > stale:
            yield f"gateway {told.stream}: live packet of {_shown(told.time)}, {(received - told.time) // 1000} s late"
        yield from self._values(told, values, stale)

    def _values(self, told: Told, values: Iterable[Value], stale: int) -> Iterator[str]:
        """Old readings among live ones, and such as are another thing than was told of the same time."""
        for each in values:
            if each.time < told.time - stale:
                yield f"{each.code}: reading of {_shown(each.time)} in a live packet of {_shown(told.time)}"
            elif each.valid and each.value is not None:
                other = self._ledger.another(each)
                if other is not None:
                    yield f"{each.code} at {_shown(each.time)}: {each.value:g}, and {other.value:g} in {other.packet}"


def _shown(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, BEIJING):%Y-%m-%d %H:%M:%S}"
