"""A power cut damaged the outbox's file: it is set aside and salvaged, and the agent goes on."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest

from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data
from tests.faults.plant import Plant
from tests.servers import wait_for


@pytest.mark.timeout(180)
def test_an_agent_whose_outbox_is_damaged_salvages_it_and_goes_on(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    try:
        plant.start()
        wait_for(lambda: plant.stored(), what="the first reading in the store")
        plant.store.kill()  # so that envelopes stay in the outbox
        wait_for(lambda: plant.waiting() > 20, seconds=60, what="a backlog")
        plant.agent.kill()
        outbox = plant.folder / "agent/outbox.db"
        with sqlite3.connect(outbox) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        with outbox.open("r+b") as file:
            for page in range(2, max(3, outbox.stat().st_size // 4096), 3):
                file.seek(4096 * page)
                file.write(b"\xa5" * 2048)
        plant.agent.start()
        wait_for(lambda: list(outbox.parent.glob("outbox.db.damaged-*")), seconds=60, what="the file to be set aside")
        salvaged = {
            (sample.tag, data.t0 + sample.dt, sample.value)
            for data in map(decode, plant.waiting_frames("data"), itertools.repeat(decoder(Data)))
            for sample in data.s
        }
        plant.store.start()
        before = len(plant.stored())
        wait_for(lambda: len(plant.stored()) > before + 50, seconds=60, what="readings after the damage")
        plant.delivered()
        stored = plant.stored()
        assert salvaged
        assert salvaged <= set(stored)
        assert len(stored) == len(set(stored))
        wait_for(lambda: plant.stored_texts("was damaged"), seconds=60, what="the event that tells of the damage")
        assert plant.agent.stop() == 0
    finally:
        plant.stop()
    assert "is damaged" in plant.agent.log.read_text()
