"""One target's packets to its platform: alarms first, live before resumed, deleted only by the platform's answer.

Rules of the specification notes, 1.6 and 1.8: 401 stops the target and is tried again every 5 minutes; 400 is a dead
letter at once; no answer is tried again after 1 s up to 60 s; resumed packets leave at a set rate.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import time
from dataclasses import replace

from collector.evidence.store import EvidenceStore
from collector.persons.store import PersonStore
from collector.reports.ciphers import CipherError
from collector.reports.digests import headers
from collector.reports.encoders.base import FLEETING, Encoder
from collector.reports.encoders.text_passed_on import holds_persons
from collector.reports.frames import framed, tables
from collector.reports.names import free_name
from collector.reports.passing import Passing
from collector.reports.persons import file_of, is_encrypted, named_in, opened, personal, struck_out
from collector.reports.pictures import filled, holds_pictures
from collector.reports.queue import ReportQueue
from collector.reports.rows import Packet
from collector.reports.settings import TargetSettings
from collector.reports.transports.base import Answer, Outgoing, Transport
from profiles.load import Library
from profiles.model import Profile
from profiles.report import ChemicalReport
from profiles.textfile.encrypted import EncryptedFileError

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STOPPED_PAUSE = 300.0
"""Seconds between two tries of a target that does not take our word for who we are."""
IDLE = 0.5
"""Longest pause, s, before the queue is looked at again."""
DEFECTS = 5
"""Tries of a packet at which something of ours fails; then it is a dead letter, so that it blocks no other."""


class Sender:
    """Sends for one target until it is stopped; a packet in flight is awaited."""

    def __init__(
        self, settings: TargetSettings, queue: ReportQueue, library: Library, encoders: dict[str, type[Encoder]],
        transport: Transport, persons: PersonStore, evidence: EvidenceStore,
    ) -> None:  # fmt: skip
        self._persons, self._evidence = persons, evidence
        self._settings, self._queue, self._library, self._encoders = settings, queue, library, encoders
        self._transport = transport
        self._pause = 0.0
        self._resumed_at = 0.0
        self._failed = self._trouble = ""
        self._passing = Passing()
        self._beat_refused = ""
        """Why the last heartbeat (or repeat) was refused: what is said every minute is not read."""
        self.wake = asyncio.Event()
        """Set it when there is something new in the queue."""

    async def run(self, stop: asyncio.Event) -> None:
        """Send what waits, and what comes, until `stop`."""
        try:
            while not stop.is_set():
                try:
                    packet = await asyncio.to_thread(self._next)
                    pause = IDLE if packet is None else await self._send(packet)
                except sqlite3.Error as err:  # the disk is full, say: what was sent comes again, and is dropped there
                    self._tell_trouble(err)
                    packet, pause = None, FIRST_PAUSE
                else:
                    self._trouble = ""
                if pause:
                    await self._rest(pause, stop, early=packet is None)
        finally:
            await self._transport.close()

    def _next(self) -> Packet | None:
        """The packet whose turn it is; a live one that is late is a resumed one now, and an alarm may say so."""
        while True:
            due = time.monotonic() - self._resumed_at >= 1 / self._settings.resume_rate
            over = self._passing.over(time.monotonic())
            packet = self._queue.next(self._settings.name, resumed=due, but=over)
            if packet is None and over:  # nothing else waits: no need to pass over the first one
                packet = self._queue.next(self._settings.name, resumed=due, but=over - {self._passing.head})
            if packet is None or packet.kind not in ("live", "alarm"):
                return packet
            profile = self._library.get(packet.profile)  # it may be gone since the packet was made
            report = profile.shape(self._settings.family) if profile else None
            if report is None or time.time() * 1000 - packet.time <= report.late_after * 1000:
                return packet
            encoder = self._encoders[report.family]
            try:
                body = packet.body if is_encrypted(packet) else encoder.as_resumed(packet.body)
            except ValueError:  # it was made in another family, before the settings changed: it goes as it is
                body = packet.body
            if packet.kind == "live":
                self._queue.become_resumed(packet.target, packet.id, body)
            elif encoder.late_alarms and body != packet.body:
                self._queue.restate(packet.target, packet.id, body)
            else:
                return packet

    async def _send(self, packet: Packet) -> float:
        """Send one packet; the seconds to rest before the next."""
        if packet.kind == "resumed":
            self._resumed_at = time.monotonic()
        person = is_encrypted(packet) or holds_persons(packet.body)
        answer = await (self._deliver_persons(packet) if person else self._deliver(packet, self._table(packet)))
        if answer.verdict == "taken":
            answer = await asyncio.to_thread(self._renamed, packet, answer)
        await asyncio.to_thread(self._note, packet, answer)
        match answer.verdict:
            case "accepted" | "refused" | "taken":
                self._pause = 0.0
                if passed := self._passing.went(packet.id, time.monotonic()):
                    log.warning("target %s takes others, but not packet %s: it is passed over, and tried every 5 min",
                                packet.target, passed)  # fmt: skip
            case "unauthorised":
                return STOPPED_PAUSE
            case _:
                self._passing.failed(packet.id)
                self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
        return self._pause * random.uniform(0.75, 1.0)  # noqa: S311  # so that targets that fell together rise apart

    def _table(self, packet: Packet) -> str:
        """The static table that a packet is; "" for everything else."""
        profile = self._library.get(packet.profile)
        shape = profile.shape(self._settings.family) if profile else None
        return packet.path if packet.kind == "static" and isinstance(shape, ChemicalReport) else ""

    async def _deliver_persons(self, packet: Packet) -> Answer:
        """A file that tells of persons is opened for its delivery, and what is answered is kept without them."""
        profile = self._library.get(packet.profile)
        try:
            whole, texts = await asyncio.to_thread(self._with_persons, packet, profile)
            outgoing = self._outgoing(packet, whole)
        except EncryptedFileError as err:
            return Answer("refused", str(err))
        except ValueError:  # its words may quote a name
            return Answer("refused", "it cannot be written for this target (encoding, frame or cipher)")
        answer = await self._sent(outgoing, packet)
        return replace(answer, message=struck_out(answer.message, texts))

    def _with_persons(self, packet: Packet, profile: Profile | None) -> tuple[bytes, set[str]]:
        """A packet in clear, and what in it tells of persons; EncryptedFileError, ValueError."""
        if not is_encrypted(packet):
            store = self._persons if self._settings.persons else None
            return named_in(packet, store, profile, self._settings.encoding)
        file = opened(packet, self._persons)
        whole = file_of(file, profile, self._settings.encoding)
        shape = profile.shape(self._settings.family) if profile else None
        if packet.kind == "resumed" and shape is not None:
            whole = self._encoders[shape.family].as_resumed(whole)
        return whole, personal(file, profile)

    async def _deliver(self, packet: Packet, table: str) -> Answer:
        frame = self._settings.frame
        if table and table not in tables(frame):
            return Answer("refused", f"the target's frame has no interface for static table {table}: static_ids")
        try:
            held = packet.body
            if holds_pictures(held):
                held = await asyncio.to_thread(filled, held, self._evidence)
            outgoing = self._outgoing(packet, held, table)
        except CipherError as err:
            return Answer("refused", f"it cannot be encrypted: {err}")
        except ValueError as err:  # a picture that is not what it was, a body that only looks as if it held one
            return Answer("refused", str(err))
        except OSError as err:  # a bad sector must not stop the packets behind this one
            late = packet.attempts + 1 >= DEFECTS
            return Answer("refused" if late else "later", f"its pictures cannot be read: {err.strerror or err}")
        answer = await self._sent(outgoing, packet)
        if table and answer.verdict == "unauthorised":  # it has an interface id of its own; the readings' may well do
            return Answer("refused", f"{answer.message}; is static_ids {table} as the platform issued it?")
        return answer

    def _outgoing(self, packet: Packet, held: bytes, table: str = "") -> Outgoing:
        """A packet as it travels: framed, encrypted, with its digest. CipherError, or ValueError of an odd body."""
        its = self._settings
        body = framed(held, its.frame, its.cipher, its.digest, identity=packet.id, table=table)
        path, beside = "" if table else packet.path, headers(body, its.digest)
        return Outgoing(packet.id, body, packet.name, path, packet.profile, packet.gateway, packet.kind, beside)

    async def _sent(self, outgoing: Outgoing, packet: Packet) -> Answer:
        """What a transport did not expect (a defect of ours, an odd answer) ends neither sender nor collector (I6)."""
        try:
            return await self._transport.send(outgoing)
        except Exception as err:  # see above
            log.error("target %s: packet %s cannot be sent", packet.target, packet.id, exc_info=err)
            return Answer("later" if packet.attempts + 1 < DEFECTS else "refused", f"it cannot be sent: {err!r}")

    def _tell_trouble(self, err: sqlite3.Error) -> None:
        if str(err) != self._trouble:
            log.error("target %s: the report queue cannot be written: %s; it is tried again", self._settings.name, err)
        self._trouble = str(err)

    def _renamed(self, packet: Packet, answer: Answer) -> Answer:
        """Another file of ours or of somebody else's has the packet's name: the next free one, if there is any."""
        target = packet.target
        profile = self._library.get(packet.profile)
        name = packet.name
        if profile is not None:
            name = free_name(
                profile, packet.name,
                lambda name: name == packet.name or self._queue.has_name(target, name, but=packet.id),
            )  # fmt: skip
        if name == packet.name:
            return Answer("refused", answer.message)
        log.warning("target %s: %s; the packet is called %s now", target, answer.message, name)
        self._queue.rename(target, packet.id, name)
        return answer

    def _note(self, packet: Packet, answer: Answer) -> None:
        states = {"accepted": "accepted", "refused": "dead"}
        self._queue.answered(packet.target, packet.id, states.get(answer.verdict, "waiting"), answer.message)
        name = self._settings.name
        said_already = packet.kind in FLEETING and answer.message == self._beat_refused
        if packet.kind in FLEETING:
            self._beat_refused = answer.message if answer.verdict == "refused" else ""
        if answer.verdict == "refused" and not said_already:
            log.error("target %s refused packet %s (%s): %s; it is kept: edge-collector reports dead-letters",
                      name, packet.id, packet.kind, answer.message)  # fmt: skip
        failed = {"unauthorised": "does not accept us", "later": "gives no answer"}.get(answer.verdict, "")
        if failed and failed != self._failed:
            rest = "; it is stopped and tried again every 5 minutes" if answer.verdict == "unauthorised" else ""
            log.error("target %s %s: %s%s; what is due is kept", name, failed, answer.message, rest)
        if self._failed and not failed:
            log.info("target %s answers again", name)
        if (answer.verdict == "unauthorised") != (self._failed == "does not accept us"):
            self._queue.stopped(name, answer.message if answer.verdict == "unauthorised" else "")
        self._failed = failed

    async def _rest(self, pause: float, stop: asyncio.Event, *, early: bool) -> None:
        """Rest, but not beyond a stop; `early`: nor beyond the next thing to send."""
        waits = [asyncio.create_task(stop.wait())] + ([asyncio.create_task(self.wake.wait())] if early else [])
        try:
            await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self.wake.clear()
