"""What the agent and a worker process say to each other: msgspec messages, each behind its length, over pipes.

The agent begins with `Begin`; the end of its pipe means stop, so that no worker outlives its agent. Secrets stand in
`Begin` alone: they are in no argument list and no environment that others on the machine can read.
"""

from __future__ import annotations

import struct
from typing import Annotated

import msgspec
from msgspec import Meta

from edge_agent.drivers.camera.findings import Finding, OpenFinding
from profiles.wire.messages import Evidence

HEAD = struct.Struct(">I")
"""The length of a message, before it."""
LARGEST = 256 * 2**20
"""Bytes of a message at most; a longer one is no message. `Begin` has up to 2 MiB for each camera of its group."""


class CameraBegin(msgspec.Struct, frozen=True, kw_only=True):
    """One camera that the worker is to watch."""

    device: bytes
    """Its settings as JSON, with the password."""
    seal: bytes
    """The seal of its profile, as JSON."""
    open: dict[str, OpenFinding] = {}
    """What an earlier worker raised and did not clear."""
    kept: dict[str, bytes] = {}
    """What its tasks wanted kept."""
    evidence: str = ""
    """Folder of the files that prove its events; empty: none are kept."""
    zone: str = "+08:00"
    """The profile's offset from UTC; files are named by its time."""


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The cameras of a worker."""

    cameras: tuple[CameraBegin, ...]


class Pace(msgspec.Struct, frozen=True, tag=True):
    """By how much all rates of analysis are to be lowered (`edge_agent.drivers.camera.pace`)."""

    stretch: Annotated[float, Meta(ge=1)]


class Relearn(msgspec.Struct, frozen=True, tag=True):
    """The scene of a camera is rightly another one now."""

    camera: str


class Shoot(msgspec.Struct, frozen=True, tag=True):
    """Somebody asked for a picture of a camera as it is now; answered by `Shot` within so many seconds."""

    camera: str
    within: float


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Hand over what is to be kept, and end."""


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One camera as it is now; counters are totals since the worker began."""

    connected: bool
    reason: str
    """Why not, in words."""
    failures: int
    """Connections in a row that gave nothing."""
    silence: float | None
    """Seconds since its last picture; None when there was none yet."""
    stuck: float
    """Seconds since one of its threads made progress; waits are bounded, so that a long one is a hang."""
    packets: int
    pictures: int
    skipped: int
    reconnects: int
    damaged: int
    defects: int
    """How often its analysis failed and was begun again."""
    analysis_ms: int
    strain: float
    """Share of the wanted period that a picture takes to be looked at; beyond 1 it cannot keep up."""
    size: tuple[int, int] = (0, 0)
    codec: str = ""
    idle: float | None = None
    """Seconds since its pictures were analysed last, or were looked for where none come; None: not yet."""
    defect: str = ""
    """Why its analysis fails now, in words; "" while it goes."""
    clock_ms: int | None = None
    """How far its own clock is ahead; None where that is not known."""


class Alive(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Each second, from the worker's main thread."""

    cameras: dict[str, Beat]


class Found(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a camera's pictures show."""

    camera: str
    finding: Finding
    evidence: tuple[Evidence, ...] = ()
    """Files that prove it, on the disk."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How many crossed a camera's lines, by measure (`View.crossed`)."""

    camera: str
    crossed: dict[str, int]


class Shot(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A picture by itself, on the disk, that was asked for or that shows what was learnt; or why there is none."""

    camera: str
    code: str
    """Which of both (`profiles.wire.messages`: SNAPSHOT, REFERENCE)."""
    file: Evidence | None = None
    reason: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What tasks want kept over a restart, as far as it changed."""

    camera: str
    entries: dict[str, bytes]


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is wrong with the watching of a camera and is to be told as the agent's note; said once."""

    camera: str
    text: str


ToWorker = Begin | Pace | Relearn | Shoot | Stop
FromWorker = Alive | Found | Counted | Kept | Noted | Shot
to_worker = msgspec.msgpack.Decoder(ToWorker)
from_worker = msgspec.msgpack.Decoder(FromWorker)


def framed(message: ToWorker | FromWorker) -> bytes:
    """A message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return HEAD.pack(len(body)) + body


def length(head: bytes) -> int:
    """The length that a head tells; ValueError for one that cannot be."""
    (size,) = HEAD.unpack(head)
    if size > LARGEST:
        raise ValueError(f"a message of {size} bytes; expected at most {LARGEST}")
    return int(size)
