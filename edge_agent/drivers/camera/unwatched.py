"""q_unwatched: nobody analyses a camera's pictures. No worker lives, or its analysis fails again and again.

Without it a seal would be told intact by a camera that nobody looks at. The agent's to find, since a worker may be at
fault. A camera without pictures is watched (`q_lost`, `camera_offline`).
"""

from __future__ import annotations

from edge_agent.drivers.camera.protocol import Beat
from edge_agent.drivers.camera.standing import UNWATCHED as NO_WORKER
from profiles.seal import Seal

UNWATCHED = "q_unwatched"
"""The event."""
BUSY = 10.0
"""Seconds between two pictures that are analysed, beyond which none are: they are asked for each 4 s at least, and a
machine that cannot keep up looks more rarely."""


class Unwatched:
    """Of one camera. `stands`: whether the event is open from an earlier run."""

    def __init__(self, seal: Seal, *, stands: bool) -> None:
        event = seal.events.get(UNWATCHED)
        self._on, self._off = (event.on or 0.0, event.off or 0.0) if event is not None else (float("inf"), 0.0)
        self.stands, self.reason = stands, ""
        self._without = self._with = 0.0
        """Seconds for which nothing was analysed, and for which it was since."""

    def heard(self, beat: Beat | None, seconds: float) -> None:
        """What the worker says of it (None: there is none), and the seconds that went by since that was asked last.

        Seconds in which the agent itself stood still are not to be among them.
        """
        if beat is not None and beat.idle is not None and beat.idle < BUSY:
            self._with += seconds
            self._without = beat.idle
            self.stands = self.stands and self._with < self._off
            return
        self._with = 0.0
        self._without += seconds
        if self._without >= self._on:
            self.stands = True
            self.reason = NO_WORKER if beat is None else beat.defect or "its analysis does not go on"
