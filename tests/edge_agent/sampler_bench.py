"""A sampler of one tag whose two clocks the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.links import UNKNOWN, DeviceClock
from edge_agent.rules import TagRule
from edge_agent.sampler import Sampler
from edge_agent.stamps import Stamp
from profiles.wire.messages import Value

NOW = 1_800_000_000_000
DAY = 86_400_000


@dataclass
class Bench:
    """A sampler whose two clocks the test moves."""

    rule: TagRule = field(default_factory=lambda: TagRule("a", "device"))
    wall: int = NOW
    mono: float = 100.0
    high: int = 0
    stamps: dict[str, Stamp] = field(default_factory=dict)
    device: DeviceClock = UNKNOWN

    def __post_init__(self) -> None:
        self.clock = Clock(ClockSettings(), high=self.high, wall=lambda: self.wall, monotonic=lambda: self.mono)
        self.sampler = Sampler({"a": self.rule}, self.clock, floor=self.clock.floor, stamps=self.stamps)

    def after(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.mono += seconds

    def polled(self, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        return self._rows(Reading("a", self.wall, value, quality))

    def sourced(self, time: int, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        return self._rows(Reading("a", time, value, quality, source_time=True))

    def logged(self, time: int, value: Value, quality: str = "good") -> list[tuple[int, Value, str]]:
        """A reading that another system wrote down at `time`, ms after NOW."""
        return self._rows(Reading("a", NOW + time, value, quality, source_time=True, logged=True))

    def lagging(self, value: Value, lag: int) -> list[tuple[int, Value, str]]:
        """A reading at the time of an instrument whose clock is off by `lag` ms, as the server itself tells."""
        self.device = DeviceClock(lag=lag)
        return self.sourced(self.wall + lag, value)

    def tick(self, down: bool = False) -> list[tuple[int, Value, str]]:
        found = self.sampler.tick(frozenset({"device"} if down else ()), {"device": self.device}).samples
        return [(each.time - NOW, each.value, each.quality) for each in found]

    def _rows(self, reading: Reading) -> list[tuple[int, Value, str]]:
        return [
            (each.time - NOW, each.value, each.quality) for each in self.sampler.take([reading], self.device).samples
        ]


def bench(**rule: object) -> Bench:
    return Bench(rule=replace(TagRule("a", "device"), **rule))  # type: ignore[arg-type]
