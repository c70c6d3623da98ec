"""Pictures and films of a sealed mine's events, as an agent tells of them, with the bytes of each picture."""

from __future__ import annotations

import hashlib

import msgspec

from collector.mines import MineOrder
from profiles.wire.messages import Evidence
from tests.collector.field import NOW
from tests.collector.reports.test_seal import BELT, MINE, seen

STOPPED = {MINE: MineOrder(state="stopped")}
BODIES = {
    role: b"\xff\xd8\xff\xe0" + (role.encode() * 60_000)[:110_000] for role in ("before", "at", "marked", "after")
}
"""Of two chunks each."""


def picture(role: str) -> Evidence:
    body = BODIES[role]
    return Evidence(
        id=f"{BELT}/20261124/011204-belt_run-{role}.jpg", type="image/jpeg", size=len(body), role=role,
        sha256=hashlib.sha256(body).hexdigest(), captured=NOW,
    )  # fmt: skip


FILM = Evidence(id=f"{BELT}/film.mp4", type="video/mp4", size=9, sha256="ab" * 32, captured=NOW, role="film")
RAISED = msgspec.structs.replace(
    seen(1, "belt_run", "belt"), evidence=[picture(role) for role in ("before", "at", "marked")]
)
LATER = msgspec.structs.replace(seen(2, "belt_run", "belt", "changed", 3000), evidence=[picture("after"), FILM])
COVERED = msgspec.structs.replace(seen(3, "q_covered", "belt"), evidence=RAISED.evidence)
