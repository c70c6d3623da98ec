"""Pictures of events on their way upward: a packet names them, and their bytes are put in while it is delivered.

A packet that holds pictures is made with its event and waits until they are verified here, so that nothing is told
twice and nothing forgotten, whatever is killed in between. A bad picture drops only itself (notes on mines, 5.4).
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from collector.evidence.store import EvidenceStore
from collector.reports.awaited import Wanted
from collector.reports.encoders.pictures import KEY
from collector.reports.queue import ReportQueue

log = logging.getLogger(__name__)
_MARK = f'{{"{KEY}":'.encode()
SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "video/mp4": b""}
"""How the files begin that a platform takes as pictures; a film's beginning is not looked at."""
FORSAKE_EVERY = 3_600_000
"""Ms between two looks for packets whose pictures never came."""
_GONE = object()


class PictureError(ValueError):
    """A picture without which its packet says nothing is not here (any more), or is none."""


def holds_pictures(body: bytes) -> bool:
    """Whether bytes of pictures are to be put in."""
    return _MARK in body


def filled(body: bytes, store: EvidenceStore) -> bytes:
    """A body with its pictures, for delivery; PictureError when one that it needs is gone. Reads the disk."""

    def found(agent: str, name: str, kind: str, size: int, sha256: str) -> bytes | None:
        path = store.path(agent, name)
        try:
            if path.stat().st_size != size:  # before it is read: what an event states bounds the memory
                return None
            read = path.read_bytes()
        except FileNotFoundError:
            return None
        sound = kind in SIGNATURES and read.startswith(SIGNATURES[kind]) and hashlib.sha256(read).hexdigest() == sha256
        return read if sound else None

    def text(*named: Any) -> str | None:
        *file, prefix, _needed = named
        read = found(*file)
        return None if read is None else prefix + base64.b64encode(read).decode()

    if not body.startswith(_MARK):
        return _with(body, text)
    *file, _prefix, _needed = msgspec.json.decode(body)[KEY]  # the packet is the file itself
    if (read := found(*file)) is None:
        raise _lack(*file)
    return read


def _lack(agent: str, name: str, *_rest: Any) -> PictureError:
    return PictureError(f"picture {name} of agent {agent} is not here any more, or is no picture")


def without(body: bytes, missing: frozenset[tuple[str, str]]) -> bytes:
    """A body that names these pictures no more; PictureError when it needs one of them."""

    def leave(agent: str, name: str, *rest: Any) -> dict[str, Any] | None:
        return None if (agent, name) in missing else {KEY: [agent, name, *rest]}

    return _with(body, leave) if missing else body


def _with(body: bytes, put: Callable[..., Any]) -> bytes:
    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [made for each in value if (made := walk(each)) is not _GONE]
        if not isinstance(value, dict):
            return value
        if KEY in value:
            named = value[KEY]
            made = put(*named)
            if made is None and named[-1]:
                raise _lack(*named)
            return _GONE if made is None else made
        return {key: made for key, each in value.items() if (made := walk(each)) is not _GONE}

    return msgspec.json.encode(walk(msgspec.json.decode(body)))


class PictureReleaser:
    """Lets one target's packets go once their pictures are here, or once they have waited for long enough."""

    def __init__(self, target: str, keep: float, queue: ReportQueue, store: EvidenceStore) -> None:
        """`keep`: seconds after which a picture that never came is given up."""
        self._target, self._keep, self._queue, self._store = target, keep, queue, store
        self._looked = (-1, -1)
        self._until: int | None = None
        """When the next packet has waited for long enough, ms."""
        self._forsook = 0

    def pack(self, now: int, _online: set[str]) -> int:
        """Release what is ready at `now` (ms UTC); how many packets."""
        if now - self._forsook >= FORSAKE_EVERY:
            self._forsook = now
            if gone := self._queue.forsake(self._target, now - round(self._keep * 1000)):
                log.error("target %s: %d pictures that have not come here will not be reported", self._target, gone)
        seen = self._store.changes, self._queue.held_back
        if seen == self._looked and (self._until is None or now < self._until):
            return 0
        wanted = self._queue.wanted(self._target)
        self._until = min((each.until for each in wanted if each.until is not None and each.until > now), default=None)
        released = self._release(wanted, now)
        self._looked = seen
        return released

    def _release(self, wanted: list[Wanted], now: int) -> int:
        states = self._store.states({(each.agent, each.file) for each in wanted})
        packets: dict[str, list[Wanted]] = defaultdict(list)
        for each in wanted:
            packets[each.packet].append(each)
        released, lost = 0, []
        for identity, files in packets.items():
            settled = all(
                states.get((each.agent, each.file)) in ("verified", "deleted")
                or (each.until is not None and each.until <= now)
                for each in files
            )
            if not settled:
                continue
            keys = {(each.agent, each.file) for each in files}
            missing = frozenset(key for key in keys if states.get(key) != "verified")
            try:
                body = without(self._queue.awaiting_body(self._target, identity), missing)
            except PictureError as err:
                log.error("target %s: %s; it is not reported", self._target, err)
                lost.append(identity)
                continue
            self._queue.release_awaited(self._target, identity, body)
            released += 1
        if lost:
            self._queue.give_up_awaited(self._target, lost)
        return released
