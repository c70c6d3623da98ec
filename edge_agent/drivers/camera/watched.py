"""One camera as the agent knows it: whether it is on line, its open events and counts, and what is remembered of it."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edge_agent.drivers.base import CameraEvent, DurableOutput, Reading
from edge_agent.drivers.camera.balance import Balance
from edge_agent.drivers.camera.counts import LONGEST, Counts
from edge_agent.drivers.camera.findings import OFFSET, Fact, Finding, OpenFinding
from edge_agent.drivers.camera.hints import HINTS, text_of
from edge_agent.drivers.camera.protocol import Beat, CameraBegin
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.standing import Standing
from edge_agent.drivers.camera.unwatched import UNWATCHED, Unwatched
from profiles.seal import Seal, level
from profiles.wire.messages import EventState, Evidence, Level, Value

log = logging.getLogger(__name__)

OFFLINE = "camera_offline"
"""The event of a camera that gives no pictures; the agent's to find, since a worker may be the one that is at fault."""
OF_AGENT = (OFFLINE, UNWATCHED)
"""Events that are the agent's to find; a worker knows nothing of them."""
OPEN, HOUR, DAY, KEPT = "open", "hour", "day", "kept/"
"""Keys of what is remembered: open events, the hour's counts and the day's, what tasks want kept."""
SAVE = 60.0
"""Seconds between two times that the hour's counts are remembered."""
LARGEST_KEPT = 2 * 2**20
"""Bytes that one task may keep under one name; a reference picture has 0.1 MiB."""


class Watched:
    """See the module."""

    def __init__(self, device: CameraDevice, seal: Seal, out: DurableOutput, zone: str, balance: Balance) -> None:
        self.device, self._seal, self._out = device, seal, out
        self._zone = zone
        self._refused = ""
        """Why a wish to relearn could not be taken, as it was told."""
        memory = out.remembered(device.name)
        self._open = _open(memory.get(OPEN, ""), device.name)
        self._kept = _kept(memory)
        every = device.capture.snapshot_every if device.snapshot else 0.0
        now = time.monotonic()
        self._standing = Standing(seal.beat, now, offline=OFFLINE in self._open, every=every)
        self._unwatched = Unwatched(seal, stands=UNWATCHED in self._open)
        self._counts = Counts(device.tags, memory.get(HOUR, ""), _wall())
        self._balance, self._below_at = balance, 0.0
        if device.counts_people:
            balance.join(device.name, memory.get(DAY, ""), zone)
        self._below: tuple[Value, str] | None = None
        self._last, self._save_at, self._online_at = now, now + SAVE, now
        self._online_every = min(
            [seal.beat.cameras, *(each.max_silence for each in device.tags if each.measure == "online")]
        )
        self._up: bool | None = None
        self._totals: dict[str, int] = {}
        """Counters of workers that ended."""
        self._beat: Beat | None = None
        self._close_what_is_no_longer_looked_for()

    def begin(self) -> CameraBegin:
        """What a worker must know; its password among it."""
        dumped = self.device.model_dump(mode="json")
        if self.device.password is not None:
            dumped["password"] = self.device.password.get_secret_value()
        return CameraBegin(
            device=msgspec.json.encode(dumped),
            seal=self._seal.model_dump_json().encode(),
            open={code: each for code, each in self._open.items() if code not in OF_AGENT},
            kept=self._kept,
            evidence=str(self._out.evidence_folder) if self.device.evidence else "",
            zone=self._zone,
        )

    def found(self, finding: Finding, evidence: Sequence[Evidence] = ()) -> None:
        """An event of its pictures with what proves it: told, counted, remembered."""
        stands = self._open.get(finding.code)
        if finding.state == "cleared":
            self._open.pop(finding.code, None)
        elif finding.state == "raised" or (stands is not None and stands.since == finding.since):
            self._open[finding.code] = OpenFinding(finding.since, finding.facts)
        self._tell(finding.code, finding.state, finding.time, finding.since, finding.facts, evidence)

    def asked_to_relearn(self) -> bool:
        """Whether an engineer wants its scene learnt anew (``edge-agent camera relearn``); tells it once."""
        mark = relearn_mark(self._out.evidence_folder, self.device.name)
        try:
            mark.unlink()
        except FileNotFoundError:
            self._refused = ""
            return False
        except OSError as err:  # made by another user, as by sudo: the cameras are watched on
            if self._refused != str(err):
                log.error("camera %s: it cannot be relearnt: %s", self.device.name, err)
            self._refused = str(err)
            return False
        return True

    def counted(self, crossed: Mapping[str, int]) -> None:
        """How many crossed its lines; remembered with the next commit, so that a kill loses no more than a second."""
        self._counts.crossed(crossed)
        self._balance.crossed(self.device.name, crossed, _wall())
        self.save()

    def kept(self, entries: Mapping[str, bytes]) -> None:
        """What its tasks want kept over a restart."""
        for name, value in entries.items():
            if len(value) > LARGEST_KEPT:
                log.error("camera %s: %s has %d bytes and is not kept", self.device.name, name, len(value))
                continue
            self._kept[name] = value
            self._out.remember(self.device.name, {f"{KEPT}{name}": base64.b64encode(value).decode()})
            if not value:
                del self._kept[name]

    def ended(self) -> None:
        """Its worker ended: the counters of the next begin at nothing."""
        if self._beat is not None:
            self._totals, self._beat = self._counters(), None

    def tick(self, beat: Beat | None) -> None:
        """Each second: what the worker says of it now; None while there is none."""
        now, wall = time.monotonic(), _wall()
        self._beat = beat
        self._standing.heard(beat, now)
        seconds, online = min(now - self._last, LONGEST), self._standing.up is True
        self._unwatched.heard(beat, seconds)
        self._link(wall)
        self._counts.passed(seconds, online=online, running=self._open.keys())
        self._balance.passed(self.device.name, seconds, wall, online=online)
        self._last = now
        self._publish(now, wall)
        self._out.device_counters(self.device.name, self._counters())
        if beat is not None and beat.clock_ms is not None:
            self._out.device_clock(self.device.name, beat.clock_ms)

    def save(self) -> None:
        """Remember the hour's counts."""
        self._save_at = time.monotonic() + SAVE
        self._out.remember(self.device.name, {HOUR: self._counts.text(), DAY: self._balance.text(self.device.name)})

    def _link(self, wall: int) -> None:
        standing, name = self._standing, self.device.name
        if standing.up is True:
            self._out.device_up(name)
        elif standing.up is False:
            self._out.device_down(name, standing.reason)
        self._own(OFFLINE, standing.offline, standing.reason, wall)
        self._own(UNWATCHED, self._unwatched.stands, self._unwatched.reason, wall)

    def _own(self, code: str, stands: bool, cause: str, wall: int) -> None:
        """Raise or clear an event of the agent's own."""
        was = self._open.get(code)
        if code not in self._seal.events or stands == (was is not None):
            return
        if was is None:
            self._open[code] = OpenFinding(wall, {"cause": cause})
            self._tell(code, "raised", wall, wall, self._open[code].facts)
        else:
            del self._open[code]
            facts: dict[str, Fact] = {"duration": max(0.0, (wall - was.since) / 1000)}
            self._tell(code, "cleared", wall, was.since, facts)

    def _publish(self, now: float, wall: int) -> None:
        """Counts of hours that ended; whether it is on line, at each change and as often as the profile says."""
        readings = self._counts.due(wall)
        up = self._standing.up
        if up is not None and (up != self._up or now >= self._online_at):
            self._up, self._online_at = up, now + self._online_every
            readings += [Reading(tag.name, wall, up) for tag in self.device.tags if tag.measure == "online"]
        readings += self._publish_below(now, wall)
        if readings:
            self._out.readings(self.device.name, readings)
        if readings or now >= self._save_at:
            self.save()

    def _publish_below(self, now: float, wall: int) -> list[Reading]:
        """The people underground: at each change, and as often as the state of the cameras."""
        tags = [tag.name for tag in self.device.tags if tag.measure == "persons_below"]
        below = self._balance.value(wall)
        if not tags or (below == self._below and now < self._below_at):
            return []
        self._below, self._below_at = below, now + self._seal.beat.cameras
        return [Reading(name, wall, *below) for name in tags]

    def _tell(
        self, code: str, state: EventState, when: int, since: int, facts: Mapping[str, Fact],
        evidence: Sequence[Evidence] = (),
    ) -> None:  # fmt: skip
        if (hint := HINTS.get(code)) is not None:
            text = text_of(hint, facts)
            event = CameraEvent(self.device.name, code, state, hint.level, when, since, facts, text, kind="agent")
        else:
            text, level = self._seal.events[code].en, self._level(code)
            event = CameraEvent(self.device.name, code, state, level, when, since, facts, text, tuple(evidence))
        self._out.camera_event(event)
        log.info("camera %s: %s (%s) %s", self.device.name, text, code, state)
        self._remember_open()

    def _level(self, code: str) -> Level:
        grave = level(self._seal, code, self.device.mine_state, permitted=False)
        return self._seal.levels[str(grave)]  # type: ignore[index]  # one of 1, 2, 3

    def _remember_open(self) -> None:
        text = msgspec.json.encode(self._open).decode() if self._open else ""
        self._out.remember(self.device.name, {OPEN: text})

    def _counters(self) -> dict[str, int]:
        """Totals since the agent's start, over workers."""
        beat = self._beat
        if beat is None:
            return dict(self._totals)
        now = {
            "packets": beat.packets, "pictures": beat.pictures, "skipped": beat.skipped, "reconnects": beat.reconnects,
            "damaged": beat.damaged, "defects": beat.defects, "analysis_ms": beat.analysis_ms,
        }  # fmt: skip
        return {name: self._totals.get(name, 0) + value for name, value in now.items()}

    def _close_what_is_no_longer_looked_for(self) -> None:
        """Events that an earlier run left open and nobody would ever clear."""
        ignored = {*self.device.ignore, *((OFFSET,) if self.device.onvif is None else ())}
        looked_for = {*self._seal.events, *(HINTS if self.device.onvif_events else ())} - ignored
        for code in self._open.keys() - looked_for:
            since, wall = self._open.pop(code).since, _wall()
            known = code in self._seal.events
            self._out.camera_event(
                CameraEvent(
                    self.device.name, code, "cleared", self._level(code) if known else "INFO", wall, since, {},
                    text="it is no longer looked for", kind="agent" if code in HINTS else "seal",
                )
            )  # fmt: skip
            self._remember_open()


def relearn_mark(evidence: Path, name: str) -> Path:
    """The file by which the command line asks the running agent; beside the folder of evidence, in its state."""
    return evidence.parent / "relearn" / name


def _open(text: str, name: str) -> dict[str, OpenFinding]:
    try:
        return msgspec.json.decode(text, type=dict[str, OpenFinding]) if text else {}
    except msgspec.MsgspecError as err:
        log.warning("camera %s: its open events are not readable and left out: %s", name, err)
        return {}


def _kept(memory: Mapping[str, str]) -> dict[str, bytes]:
    found = {}
    for key, text in memory.items():
        if key.startswith(KEPT):
            try:
                found[key.removeprefix(KEPT)] = base64.b64decode(text, validate=True)
            except binascii.Error:
                log.warning("camera: what was kept under %s is not readable and left out", key)
    return found


def _wall() -> int:
    return time.time_ns() // 1_000_000
