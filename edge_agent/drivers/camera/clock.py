"""q_offset: the camera's own clock is wrong, as it tells over ONVIF; asked once a minute, in a thread of its own.

Only people go by it: events and evidence carry this computer's time. But a clock drawn into a picture that says another
time than its event is a doubt about both. (The time in RTCP sender reports would serve as well; PyAV does not give it.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.capture.conversation import Clock
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.findings import OFFSET, Look, Passage
from profiles.seal import Seal

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two questions."""
FRESH = 3 * EVERY
"""Seconds for which an answer is good: cheap clocks drift by seconds a day, and not in minutes."""
PERIOD = 1.0
"""Seconds between two looks, as of the other checks."""


class CameraClock:
    """Asks a camera for its time by `ask`, which blocks for a bounded time (`Onvif.clock`)."""

    def __init__(self, name: str, ask: Callable[[], Clock | None]) -> None:
        self._name, self._ask = name, ask
        self._stopping = threading.Event()
        self._last: tuple[float, Clock] | None = None
        self._told = ""

    def run(self) -> None:
        """Ask until `stop`; a camera that does not answer is asked again, and that is said once."""
        while not self._stopping.is_set():
            try:
                found = self._ask()
                told = "" if found is not None else "it does not tell its time in UTC"
            except LostError as err:
                found, told = None, str(err)
            except Exception as err:  # a defect here must not end the question for good (I6)
                log.exception("camera %s: its clock cannot be asked", self._name)
                found, told = None, type(err).__name__
            if found is not None:
                self._last = time.monotonic(), found
            if told != self._told:
                self._told = told
                log.log(logging.WARNING if told else logging.INFO, "camera %s: its clock %s", self._name,
                        f"is not known: {told}" if told else "is known")  # fmt: skip
            self._stopping.wait(EVERY)

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    def now(self) -> Clock | None:
        """How it stands; None where that is not known, or not any more."""
        last = self._last
        return last[1] if last is not None and time.monotonic() - last[0] <= FRESH else None


class ClockTask:
    """See `edge_agent.drivers.camera.analysis.Task`. `clock` says how the clock stands, if that is known."""

    name = OFFSET

    def __init__(self, seal: Seal, clock: Callable[[], Clock | None]) -> None:
        self._most, self._clock = seal.events[OFFSET].triggers["offset"], clock

    def period(self) -> float:
        """See `Task`."""
        return PERIOD

    def look(self, view: View) -> Iterator[Look | Passage]:
        """It holds only where the doubt leaves no other answer, and does not hold likewise."""
        found = self._clock()
        if found is None:
            yield Look(OFFSET, holds=None)
            return
        far = abs(found.offset)
        holds = True if far - found.doubt > self._most else False if far + found.doubt <= self._most else None
        yield Look(OFFSET, holds, {"offset_s": round(found.offset, 1), "doubt_s": round(found.doubt, 1)})

    def remember(self) -> Mapping[str, bytes]:
        """See `Task`."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """See `Task`."""

    def relearn(self) -> None:
        """See `Task`."""
