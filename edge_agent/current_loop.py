"""The 4–20 mA current loop: from the current to the measured value, and the currents by which an instrument tells a
fault.

Judged at the agent, before limits are, so that a broken wire raises no level alarm. Bands: NAMUR recommendation NE 43
(and specification notes, 6.3): 3.8 to 20.5 mA is a measurement, 3.6 mA and less or 21 mA and more a fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_agent.drivers.base import Reading
from profiles.wire import quality as q

LIVE_ZERO, FULL = 4.0, 20.0
"""mA of the lower and the upper end of the measuring range."""
FAULT_LOW, FAULT_HIGH = 3.6, 21.0
MEASURED_LOW, MEASURED_HIGH = 3.8, 20.5


@dataclass(frozen=True, slots=True)
class CurrentLoop:
    """A loop whose instrument has the measuring range `low` to `high`, in the tag's unit."""

    low: float
    high: float

    def measured(self, reading: Reading) -> Reading:
        """A reading in mA as one in the tag's unit; the number is kept also where the current tells a fault."""
        current = reading.value
        if isinstance(current, bool) or not isinstance(current, int | float):
            return reading
        value = self.low + (current - LIVE_ZERO) / (FULL - LIVE_ZERO) * (self.high - self.low)
        return replace(reading, value=value, quality=q.worst(reading.quality, _verdict(current)))


def _verdict(current: float) -> str:
    if not FAULT_LOW < current < FAULT_HIGH:
        return q.BAD_INSTRUMENT
    return q.GOOD if MEASURED_LOW <= current <= MEASURED_HIGH else q.UNCERTAIN_INSTRUMENT
