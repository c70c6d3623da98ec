"""A film on its way from county to city, with each of the two killed in the middle: it arrives whole, carried once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from collector.evidence.store import EvidenceStore
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from profiles.wire.codec import decoder, freeze_events, freeze_evidence, manifest_hash, split_evidence
from profiles.wire.messages import EvidenceChunk
from tests.collector.field import STREAM, Agent
from tests.collector.reports.test_seal import ABOUT
from tests.collector.test_cascade_evidence import NAME, PIECE, pieces, proved
from tests.faults.plant import Program
from tests.servers import LOCAL, Server, mosquitto, wait_for

FILM = bytes(range(256)) * 256 * 100
"""6.4 MiB: at a second a commit some seconds on its way."""


def level(folder: Path, name: str, broker: Server, above: dict[str, object] | None = None) -> Program:
    """A collector as a process, with its state and its store under its name."""
    settings: dict[str, object] = {
        "collector": name, "mqtt": mqtt(broker), "state": name,
        "sinks": [{"type": "sqlite", "path": f"{name}/store.db"}],
    }  # fmt: skip
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(settings | (above or {}), sort_keys=False), encoding="utf-8")
    return Program(name, folder, ["collector.cli.main", "run", str(file)])


def mqtt(broker: Server) -> dict[str, object]:
    return {"host": LOCAL, "port": broker.port, "tls": "disabled"}


def laid(folder: Path) -> Path:
    """The county's outbox to the city, with a trigger that keeps what is committed."""
    (folder / "bureau" / "cascade-city").mkdir(parents=True)
    outbox = folder / "bureau" / "cascade-city" / "outbox.db"
    open_outbox(outbox, OutboxSettings()).close()
    with closing(sqlite3.connect(outbox)) as db:
        db.execute("CREATE TABLE audit (frame BLOB NOT NULL)")
        db.execute(
            "CREATE TRIGGER audit_of_commits AFTER INSERT ON envelope WHEN new.lane = 'evidence'"
            " BEGIN INSERT INTO audit VALUES (new.frame); END"
        )
        db.commit()
    return outbox


def committed(outbox: Path) -> list[int]:
    """The offsets of the chunks that were put into the outbox."""
    with closing(sqlite3.connect(outbox)) as db:
        frames = [row[0] for row in db.execute("SELECT frame FROM audit ORDER BY rowid")]
    return [split_evidence(frame, decoder(EvidenceChunk))[0].offset for frame in frames]


def state(folder: Path) -> str:
    with closing(EvidenceStore(folder, mend=False)) as store:
        return next((each.state for each in store.find()), "")


@pytest.mark.timeout(240)
def test_a_film_arrives_whole_and_is_carried_once_whoever_is_killed_on_its_way(tmp_path: Path) -> None:
    brokers = [mosquitto(tmp_path / name) for name in ("below", "above")]
    for broker in brokers:
        broker.start()
    outbox = laid(tmp_path)
    uplink = {"resend": "2s", "backoff": "1s", "state_interval": "1s"}
    city = level(tmp_path, "city", brokers[1])
    county = level(
        tmp_path, "bureau", brokers[0], {"cascade": [{"collector": "city", "mqtt": mqtt(brokers[1]), "uplink": uplink}]}
    )  # fmt: skip
    agent = Agent(brokers[0].port, "mine-a")
    frames = {1: ("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [proved(FILM)]))}
    frames |= {head.seq: ("evidence", freeze_evidence(head, body)) for head, body in pieces(FILM)}

    def delivered() -> bool:
        """As an agent does: what is not acknowledged is sent again."""
        agent.send("manifest", ABOUT)
        for seq, (kind, frame) in frames.items():
            if not agent.has(seq, frame):
                agent.send(kind, frame)
        return all(agent.has(seq, frame) for seq, (_kind, frame) in frames.items())

    try:
        city.start()
        county.start()
        wait_for(delivered, what="the county to have it all")
        for victim in (county, city, county):
            before = len(committed(outbox))
            wait_for(lambda before=before: len(committed(outbox)) > before, what="some of it on its way")  # type: ignore[misc]
            victim.kill()
            assert state(tmp_path / "city") != "verified", "it is killed in the middle"
            victim.start()
        wait_for(lambda: state(tmp_path / "city") == "verified", seconds=90, what="the city to have it")
        assert committed(outbox) == list(range(0, len(FILM), PIECE))
        with closing(EvidenceStore(tmp_path / "city", mend=False)) as store:
            assert store.path("bureau/mine-a", NAME).read_bytes() == FILM
    finally:
        agent.close()
        county.stop()
        city.stop()
        for broker in brokers:
            broker.stop()
