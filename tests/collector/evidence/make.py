"""Events with files, and their chunks as an agent sends them."""

from __future__ import annotations

import hashlib

from collector.sinks.base import EventRecord
from profiles.wire.messages import Event, Evidence, EvidenceChunk

NOW = 1_760_000_000_000
DAY = 86_400_000
CAMERA = "14010000001320000006"


def file(name: str, body: bytes) -> Evidence:
    return Evidence(id=name, type="image/jpeg", size=len(body), sha256=hashlib.sha256(body).hexdigest(), captured=NOW)


def seen(*files: Evidence, alarm: str = "A1", agent: str = "mine-a", site: str = "140199900001") -> EventRecord:
    told = Event(
        id=f"{alarm}-raised", alarm=alarm, kind="seal", level="RED", state="raised", time=NOW, since=NOW,
        camera="mouth", code="belt_run", evidence=list(files),
    )  # fmt: skip
    return EventRecord(told, agent, 0, 1, site, "140199", "electronic-seal", CAMERA, CAMERA, "belt_run")


def chunks(name: str, body: bytes, size: int = 4) -> list[tuple[EvidenceChunk, bytes]]:
    return [
        (
            EvidenceChunk(
                v=1, stream="0" * 32, seq=1 + offset, era=0, manifest="0" * 64, id=name, offset=offset, total=len(body)
            ),
            body[offset : offset + size],
        )
        for offset in range(0, len(body), size)
    ]
