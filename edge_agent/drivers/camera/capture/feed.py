"""One camera: a thread takes packets off as they come, so that no queue grows; the newest picture is given when due."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.capture.source import EndedError, LostError, Packet, Source
from edge_agent.drivers.camera.capture.stamps import Stamps
from edge_agent.drivers.camera.picture import Picture

log = logging.getLogger(__name__)

BACKOFF = (1.0, 30.0)
"""First and longest pause, s, before a camera that was lost is asked again."""
STEADY = 10.0
"""Seconds that a connection must have given pictures for the pauses to begin anew."""
SHORTEST = 1.0
"""Seconds that a recording lasts at least: one of a single picture must not be read as fast as the disk gives it."""
MOST_WAITING = 600, 16 * 2**20
"""Packets and bytes since a key frame that wait for a picture to be due; beyond, the next key frame is awaited."""
EARLY = 0.2
"""A packet that comes so much of the period early is due: cameras do not keep time to the millisecond."""
STANDING = 30
"""Packets in a row whose stamps stand still, after which it is said."""


class Feed:
    """See the module. All but `run` is called from the thread that looks at the pictures."""

    def __init__(self, name: str, source: Callable[[], Source], ring: Ring | None = None) -> None:
        self._name, self._source, self.ring = name, source, ring
        self._stamps = Stamps(time.monotonic())
        self._decoder = Decoder()
        self._new = threading.Condition()
        self._waiting: list[tuple[Packet, float]] = []
        """What the decoder needs, with its moments: from a key frame, or from where it stopped, to the newest."""
        self._waiting_size = 0
        self._whole = False
        """Whether nothing is missing between what the decoder had and what waits."""
        self._busy_until = float("inf")
        self._late = 0
        self._keys_at = 0.0
        self._key_interval = float("inf")
        self._stopping = threading.Event()
        self.period = 1.0
        """Seconds between two pictures that are looked at, as they are wanted now."""
        self.progress = time.monotonic()
        """When the thread last came back from a wait; each is bounded, so an old one is a hang."""
        self.connected = False
        self.reason = "it was not asked yet"
        self.failures = 0
        """Connections in a row that gave nothing."""
        self.packets = self.pictures = self.skipped = self.reconnects = 0
        self.heard = 0.0
        """When the last picture was decoded, on the monotonic clock."""
        self.decoding = 0.0
        """Seconds that decoding took."""
        self.size = (0, 0)

    @property
    def damaged(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.damaged

    @property
    def codec(self) -> str:
        """How the pictures are coded."""
        return self._decoder.codec

    def stop(self) -> None:
        """Let `run` return, within the time-out of the source."""
        self._stopping.set()
        with self._new:
            self._new.notify_all()

    def run(self) -> None:
        """Read until `stop`; a camera that is lost is asked again, ever more rarely."""
        pause, longest = BACKOFF
        while not self._stopping.is_set():
            begun = time.monotonic()
            lost = self._read()
            if isinstance(lost, EndedError):
                self._rest(max(0.0, SHORTEST - (time.monotonic() - begun)))
                continue  # a recording begins again
            pause = BACKOFF[0] if self.connected and time.monotonic() - begun > STEADY else pause
            self._lost(lost)
            wait = longest if lost.denied else pause
            self._rest(wait * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
            pause = min(2 * pause, longest)

    def take(self, due: Callable[[float], bool], timeout: float) -> Picture | None:
        """The newest picture once `due` says so of its moment; None when none came in `timeout` seconds."""
        with self._new:
            self._busy_until = float("inf")
            ready = self._new.wait_for(lambda: self._stopping.is_set() or self._is_due(due), timeout)
            if not ready or self._stopping.is_set():
                return None
            taken, self._waiting, self._waiting_size = self._waiting, [], 0
            self._whole = True
            self.skipped += max(0, self._late - 1)
            at = taken[-1][1]
            self._late, self._busy_until = 0, at + self.period
        begun = time.monotonic()
        found = self._decoder.newest([packet for packet, _at in taken])
        now = time.monotonic()
        self.decoding += now - begun
        if found is None:
            return None
        image, key = found
        self.heard, self.size = now, (image.shape[1], image.shape[0])
        self.pictures += 1
        return Picture(image, time=time.time_ns() // 1_000_000 - round((now - at) * 1000), at=at, key=key)

    def _is_due(self, due: Callable[[float], bool]) -> bool:
        return bool(self._waiting) and due(self._waiting[-1][1])

    def _read(self) -> LostError:
        """One connection, to its end."""
        self.progress = time.monotonic()
        source = self._source()
        try:
            source.open()
            for packet in source.packets():
                self._enter(packet)
                if self._stopping.is_set():
                    return LostError("it is no longer watched")
        except LostError as err:
            return err
        except Exception as err:  # a defect of one camera's reading is that camera's loss (I6)
            log.exception("camera %s: its stream could not be handled", self._name)
            return LostError(f"its stream could not be handled ({type(err).__name__})")
        finally:
            self.progress = time.monotonic()
            source.close()
        return LostError("it ended the stream")

    def _enter(self, packet: Packet) -> None:
        self.progress = packet.arrived
        if not self.connected:
            log.info("camera %s: pictures come%s", self._name, " again" if self.packets else "")
            self._stamps = Stamps(self._stamps.last)
            self._keys_at, self._key_interval = 0.0, float("inf")
        self.connected, self.reason, self.failures = True, "", 0
        self.packets += 1
        at = self._stamps.at(packet.stamp, packet.arrived)
        if self._stamps.standing == STANDING:
            log.warning("camera %s: its time stamps stand still; pictures count from when they come", self._name)
        if packet.coded.is_corrupt:
            self._decoder.damaged += 1
        elif self.ring is not None:
            self.ring.add(packet.form, at, packet.coded)
        with self._new:
            self._queue(packet, at)
            self._new.notify_all()

    def _queue(self, packet: Packet, at: float) -> None:
        """What the decoder needs for this picture; nothing where key frames alone are enough."""
        if packet.key:
            self._key_interval = at - self._keys_at if self._keys_at else float("inf")
            self._keys_at = at
            self._waiting, self._waiting_size, self._whole = [], 0, True
        elif self.keys_suffice or not self._whole:
            self._whole = False
            return
        self._waiting.append((packet, at))
        self._waiting_size += packet.size
        if at >= self._busy_until - EARLY * self.period:
            self._late += 1
            self._busy_until = at + self.period
        if len(self._waiting) > MOST_WAITING[0] or self._waiting_size > MOST_WAITING[1]:
            self._waiting, self._waiting_size, self._whole = [], 0, False

    @property
    def keys_suffice(self) -> bool:
        """Whether key frames come as often as pictures are wanted, so that no other need be decoded."""
        return self._key_interval <= self.period * (1 + EARLY)

    def _lost(self, lost: LostError) -> None:
        if self._stopping.is_set():
            return
        if str(lost) != self.reason:
            log.warning("camera %s: %s", self._name, str(lost))  # not itself: its traceback holds the whole stream
        self.failures += 1
        self.reconnects += 1
        self.connected, self.reason = False, str(lost)
        with self._new:
            self._waiting, self._waiting_size, self._whole = [], 0, False

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping.is_set() and time.monotonic() < end:
            self.progress = time.monotonic()
            self._stopping.wait(min(1.0, end - time.monotonic()))
