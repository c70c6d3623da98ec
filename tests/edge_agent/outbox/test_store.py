from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from edge_agent.outbox import inspect
from edge_agent.outbox.losses import KEPT_RANGES, REPEAT, Incidents
from edge_agent.outbox.rows import OutboxUnavailable
from edge_agent.outbox.store import OVERHEAD
from profiles.wire.codec import digest, manifest_hash
from tests.edge_agent.outbox.make import KIB, data, event, number_of, outbox


def test_lanes_share_one_stream_without_gaps(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    rows = box.commit([event(), data(1)]) + box.commit([data(2)])
    assert [(row.lane, row.seq) for row in rows] == [("event", 1), ("data", 2), ("data", 3)]
    assert {row.stream for row in rows} == {box.stream}
    box.close()


def test_every_repeat_is_identical(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    [row] = box.commit([data(1, samples=500)])
    frame = box.frame(row)
    assert frame is not None
    assert digest(frame) == row.digest
    box.close()
    again = outbox(tmp_path)
    assert again.frame(row) == frame
    assert again.waiting("data", after=0, limit=10) == [row]
    again.close()


def test_each_start_opens_a_new_stream_and_keeps_the_old_ones(tmp_path: Path) -> None:
    first = outbox(tmp_path)
    first.commit([data(1), data(2)])
    first.close()
    second = outbox(tmp_path)
    second.commit([data(3)])
    assert {name: state.last for name, state in second.streams().items()} == {first.stream: 2, second.stream: 1}
    second.close()


def test_row_ids_are_never_given_again_after_the_outbox_ran_empty(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    [row] = box.commit([data(1)])
    box.acknowledge(row.stream, [(row.seq, row.digest)])
    [later] = box.commit([data(2)])
    assert later.id > row.id
    box.close()


def test_an_acknowledgement_for_anothers_bytes_deletes_nothing(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    [row] = box.commit([data(1)])
    assert box.acknowledge(row.stream, [(row.seq, "0" * 32)]) == []
    assert box.acknowledge("f" * 32, [(row.seq, row.digest)]) == []
    assert box.acknowledge(row.stream, [(row.seq + 1, row.digest)]) == []
    assert box.depth().rows == 1
    assert box.acknowledge(row.stream, [(row.seq, row.digest)]) == [row]
    assert box.depth().rows == 0
    assert box.depth().bytes == 0
    box.close()


def test_the_small_state_is_committed_with_its_samples(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.commit([data(1)], {"stamp:a": "1"})
    box.commit([data(2)], {"stamp:a": "2", "stamp:b": "3"})
    box.close()
    again = outbox(tmp_path)
    assert again.recall() == {"stamp:a": "2", "stamp:b": "3"}
    again.close()


def test_a_manifest_stays_as_long_as_an_envelope_refers_to_it(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    old, new = b'{"old":1}', b'{"new":1}'
    name = box.put_manifest(old)
    draft = data(1)
    [row] = box.commit([type(draft)(0, name, draft.rows)])
    box.put_manifest(new)
    assert box.manifest(name) == old
    box.acknowledge(row.stream, [(row.seq, row.digest)])
    box.put_manifest(new)
    assert box.manifest(name) is None
    assert box.manifest(manifest_hash(new)) == new
    box.close()


def test_manifests_that_are_put_together_stand_together(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.put_manifest(b"{}")
    names = box.put_manifests([b'{"a":1}', b'{"b":1}'])
    assert names == [manifest_hash(b'{"a":1}'), manifest_hash(b'{"b":1}')]
    assert [box.manifest(name) for name in (*names, manifest_hash(b"{}"))] == [b'{"a":1}', b'{"b":1}', None]
    box.close()


def test_a_full_lane_drops_its_oldest_and_says_so(tmp_path: Path) -> None:
    box = outbox(tmp_path, data=8 * KIB)
    for number in range(100):
        box.commit([data(number), event(number)] if number % 10 == 0 else [data(number)])
    kept = box.waiting("data", after=0, limit=1000)
    assert [number_of(box.frame(row)) for row in kept] == list(range(100 - len(kept), 100))
    assert sum(row.size + OVERHEAD for row in kept) <= 8 * KIB
    assert len(box.waiting("event", after=0, limit=100)) == 10, "another lane loses nothing"
    told = box.streams()[box.stream].dropped
    assert sum(each.samples for each in told) == 100 - len(kept)
    [incident] = box.incidents()
    assert incident.count == 100 - len(kept)
    assert "lane data is full" in incident.text
    box.close()
    again = outbox(tmp_path, data=8 * KIB)
    assert again.streams()[box.stream].dropped == told, "dropped ranges outlive the agent"
    again.close()


def test_dropped_ranges_are_bounded_and_their_samples_exact(tmp_path: Path) -> None:
    box = outbox(tmp_path, data=1)
    for number in range(3 * KEPT_RANGES):
        box.commit([data(number), event(number)])
    told = box.streams()[box.stream].dropped
    assert len(told) == KEPT_RANGES
    assert sum(each.samples for each in told) == 3 * KEPT_RANGES
    assert (told[0].first, told[-1].last) == (1, 6 * KEPT_RANGES - 1)
    box.close()


def test_a_lane_that_stays_full_is_told_at_once_and_then_summed_up() -> None:
    now = [0.0]
    incidents = Incidents(lambda: now[0])
    incidents.lost("data", 5)
    assert [each.count for each in incidents.drain()] == [5]
    for _ in range(20):
        incidents.lost("data", 1)
        assert incidents.drain() == []
    now[0] = REPEAT
    assert [each.count for each in incidents.drain()] == [20]


@pytest.mark.parametrize("samples", [1, 500], ids=["small rows", "large rows"])
def test_the_lanes_bounds_hold_for_the_files_on_the_disk_the_wal_included(tmp_path: Path, samples: int) -> None:
    lanes = {"events": 2 * 2**20, "data": 28 * 2**20, "evidence": 2 * 2**20}
    box = outbox(tmp_path, **lanes)
    largest, number, lost, together = 0, 0, 0, 1000 if samples == 1 else 100
    while lost < 50:  # until the lane is full, and some way beyond
        box.commit([data(number + i, samples=samples) for i in range(together)])
        number += together
        assert box.waiting("data", after=0, limit=100)  # a reader in between
        largest = max(largest, sum(each.stat().st_size for each in tmp_path.glob("outbox.db*")))
        lost += bool(lost or box.incidents())
    assert 0.5 * sum(lanes.values()) < largest <= sum(lanes.values())
    box.close()


def test_a_quarantined_envelope_is_kept_counted_reported_and_not_sent(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    bad, good = box.commit([data(1), data(2)])
    box.quarantine(bad, "it broke the link")
    assert box.waiting("data", after=0, limit=10) == [good]
    depth = box.depth()
    assert (depth.rows, depth.quarantined) == (2, 1)
    assert ["it broke the link" in each.text for each in box.incidents()] == [True]
    box.close()


def test_a_failed_commit_consumes_no_number(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.commit([data(1)])
    rival = sqlite3.connect(tmp_path / "outbox.db")
    rival.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON envelope WHEN NEW.count = 2 BEGIN SELECT RAISE(FAIL, 'no'); END"
    )
    rival.commit()
    rival.close()
    with pytest.raises(OutboxUnavailable):
        box.commit([data(2), data(3, samples=2)], {"stamp:a": "1"})
    [row] = box.commit([data(4)])
    assert row.seq == 2
    assert box.recall() == {}
    assert box.depth().rows == 2
    assert box.streams()[box.stream].last == 2
    box.close()


def test_age_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    box = outbox(tmp_path, warn_age="1m")
    box.commit([data(0)])
    assert not caplog.records
    box.commit([data(61)])
    box.commit([data(62)])
    assert [record.message.endswith("envelope is 61 s old") for record in caplog.records] == [True]
    assert box.depth().rows == 3
    box.close()


def test_the_age_of_the_outbox_is_its_oldest_envelope(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    assert box.depth().oldest is None
    first, _second = box.commit([data(1), data(2)])
    assert box.depth().oldest == first.first
    box.close()


def test_reads_do_not_wait_for_a_commit(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    [row] = box.commit([data(1)])
    with sqlite3.connect(box.path, isolation_level=None) as rival:
        rival.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=box.commit, args=([data(2)],))
        waiting.start()
        assert box.waiting("data", after=0, limit=10) == [row]
        assert box.frame(row) is not None
        assert box.depth().rows == 1
        assert waiting.is_alive(), "the commit waits for the rival"
        rival.execute("COMMIT")
        waiting.join()
    rival.close()
    assert box.depth().rows == 2
    box.close()


def test_the_wal_stays_bounded_while_readings_come_and_go(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    wal = tmp_path / "outbox.db-wal"
    largest = 0
    for number in range(600):
        rows = box.commit([data(number + i, samples=200) for i in range(10)])
        box.waiting("data", after=0, limit=5)
        box.acknowledge(box.stream, [(row.seq, row.digest) for row in rows])
        largest = max(largest, wal.stat().st_size)
    assert largest <= 8 * 2**20
    assert box.path.stat().st_size <= 4 * 2**20, "freed pages are used again"
    box.close()


def test_to_look_at_an_outbox_opens_no_stream(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.commit([data(1)])
    box.close()
    before = box.path.read_bytes()
    inspect.status(box.path)
    inspect.listed(box.path, limit=10)
    assert inspect.verify(box.path) == []
    assert box.path.read_bytes() == before


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    assert box._file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert box._file.db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    box.close()
