"""What the agent still has of how a value was read, beside what is worked back from the stored value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from collector.moments import utc
from config.printable import plain
from edge_agent.drivers.base import written
from edge_agent.raw import cut
from profiles.wire.messages import RawReading, RawReadings, Response, Value

SHOWN = 500
"""Characters of an agent's refusal that are shown."""


@dataclass(frozen=True, slots=True)
class AsRead:
    """The reading of a stored record, as its agent read it; None: `why` says in words what there is instead."""

    reading: RawReading | None
    why: str = ""

    def told(self, at: str) -> str:
        """In one line; `at` is the place that the manifest names."""
        if self.reading is None:
            return self.why
        shown = plain(self.reading.raw) or "the driver has nothing to show"
        return f"{shown} ({at or 'the manifest names no place'}), read {utc(self.reading.read)}, told by the agent"


def as_read(answer: Response, moment: int) -> AsRead:
    """What an agent's answer has of the record of a moment (ms UTC)."""
    if not answer.ok:
        return AsRead(None, f"the agent refuses: {plain(answer.error[:SHOWN])}")
    try:
        found = msgspec.convert(answer.result, RawReadings)
    except msgspec.ValidationError as err:
        return AsRead(None, f"the agent's answer is not of the contract: {plain(str(err)[:SHOWN])}")
    its = [each for each in found.readings if each.time == moment]
    return AsRead(its[-1]) if its else AsRead(None, _gone(found))


def _gone(found: RawReadings) -> str:
    kept = "none" if found.oldest is None else f"{found.kept}, the oldest of {utc(found.oldest)}"
    return f"the agent does not have it (any more): it was started at {utc(found.since)}, and of this tag it has {kept}"


def compared(reading: RawReading, stored: Value, worked: bytes | None) -> str:
    """Whether what was read is what is stored: `stored` in the tag's unit, `worked` the registers worked back of it."""
    faults = []
    if worked is not None and written(worked) != reading.raw:
        faults.append(f"the agent read {plain(reading.raw)}, and {written(worked)} gives the stored value")
    if not _same(reading.value, stored):
        faults.append(f"the agent made {_shown(reading.value)} of it, and {_shown(stored)} is stored")
    if faults:
        return f"THEY DIFFER: {'; '.join(faults)}"
    return f"the agent made {_shown(reading.value)} of it, as is stored"


def _same(read: Value, stored: Value) -> bool:
    if _is_number(read) and _is_number(stored):
        return math.isclose(read, stored, rel_tol=1e-9)  # type: ignore[arg-type]  # conversion and back
    return read == (cut(stored) if isinstance(stored, str) else stored)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Value) -> str:
    return plain(cut(value)) if isinstance(value, str) else repr(value)
