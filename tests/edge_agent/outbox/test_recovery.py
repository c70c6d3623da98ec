from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from pathlib import Path

import pytest

from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.rows import OutboxDamagedError, OutboxMisplacedError
from edge_agent.outbox.settings import OutboxSettings
from tests.edge_agent.outbox.make import data, number_of, outbox


def _filled(folder: Path, envelopes: int = 200) -> Path:
    box = outbox(folder)
    box.put_manifest(b'{"manifest":1}')
    for number in range(envelopes):
        box.commit([data(number, samples=50)], {"clock": str(number)})
    box.close()
    return box.path


def _spoil(path: Path, at: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * length)


def test_a_damaged_file_is_set_aside_salvaged_and_reported(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    size = path.stat().st_size
    _spoil(path, 4096 * (size // 4096 // 2), 4096 * 3)
    box = outbox(tmp_path)
    numbers = [number_of(box.frame(row)) for row in box.waiting("data", after=0, limit=1000)]
    assert 100 < len(numbers) < 200
    assert numbers == sorted(set(numbers))
    [incident] = box.incidents()
    assert f"{len(numbers)} envelopes were salvaged" in incident.text
    [aside] = tmp_path.glob("outbox.db.damaged-*Z")
    assert aside.stat().st_size == size
    assert aside.name in incident.text
    assert box.era_floor == 1
    assert [row.seq for row in box.commit([data(500)])] == [1]
    box.close()
    again = outbox(tmp_path)
    assert (again.incidents(), again.era_floor) == ([], 1)
    again.close()


def test_a_salvaged_envelope_has_the_bytes_that_were_committed(tmp_path: Path) -> None:
    """A page that reads but holds other bytes is no envelope: the digest tells."""
    path = _filled(tmp_path, 3)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE envelope SET frame = x'00' || frame WHERE seq = 2")
    db.close()
    _spoil(path, path.stat().st_size - 100, 100)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096)
    box = outbox(tmp_path)
    assert 1 not in [number_of(box.frame(row)) for row in box.waiting("data", after=0, limit=10)]
    box.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 400, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_no_database_never_stops_the_agent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outbox.db").write_bytes(content)
    box = outbox(tmp_path)
    box.commit([data(1)])
    assert box.depth().rows == 1
    assert len(list(tmp_path.glob("*.damaged-*Z"))) == (1 if content else 0)
    box.close()


@pytest.mark.parametrize("garbage", [False, True])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.33, 0.5, 0.77, 0.999, 1.0])
def test_a_torn_wal_costs_only_what_was_never_committed(part: float, garbage: bool, tmp_path: Path) -> None:
    """As a power cut leaves it: the file as it was, the WAL written up to some byte, or but for a sector."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    box = outbox(tmp_path / "a")
    for number in range(20):
        box.commit([data(number, samples=50)], {"clock": str(number)})
    torn = tmp_path / "b"
    for file in (tmp_path / "a").iterdir():
        shutil.copy(file, torn)
    box.close()
    wal = torn / "outbox.db-wal"
    with wal.open("r+b") as written:
        if garbage:
            written.seek(int(wal.stat().st_size * part))
            written.write(b"\xa5" * 512)
        else:
            written.truncate(int(wal.stat().st_size * part))
    again = outbox(torn)
    numbers = [number_of(again.frame(row)) for row in again.waiting("data", after=0, limit=100)]
    assert numbers == list(range(len(numbers))), "whole commits, from the first on"
    assert len(numbers) == 20 if part == 1 else len(numbers) < 20
    assert again.recall() == ({"clock": str(numbers[-1])} if numbers else {}), "the small state is of the same moment"
    assert again.incidents() == []
    again.close()


def test_damage_that_is_met_while_open_ends_the_agent_and_the_next_start_salvages(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    box = outbox(tmp_path)
    rows = box.waiting("data", after=0, limit=1000)
    _spoil(path, 4096 * 8, path.stat().st_size - 4096 * 16)
    with pytest.raises(OutboxDamagedError, match="the next start sets it aside"):
        box.acknowledge(rows[0].stream, [(row.seq, row.digest) for row in rows])
    box.close()
    again = outbox(tmp_path)
    assert "salvaged" in again.incidents()[0].text
    assert again.commit([data(1)])
    again.close()


def test_a_stray_wal_of_garbage_is_survived(tmp_path: Path) -> None:
    path = _filled(tmp_path, 5)
    path.with_name("outbox.db-wal").write_bytes(b"\x5a" * 50_000)
    box = outbox(tmp_path)
    assert len(box.waiting("data", after=0, limit=100)) == 5
    box.close()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(OutboxMisplacedError, match="a database of another program"):
        outbox(tmp_path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutboxMisplacedError, match=r"/proc/outbox\.db.*expected a folder that the agent may write"):
        open_outbox(Path("/proc/outbox.db"), OutboxSettings())
    with pytest.raises(OutboxMisplacedError, match="nowhere"):
        open_outbox(tmp_path / "nowhere" / "outbox.db", OutboxSettings())


def test_two_agents_never_share_an_outbox(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    with pytest.raises(OutboxMisplacedError, match="in use by another running agent"):
        outbox(tmp_path)
    box.close()
    outbox(tmp_path).close()


def test_a_restored_disk_and_a_cloned_image_deliver_the_same_bytes_again(tmp_path: Path) -> None:
    """An old backup's envelopes come again as they were; what is new comes under a stream of its own."""
    for name in ("a", "backup"):
        (tmp_path / name).mkdir()
    box = outbox(tmp_path / "a")
    [row] = box.commit([data(1)])
    box.close()
    shutil.copytree(tmp_path / "a", tmp_path / "backup", dirs_exist_ok=True)
    gone = outbox(tmp_path / "a")
    gone.acknowledge(row.stream, [(row.seq, row.digest)])
    gone.commit([data(2)])
    gone.close()
    restored = outbox(tmp_path / "backup")
    assert restored.waiting("data", after=0, limit=10) == [row]
    [new] = restored.commit([data(3)])
    assert new.stream not in {row.stream, gone.stream}
    restored.close()


def test_the_era_outlives_the_file_and_the_note_beside_it(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    assert box.era_floor == 0
    box.set_era(3)
    box.close()
    (tmp_path / "outbox.era").unlink()
    box = outbox(tmp_path)
    assert box.era_floor == 3
    box.close()
    (tmp_path / "outbox.db").unlink()  # a lost disk: times given before are not known
    box = outbox(tmp_path)
    assert box.era_floor == 4
    box.close()


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_salvage_that_is_interrupted_anywhere_is_finished_or_begun_again_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    begun = outbox(tmp_path)
    for number in range(60):
        begun.commit([data(number, samples=50)])
    begun._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(60, 80):
        begun.commit([data(number, samples=50)])  # these stand in the WAL alone
    killed = tmp_path / "killed"
    killed.mkdir()
    for part in tmp_path.glob("outbox.*"):
        shutil.copy(part, killed)
    begun.close()
    _spoil(killed / "outbox.db", 4096 * 20, 4096 * 2)

    renames = itertools.count(1)
    rename = Path.replace

    def until_the_cut(this: Path, target: Path) -> Path:
        if not this.name.startswith("outbox.era") and next(renames) == cut:
            raise KeyboardInterrupt  # as a power cut: nothing that follows is done
        return rename(this, target)

    monkeypatch.setattr(Path, "replace", until_the_cut)
    with contextlib.suppress(KeyboardInterrupt):
        outbox(killed).close()
    monkeypatch.undo()
    box = outbox(killed)
    found = {number_of(frame) for row in box.waiting("data", after=0, limit=100) if (frame := box.frame(row))}
    assert set(range(60, 80)) <= found
    assert len(found) > 60
    [told] = [each.text for each in box.incidents()]
    assert f"{len(found)} envelopes were salvaged" in told
    assert box.era_floor >= 1
    box.close()


def test_what_a_salvage_did_is_told_until_it_is_committed(tmp_path: Path) -> None:
    path = _filled(tmp_path, 5)
    path.write_bytes(b"no database at all" * 1000)
    for _ in range(2):
        box = outbox(tmp_path)
        assert "was damaged" in box.incidents()[0].text
        box.close()
    box = outbox(tmp_path)
    assert box.incidents()
    box.commit([data(1)])
    box.close()
    box = outbox(tmp_path)
    assert box.incidents() == []
    box.close()


def test_a_salvage_file_that_is_none_is_set_aside(tmp_path: Path) -> None:
    _filled(tmp_path, 5)
    (tmp_path / "outbox.db.salvage").write_bytes(b"half written")
    box = outbox(tmp_path)
    assert len(box.waiting("data", after=0, limit=10)) == 5
    assert not (tmp_path / "outbox.db.salvage").exists()
    assert len(list(tmp_path.glob("outbox.db.damaged-*"))) == 1
    box.close()
