"""Whether each device answers, and whether its clock is right: one event when it is lost, one when it is back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from profiles.wire.messages import MAX_WORDS, DeviceState, EventKind, EventState

Fault = Literal["link", "clock"]


class OpenFault(msgspec.Struct, frozen=True):
    """A fault of a device that was raised and not cleared: survives a restart of the agent."""

    since: int
    era: int


class DeviceClock(NamedTuple):
    """What is known of a device's own clock."""

    off: bool = False
    """Its times are not to be trusted."""
    lag: int = 0
    """By how many ms it is behind the agent's clock (negative), as far as its times are trusted all the same."""


UNKNOWN = DeviceClock()
"""A device that does not tell its clock."""


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """One transition of a device, to become an event."""

    device: str
    kind: EventKind
    state: EventState
    time: int
    fault: OpenFault
    text: str


@dataclass(slots=True)
class _Device:
    since: int
    up: bool | None = None
    """None until it was heard of for the first time."""
    error: str = ""
    clock_offset_ms: int | None = None
    counters: dict[str, int] = field(default_factory=dict)
    open: dict[Fault, OpenFault] = field(default_factory=dict)


class Links:
    """All devices; `clock_limit` is the offset of a device's clock, in ms, beyond which it is reported."""

    def __init__(
        self,
        devices: Iterable[str],
        *,
        now: int,
        clock_limit: int,
        open_faults: Mapping[str, dict[Fault, OpenFault]] | None = None,
    ) -> None:
        self._clock_limit = clock_limit
        self._devices = {name: _Device(now, open=dict((open_faults or {}).get(name, {}))) for name in devices}

    def change(self, devices: Iterable[str], now: int) -> None:
        """Go on with these: one that stays keeps what is known of it; the faults of one that goes are the caller's."""
        self._devices = {name: self._devices.get(name) or _Device(now) for name in devices}

    def up(self, device: str, now: int) -> DeviceChange | None:
        """The device answers; a change if it was lost before."""
        this = self._devices[device]
        if this.up is not True:
            this.up, this.since, this.error = True, now, ""
        return self._clear(device, this, "link", now, "the device answers again")

    def down(self, device: str, reason: str, now: int, era: int) -> DeviceChange | None:
        """The device does not answer; a change if it did, or was never heard of."""
        this = self._devices[device]
        if this.up is not False:
            this.up, this.since = False, now
        this.error = reason
        return self._raise(device, this, "link", now, era, f"the device does not answer: {reason}")

    def clock(self, device: str, offset_ms: int, now: int, era: int) -> DeviceChange | None:
        """The device's clock is `offset_ms` ahead of the agent's; half the limit clears what the limit raised."""
        this = self._devices[device]
        this.clock_offset_ms = offset_ms
        if abs(offset_ms) > self._clock_limit:
            way = "ahead of" if offset_ms > 0 else "behind"
            text = f"the device's clock is {abs(offset_ms) / 1000:.1f} s {way} the agent's"
            return self._raise(device, this, "clock", now, era, text)
        if abs(offset_ms) <= self._clock_limit / 2:
            return self._clear(device, this, "clock", now, "the device's clock is right again")
        return None

    def clock_of(self, device: str) -> DeviceClock:
        """What is known of the device's own clock."""
        this = self._devices[device]
        off = "clock" in this.open
        return DeviceClock(off, 0 if off else min(0, this.clock_offset_ms or 0))

    def clocks(self) -> dict[str, DeviceClock]:
        """The same of all devices."""
        return {name: self.clock_of(name) for name in self._devices}

    def counters(self, device: str, counters: Mapping[str, int]) -> None:
        """Totals for the state."""
        self._devices[device].counters = dict(counters)

    def open_faults(self, device: str) -> dict[Fault, OpenFault]:
        """The faults that stand on a device."""
        return dict(self._devices[device].open)

    def are_down(self) -> frozenset[str]:
        """The devices that do not answer, or have not yet."""
        return frozenset(name for name, this in self._devices.items() if this.up is not True)

    def states(self) -> dict[str, DeviceState]:
        """What the agent's state message says of its devices; one not heard of yet is not up."""
        return {
            name: DeviceState(
                up=this.up is True,
                since=this.since,
                error=this.error[:MAX_WORDS],
                clock_offset_ms=this.clock_offset_ms,
                counters=this.counters,
            )
            for name, this in self._devices.items()
        }

    @staticmethod
    def _raise(name: str, this: _Device, kind: Fault, now: int, era: int, text: str) -> DeviceChange | None:
        if kind in this.open:
            return None
        this.open[kind] = OpenFault(now, era)
        return DeviceChange(name, kind, "raised", now, this.open[kind], text)

    @staticmethod
    def _clear(name: str, this: _Device, kind: Fault, now: int, text: str) -> DeviceChange | None:
        fault = this.open.pop(kind, None)
        return None if fault is None else DeviceChange(name, kind, "cleared", now, fault, text)
