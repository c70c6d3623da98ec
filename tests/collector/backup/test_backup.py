"""What a running collector keeps is copied as of one moment and comes back whole; what came since is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.alarms.file import AlarmFile
from collector.audit import noted_head, verify
from collector.cli.main import main
from collector.dead_letters import DeadLetters, Draft
from collector.evidence.store import EvidenceStore
from collector.settings import load_collector
from collector.state_file import StateLock
from tests.collector.evidence.make import chunks, file, seen
from tests.collector.field import NOW, Agent, collecting, eventually, manifest
from tests.servers import Server

TANK = manifest("G0001")
SETTINGS = """\
collector: bureau
state: state
mqtt: {{host: 127.0.0.1, port: {port}, tls: disabled, username: bureau, password: !secret broker}}
regions: !include counties.csv
intake: {{flush: 50ms}}
sinks: [{{type: sqlite, name: store, path: store.db}}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return written(tmp_path / "county", 1883)


def written(folder: Path, port: int) -> Path:
    folder.mkdir()
    (folder / "counties.csv").write_text("code,name\n110110,trial\n", encoding="utf-8")
    (folder / "secrets").mkdir()
    (folder / "secrets/broker").write_text("a canary", encoding="utf-8")
    (folder / "secrets/broker").chmod(0o600)
    (folder / "collector.yaml").write_text(SETTINGS.format(port=port), encoding="utf-8")
    return folder / "collector.yaml"


@pytest.fixture
def kept(settings: Path) -> Path:
    """A collector's state without a collector: a dead letter, a picture, an entry of the audit log."""
    state = settings.parent / "state"
    letters = DeadLetters(state, 2**20)
    letters.put([Draft("plant-a", "data", b"\x00", "it is no JSON")])
    letters.close()
    evidence = EvidenceStore(state)
    evidence.write([], [seen(file("gate.jpg", b"a picture"))])
    for part in chunks("gate.jpg", b"a picture"):
        evidence.put("mine-a", *part)
    evidence.close()
    AlarmFile(state).close()
    return settings


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def audited(state: Path) -> tuple[str, list[str]]:
    alarms = AlarmFile(state)
    with alarms.reading() as db:
        noted = noted_head(state)
        fault = verify(db, [noted] if noted else []).fault
        what = [text for (text,) in db.execute("SELECT what FROM audit ORDER BY seq")]
    alarms.close()
    return fault, what


async def delivered(agent: Agent, *numbers: int) -> None:
    """Send envelopes of one reading, whose value is their number, and wait until each is acknowledged."""
    frames = [(seq, agent.data(seq, TANK, [("G0001", NOW + seq, float(seq), "good")])) for seq in numbers]
    await eventually(lambda: all(agent.has(*each) for each in frames), "the acknowledgements")


async def test_a_lost_collector_comes_back_and_says_by_number_what_is_missing_since(
    broker: Server, tmp_path: Path
) -> None:
    path = written(tmp_path / "county", broker.port)
    home, kept = path.parent, tmp_path / "kept"
    agent = Agent(broker.port)
    try:
        async with collecting(load_collector(path).settings) as collector:
            agent.send("manifest", TANK)
            await delivered(agent, 1, 2)
            agent.send("data", b"\x00")  # which becomes a dead letter
            await eventually(lambda: collector.dead_letters.letters(), "the dead letter")
            made = await asyncio.to_thread(call, "backup", path, kept)
            assert made.exit_code == 0, made.output
            await delivered(agent, 3, 4)
        shutil.rmtree(home)  # the disk is lost
        (home / "secrets").mkdir(parents=True)
        (home / "secrets/broker").write_text("a canary", encoding="utf-8")
        (home / "secrets/broker").chmod(0o600)

        back = call("restore", path, kept)
        assert back.exit_code == 0, back.output
        assert f"{path}: written from the backup" in back.output
        assert "readings, events and evidence that agents had acknowledged since" in back.output
        assert audited(home / "state") == ("", ["restored"])
        async with collecting(load_collector(path).settings) as collector:
            assert (home / "store.db").exists()
            assert len(collector.dead_letters.letters()) == 1
            await delivered(agent, 5)
            agent.tell(5)
            await eventually(lambda: collector.counters["gaps"] == 2, "the gap of what was acknowledged since")
    finally:
        agent.close()
    assert [value for (value,) in rows(home / "store.db", "SELECT value FROM reading ORDER BY time")] == [1, 2, 5]


def test_the_settings_come_with_what_they_include_and_the_manifest_names_every_file(kept: Path, tmp_path: Path) -> None:
    done = call("backup", kept, tmp_path / "kept")
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "kept")
    record = json.loads(found.pop("manifest.json"))
    assert set(record["files"]) == set(found)
    assert {"settings/collector.yaml", "settings/counties.csv", "state/alarms.db"} <= set(found)
    assert "not in it: keys, certificates and secrets" in done.output
    assert not [name for name, body in found.items() if b"a canary" in body]
    assert "there is no file" in done.output  # the store has nothing yet
    [picture] = [body for name, body in found.items() if name.startswith("state/evidence/")]
    assert picture == b"a picture"
    assert audited(kept.parent / "state") == ("", ["backed up"])
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_a_restore_takes_nothing_that_was_altered_or_not_finished(kept: Path, tmp_path: Path) -> None:
    backup, new = tmp_path / "kept", written(tmp_path / "new", 1883)
    call("backup", kept, backup)
    letters = backup / "state/dead_letters.db"
    whole = letters.read_bytes()
    letters.write_bytes(whole[:-1] + b"x")
    (backup / "settings/counties.csv").unlink()
    told = call("restore", new, backup)
    assert told.exit_code == 1
    assert "state/dead_letters.db: its bytes are not those that were written" in told.output
    assert "settings/counties.csv: No such file" in told.output
    (backup / "manifest.json").unlink()
    assert "it has no manifest.json, so it was not finished" in call("restore", new, backup).output
    assert "there is no such folder" in call("restore", new, tmp_path / "nowhere").output
    assert not (new.parent / "state").exists()


def test_what_stands_in_the_way_is_refused_and_with_force_set_aside(kept: Path, tmp_path: Path) -> None:
    state = kept.parent / "state"
    call("backup", kept, tmp_path / "kept")
    before = contents(state)
    told = call("restore", kept, tmp_path / "kept")
    assert told.exit_code == 1
    assert "something stands where the backup goes" in told.output
    assert contents(state) == before | {"collector.lock": b""}

    done = call("restore", kept, tmp_path / "kept", "--force")
    assert done.exit_code == 0, done.output
    [aside] = state.glob("before-restore-*")
    assert str(aside) in done.output
    assert contents(aside) == before
    assert rows(state / "dead_letters.db", "SELECT reason FROM letter") == [("it is no JSON",)]
    again = call("backup", kept, tmp_path / "later")
    assert again.exit_code == 0, again.output
    assert not list((tmp_path / "later/state").glob("before-restore-*"))


def test_a_stores_wal_that_was_left_behind_is_not_played_into_the_one_that_is_put_back(
    kept: Path, tmp_path: Path
) -> None:
    store = kept.parent / "store.db"
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        db.execute("CREATE TABLE one (number INTEGER)")
    assert call("backup", kept, tmp_path / "kept").exit_code == 0
    store.unlink()
    shutil.rmtree(kept.parent / "state")
    wal = store.with_name("store.db-wal")
    wal.write_bytes(b"of another store")
    assert str(wal) in call("restore", kept, tmp_path / "kept").output
    done = call("restore", kept, tmp_path / "kept", "--force")
    assert done.exit_code == 0, done.output
    assert rows(store, "SELECT count(*) FROM one") == [(0,)]
    [aside] = kept.parent.glob("store.db.before-restore-*")
    assert aside.name.endswith("-wal")
    assert aside.read_bytes() == b"of another store"


def test_a_running_collector_and_another_ones_backup_are_refused(kept: Path, tmp_path: Path) -> None:
    call("backup", kept, tmp_path / "kept")
    lock = StateLock(kept.parent / "state")
    assert "in use by another running collector" in call("restore", kept, tmp_path / "kept", "--force").output
    lock.release()
    other = kept.parent / "other.yaml"
    other.write_text(kept.read_text().replace("collector: bureau", "collector: city"))
    told = call("restore", other, tmp_path / "kept", "--force").output
    assert "the backup is of collector 'bureau', the settings of 'city'" in told


@pytest.mark.parametrize("page", [0, 1])
def test_a_damaged_file_makes_no_backup_and_is_named(kept: Path, tmp_path: Path, page: int) -> None:
    path = kept.parent / "state/evidence.db"
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xa5" * 4096)
    told = call("backup", kept, tmp_path / "kept")
    assert told.exit_code == 1
    assert "no backup was made" in told.output
    assert "evidence.db" in told.output
    assert not list(tmp_path.glob("kept*"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("every", ["4", pytest.param("1", marks=pytest.mark.soak)])
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_whoever_is_killed_leaves_nothing_that_looks_whole_and_the_next_try_comes_through(
    kept: Path, tmp_path: Path, what: str, every: str
) -> None:
    file = kept
    if what == "restore":
        assert call("backup", kept, tmp_path / "kept").exit_code == 0
        file = written(tmp_path / "new", 1883)
    done = subprocess.run(
        [sys.executable, "-m", "tests.collector.backup.killed", what, str(file), str(tmp_path / "kept"), every],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2
    if what == "backup":
        done_again = call("restore", written(tmp_path / "new", 1883), tmp_path / "kept")
        assert done_again.exit_code == 0, done_again.output
    assert rows(tmp_path / "new/state/dead_letters.db", "SELECT reason FROM letter") == [("it is no JSON",)]
    assert audited(tmp_path / "new/state")[0] == ""
