"""Files of evidence on their way to a higher collector: from this one's store into its outbox, once, in their order.

That a file is to be carried is committed with its event; its chunks follow once it is verified here, each commit with
how far it has come, as at an agent (`edge_agent.evidence`). Ids are an agent's own, so a file is named by both.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from collector.cascade.settings import CarriedSettings
from collector.evidence.store import EvidenceStore
from collector.sinks.base import EventRecord
from edge_agent.evidence import KEY, Carrier, Chunk, EvidenceSettings, Pending, key_of
from edge_agent.outbox.draft import EvidenceDraft
from edge_agent.outbox.store import Outbox
from edge_agent.remembered import Remembered, remember
from profiles.wire.messages import Evidence, Request, Response

log = logging.getLogger(__name__)
LOOK_EVERY = 2.0
"""Seconds between two looks at which files are verified by now."""
MOST = 100_000
"""Files that are still to be carried at most; those of further events stay here."""


class Files:
    """Of one higher collector. Not thread-safe."""

    def __init__(self, target: str, settings: CarriedSettings, outbox: Outbox, store: EvidenceStore) -> None:
        self._target, self._settings, self._outbox, self._store = target, settings, outbox, store
        before = Remembered.read(outbox.recall()).evidence
        self._carrier = Carrier(Path(), EvidenceSettings(per_hour=settings.per_hour), before, self._locate)
        self._here: set[tuple[str, str]] = set()
        self._gone: set[tuple[str, str]] = set()
        self._seen, self._looked = -1, 0.0
        self._full = False

    # -- with the events

    def noted(self, events: Iterable[EventRecord]) -> list[Pending]:
        """The files of events that are to be carried from now on; `add` them once `recall` is committed."""
        if not self._settings.carry:
            return []
        waiting, found = self._carrier.waiting, []
        for each in events:
            for file in each.event.evidence:
                known = key_of(each.agent, file.id) in waiting
                if not known and not self._store.was_passed(self._target, each.agent, file.id):
                    found.append(self._carrier.note(file, each.era, each.agent))
        room = max(0, MOST - len(waiting))
        if len(found) > room and not self._full:
            log.error(
                "to collector %s: %d files of evidence wait; those of further events stay here", self._target, MOST
            )
        self._full = len(found) > room
        return found[:room]

    @staticmethod
    def recall(noted: Sequence[Pending]) -> dict[str, str]:
        """What is to be committed with the events."""
        return {KEY + each.key: remember(each) for each in noted}

    def add(self, noted: Sequence[Pending]) -> None:
        """They are durable."""
        for each in noted:
            self._carrier.add(each)
        self._seen = -1

    # -- behind them

    def next(self) -> tuple[list[Chunk], dict[str, str]]:
        """The next chunks that the lane has room for, without their manifests, and what is to be forgotten.

        Reads the disk. Commit both, and then say `taken`.
        """
        self._look()
        chunks = self._carrier.read("", self._outbox.room("evidence"))
        lost = self._carrier.lost()
        for why in lost.values():
            log.error("to collector %s: %s", self._target, why)
        return chunks, {KEY + key: "" for key in lost}

    @staticmethod
    def drafts(chunks: Sequence[Chunk], names: Mapping[str, str]) -> list[EvidenceDraft]:
        """As the outbox takes them; `names`: agent → hash of the manifest that it has upward."""
        return [replace(chunk.draft, manifest=names[chunk.draft.origin]) for chunk in chunks]

    @staticmethod
    def progress(chunks: Sequence[Chunk]) -> dict[str, str]:
        """How far the files have come, to be committed with the chunks."""
        return {KEY + chunk.key: remember(chunk.rest) for chunk in chunks}

    def taken(self, chunks: Sequence[Chunk]) -> None:
        """The chunks are durable in the outbox."""
        self._carrier.taken(chunks)
        for chunk in chunks:
            if chunk.rest is None:
                self._store.note_passed(self._target, chunk.draft.origin, chunk.draft.id)

    def ask(self, request: Request) -> Response:
        """Carry a file once more that the higher collector lacks; of what was not for it nothing is given out."""
        name, agent = request.args.get("id"), request.args.get("agent")
        if not isinstance(name, str) or not isinstance(agent, str):
            return Response(v=1, id=request.id, ok=False, error="expected id and agent of a file of evidence")
        if key_of(agent, name) in self._carrier.waiting:
            return Response(v=1, id=request.id, ok=True, result={"waits": True})
        kept = next((each for each in self._store.named(name) if each.agent == agent), None)
        if kept is None or kept.state != "verified" or not self._store.was_passed(self._target, agent, name):
            error = f"id: {name!r} of {agent} is no file of evidence here (any more)"
            return Response(v=1, id=request.id, ok=False, error=error)
        file = Evidence(
            id=kept.id, type=kept.type, size=kept.size, sha256=kept.sha256, captured=kept.captured, sm3=kept.sm3
        )
        self.add([self._carrier.note(file, 0, agent)])
        return Response(v=1, id=request.id, ok=True, result={"size": file.size, "sha256": file.sha256})

    def _look(self) -> None:
        """Which of the files are here by now."""
        now = time.monotonic()
        if self._store.changes == self._seen or now - self._looked < LOOK_EVERY:
            return
        self._seen, self._looked = self._store.changes, now
        states = self._store.states({(each.owner, each.file.id) for each in self._carrier.pending})
        self._here = {key for key, state in states.items() if state == "verified"}
        self._gone = {key for key, state in states.items() if state == "deleted"}

    def _locate(self, pending: Pending) -> Path | None:
        key = pending.owner, pending.file.id
        if key in self._gone:
            raise FileNotFoundError("it was deleted here, as older than it is to be kept or to make room")
        return self._store.path(*key) if key in self._here else None
