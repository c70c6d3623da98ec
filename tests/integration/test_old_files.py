"""What older builds of this repository left on disk goes on in this one, and what a newer one left is not touched.

tests/data/old/README.md says how the files were made.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.alarms.file import AlarmFile
from collector.audit import noted_head, verify
from collector.dead_letters import DeadLetters
from collector.evidence.store import EvidenceStore
from collector.persons.settings import PersonsSettings
from collector.persons.store import PersonStore
from collector.registry import Registry
from collector.reports.queue import ReportQueue
from collector.sinks.base import SinkUnavailable
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from collector.state_file import StateError
from edge_agent.outbox import inspect
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.rows import OutboxMisplacedError
from edge_agent.outbox.settings import OutboxSettings
from profiles.load import library

OLD = Path(__file__).parents[1] / "data/old"
BUILDS = ["0524ebd", "2410ee1", "302f089", "a735fdb"]
SETTINGS = OutboxSettings(reserve=0)


@pytest.fixture(params=BUILDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    unpack(request.param, tmp_path)
    return tmp_path


def unpack(build: str, folder: Path) -> None:
    """What a build left on disk."""
    with tarfile.open(OLD / f"{build}.tar.xz") as archive:
        archive.extractall(folder, filter="data")


def _ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def open_all(folder: Path) -> None:
    """Open and close every file, as agent and collector do at their start."""
    open_outbox(folder / "agent/outbox.db", SETTINGS).close()
    state = folder / "collector"
    Registry(state).close()
    DeadLetters(state, 2**20).close()
    AlarmFile(state).close()
    EvidenceStore(state).close()
    PersonStore(state, PersonsSettings(), library()).close()
    ReportQueue(state).close()
    with contextlib.closing(_store(folder)) as store:
        store.latest()


def _store(folder: Path) -> SqliteSink:
    return SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))


def shape(path: Path) -> dict[str, object]:
    """Tables with their columns and keys, and indexes, triggers and views, however they came to be."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        made = db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        found: dict[str, object] = {
            name: (kind, db.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall())
            for kind, name in made
        }  # fmt: skip
        for kind, name in made:
            if kind == "table":
                of = db.execute("SELECT * FROM pragma_index_list(?)", (name,)).fetchall()
                found[f"{name}'s"] = sorted(
                    (its[1], its[2], its[4], tuple(db.execute("SELECT * FROM pragma_index_xinfo(?)", (its[1],))))
                    for its in of
                )
        texts = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'view', 'trigger') AND sql IS NOT NULL"
        found["texts"] = sorted(db.execute(texts).fetchall())
        found["version"] = db.execute("PRAGMA user_version").fetchall()
        return found


def files(folder: Path) -> Iterator[Path]:
    yield from (folder / "agent/outbox.db", folder / "store.db", *sorted((folder / "collector").glob("*.db")))


def test_every_old_file_ends_with_the_tables_of_a_new_one(old: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    new = tmp_path_factory.mktemp("new")
    (new / "agent").mkdir()
    open_all(new)
    open_all(old)
    for path in files(new):
        assert shape(old / path.relative_to(new)) == shape(path), path.name


def test_an_old_outbox_keeps_what_waits_for_delivery(old: Path) -> None:
    path = old / "agent/outbox.db"
    waiting = _ask(path, "SELECT stream, seq, digest, frame FROM envelope ORDER BY id")
    manifests = _ask(path, "SELECT * FROM manifest ORDER BY hash")
    assert {lane for (lane,) in _ask(path, "SELECT lane FROM envelope")} == {"data", "event"}
    outbox = open_outbox(path, SETTINGS)
    for lane in ("event", "data"):
        for row in outbox.waiting(lane, after=0, limit=100):
            assert (row.stream, row.seq, row.digest, outbox.frame(row)) in waiting
            assert outbox.manifest(row.manifest) is not None
    assert outbox.depth().rows == len(waiting)
    outbox.close()
    assert _ask(path, "SELECT * FROM manifest ORDER BY hash") == manifests
    assert inspect.verify(path) == []


def test_an_old_collector_knows_its_agents_letters_alarms_and_what_is_due(old: Path) -> None:
    state = old / "collector"
    table = (
        "manifest_of"
        if _ask(state / "registry.db", "SELECT 1 FROM sqlite_master WHERE name = 'manifest_of'")
        else "manifest"
    )
    manifests = _ask(state / "registry.db", f"SELECT agent, hash, frame FROM {table}")
    assert manifests
    lives = _ask(state / "alarms.db", "SELECT id, body FROM life") if (state / "alarms.db").exists() else []
    spans: list[tuple[object, ...]] = []
    if (state / "reports.db").exists() and _ask(
        state / "reports.db", "SELECT 1 FROM sqlite_master WHERE name = 'span'"
    ):
        spans = _ask(state / "reports.db", "SELECT target, '', profile, point, end, noted FROM span")
        assert spans

    registry = Registry(state)
    for agent, name, frame in manifests:
        assert registry.look(str(agent), str(name)) == frame
    [agent] = registry.agents()
    assert agent.state is not None
    assert agent.samples > 200
    registry.close()
    letters = DeadLetters(state, 2**20)
    [letter] = letters.letters()
    assert letter.reason == "it is no JSON"
    letters.close()
    alarms = AlarmFile(state)
    with alarms.reading() as db:
        assert db.execute("SELECT id, body FROM life").fetchall() == lives
        assert verify(db, [noted] if (noted := noted_head(state)) else []).fault == ""
    alarms.close()
    ReportQueue(state).close()
    assert _ask(state / "reports.db", "SELECT * FROM told") == spans


def test_an_old_store_gives_back_its_readings_and_events(old: Path) -> None:
    readings = _ask(old / "store.db", "SELECT * FROM reading")
    events = _ask(old / "store.db", "SELECT agent, id, alarm, state, text FROM event ORDER BY agent, id")
    assert len(readings) == 264
    assert events
    store = _store(old)
    assert len(store.latest()) > 10
    assert store.alarms()
    store.close()
    assert _ask(old / "store.db", "SELECT * FROM reading") == readings
    assert _ask(old / "store.db", "SELECT agent, id, alarm, state, text FROM event ORDER BY agent, id") == events
    assert {text for (text,) in _ask(old / "store.db", "SELECT evidence FROM event")} == {"[]"}


def test_every_file_of_a_newer_build_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    open_all(tmp_path)
    for path in files(tmp_path):
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("PRAGMA user_version = 99")
    before = {path: path.read_bytes() for path in files(tmp_path)}
    state = tmp_path / "collector"
    for made in (
        Registry, lambda _: DeadLetters(state, 1), AlarmFile, EvidenceStore, ReportQueue,
        lambda _: PersonStore(state, PersonsSettings(), library()), lambda _: DeadLetters(state, 1, mend=False),
    ):  # fmt: skip
        with pytest.raises(StateError, match=r"newer build .*version 99"):
            made(state)
    with pytest.raises(OutboxMisplacedError, match=r"newer build .*version 99"):
        open_outbox(tmp_path / "agent/outbox.db", SETTINGS)
    with pytest.raises(OutboxMisplacedError, match=r"newer build .*version 99"):
        inspect.status(tmp_path / "agent/outbox.db")
    with pytest.raises(SinkUnavailable, match=r"newer build .*version 99"):
        _store(tmp_path).latest()
    assert {path: path.read_bytes() for path in files(tmp_path)} == before
    assert not list(tmp_path.rglob("*damaged*"))


def test_a_command_beside_an_older_collector_does_not_change_its_file(tmp_path: Path) -> None:
    with tarfile.open(OLD / "0524ebd.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    before = (tmp_path / "collector/registry.db").read_bytes()
    with pytest.raises(StateError, match=r"older build .*the collector of this build brings it forwards"):
        Registry(tmp_path / "collector", mend=False)
    with pytest.raises(OutboxMisplacedError, match=r"older build .*the agent of this build brings it forwards"):
        inspect.status(tmp_path / "agent/outbox.db")
    assert (tmp_path / "collector/registry.db").read_bytes() == before
