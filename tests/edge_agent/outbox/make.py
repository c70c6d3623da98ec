"""Drafts as the recorder makes them, and outboxes to put them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_agent.outbox.draft import DataDraft, EventDraft
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import Outbox
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Event

MANIFEST = "a" * 64
NOW = 1_700_000_000_000
KIB = 1024


def outbox(folder: Path, **settings: Any) -> Outbox:
    return open_outbox(folder / "outbox.db", OutboxSettings(**{"reserve": 0, **settings}))


def data(number: int = 0, samples: int = 1) -> DataDraft:
    rows = tuple((f"tag{i}", NOW + 1000 * number, number + i / 8, "good") for i in range(samples))
    return DataDraft(0, MANIFEST, rows)


def event(number: int = 0) -> EventDraft:
    made = Event(
        id=f"e{number}", alarm=f"e{number}", kind="agent", level="INFO", state="noted", time=NOW, since=NOW, text="x"
    )
    return EventDraft(0, MANIFEST, (made,))


def number_of(frame: bytes | None) -> int:
    """The number that `data` was made with, read back from the frame."""
    assert frame is not None
    value = decode(frame, decoder(Data)).s[0].value
    assert isinstance(value, (int, float))
    return int(value)
