"""Whether a camera is on line, by the profile's times (notes on mines, 5.5: 30 s without a frame, two tries in vain).

Our own failure is not the camera's: while no worker watches, the device is down for the gateway, and no event says that
the camera is off line.
"""

from __future__ import annotations

from edge_agent.drivers.camera.protocol import Beat
from profiles.seal import Beat as Rules

RECONNECTS = 2
"""So many must have failed."""
UNWATCHED = "no process watches it"
"""Why nothing is known of a camera that no worker looks at."""
GAP = 3.0
"""Seconds between two pictures, or twice the interval of snapshots, that do not break a flow of them."""


class Standing:
    """Of one camera. `now` is on the monotonic clock; `every`: seconds between two pictures that it can give."""

    def __init__(self, rules: Rules, now: float, *, offline: bool, every: float = 0.0) -> None:
        self._rules, self._gap = rules, max(GAP, 2 * every)
        self._lost_after = max(rules.camera_lost, 2 * every)
        self.up: bool | None = None
        """Whether pictures come; None until that is known."""
        self.offline = offline
        """Whether its being off line is an open event."""
        self.reason = ""
        self._picture = now
        """When the last picture came, or when it began to be watched."""
        self._flowing = now
        """Since when pictures come without a gap."""
        self._any = False

    def heard(self, beat: Beat | None, now: float) -> None:
        """What the worker says of it, each second; None: there is no worker."""
        if beat is not None and beat.silence is not None:
            self._came(now - beat.silence)
        if now - self._picture >= self._lost_after:
            self.up = False
            self.reason = UNWATCHED if beat is None else beat.reason or beat.defect or "what comes is no picture"
            self.offline = self.offline or (beat is not None and beat.failures >= RECONNECTS)
        elif self._any and self._steady():
            self.up, self.reason, self.offline = True, "", False

    def _came(self, moment: float) -> None:
        if not self._any or moment - self._picture > self._gap:
            self._flowing = moment
        self._any = True
        self._picture = max(self._picture, moment)

    def _steady(self) -> bool:
        """At a start one picture is enough; after a loss they have to come for a while."""
        known_lost = self.up is False or self.offline
        return not known_lost or self._picture - self._flowing >= self._rules.camera_back
