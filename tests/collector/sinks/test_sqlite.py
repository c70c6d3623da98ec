"""What the SQLite sink promises beyond every sink: a bound, a full disk, a file that is moved or damaged."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from collector.sinks.base import Fact, SinkUnavailable
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import EXPIRED_AT_ONCE, SqliteSink
from tests.collector.sinks.make import NOW, event, ramp, record

EVER = 10**13
HOUR, DAY = 3_600_000, 86_400_000
FULL_DISK = """
import resource, sys
from pathlib import Path
from collector.sinks.base import SinkUnavailable
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from tests.collector.sinks.make import NOW, ramp
sink = SqliteSink(SqliteSettings(type="sqlite", path=Path(sys.argv[1])))
sink.write(ramp("P1", 10), [])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
stored = 1
try:
    while stored < 100:
        sink.write(ramp("P1", 1000, NOW + stored * 10**7), [])
        stored += 1
except SinkUnavailable as err:
    print(err)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.write(ramp("P1", 1000, NOW + stored * 10**7), [])
print(stored, len(sink.history("P1", 0, 10**13, 10**6)))
"""


def sink_over(path: Path, keep: float | None = None) -> SqliteSink:
    return SqliteSink(SqliteSettings(type="sqlite", path=path, keep=keep))


def times(sink: SqliteSink, point: str = "P1") -> list[int]:
    return [row["time"] for row in sink.history(point, 0, EVER, 10**6)]


def test_a_full_disk_waits_and_goes_on_when_it_is_freed(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "store.db")], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    reason, counts = child.stdout.splitlines()
    assert "store.db: " in reason
    stored, rows = map(int, counts.split())
    assert stored < 100
    assert rows == 10 + 1000 * stored, "what was answered, the batch that came again, and nothing of the failed one"


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write([record("P1", NOW, 1.0)], [])
    db = sink._open()
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    sink.close()


def test_a_file_that_was_moved_away_is_noticed_and_begun_anew(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write([record("P1", NOW, 1.0)], [])
    (tmp_path / "store.db").rename(tmp_path / "old.db")
    sink.write([record("P1", NOW + 1, 2.0)], [])
    assert times(sink) == [NOW + 1]
    sink.close()
    again = sink_over(tmp_path / "store.db")
    assert times(again) == [NOW + 1], "what was answered stands in the file that is there"
    again.close()


def test_a_damaged_file_waits_for_the_engineer_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 1000)
    sink = sink_over(path)
    with pytest.raises(SinkUnavailable, match=r"store\.db: file is not a database"):
        sink.write([record("P1", NOW, 1.0)], [])
    with pytest.raises(SinkUnavailable):
        sink.latest()
    sink.close()
    assert path.read_bytes() == b"no database" * 1000


def test_a_folder_that_cannot_be_made_waits(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = sink_over(tmp_path / "file" / "store.db")
    with pytest.raises(SinkUnavailable, match=r"store\.db"):
        sink.write([record("P1", NOW, 1.0)], [])
    (tmp_path / "file").unlink()
    assert sink.write([record("P1", NOW, 1.0)], []) == []
    sink.close()


def test_the_newest_values_are_found_without_reading_the_history(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write(ramp("P1", 1000), [])
    told: list[str] = []
    db = sink._open()
    db.set_trace_callback(told.append)
    sink.latest()
    db.set_trace_callback(None)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {told[-1]}")]
    sink.close()
    assert not [step for step in plan if step.startswith("SCAN reading")], plan


def test_a_reader_never_holds_up_a_write(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write(ramp("P1", 100), [])
    reader = sqlite3.connect(tmp_path / "store.db")
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM reading").fetchone() == (100,)
    assert sink.write(ramp("P2", 100), []) == []
    reader.close()
    sink.close()


def test_without_keep_nothing_is_ever_deleted(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write([record("P1", 0, 1.0), record("P1", NOW, 2.0)], [])
    assert times(sink) == [0, NOW]
    sink.close()


def test_readings_older_than_keep_go_by_and_by(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    old = ramp("P1", 3 * EXPIRED_AT_ONCE, NOW - 2 * DAY)
    sink.write(old, [])
    sink.close()
    sink = sink_over(tmp_path / "store.db", keep=86400.0)
    left = []
    for at in range(4):
        sink.write([record("P1", NOW + at, 1.0)], [])
        left.append(len(times(sink)) - at - 1)
    assert left == [2 * EXPIRED_AT_ONCE, EXPIRED_AT_ONCE, 0, 0], "no more than a bounded number a write"
    sink.close()


def test_of_facts_keep_deletes_those_alone_that_tell_of_a_moment(tmp_path: Path) -> None:
    def fact(measurement: str, agent: str, at: int, *, passing: bool) -> Fact:
        return Fact(measurement, {"agent": agent}, {"online": 1}, at * 1_000_000, passing=passing)

    sink = sink_over(tmp_path / "store.db", keep=86400.0)
    before = NOW - 2 * DAY
    sink.write_facts([fact("gateway", "a", before + at, passing=True) for at in range(EXPIRED_AT_ONCE + 1)])
    sink.write_facts([fact("alarm", "a", before, passing=False), fact("gateway", "b", before, passing=True)])
    for _by_and_by in range(2):  # a bounded number a write
        sink.write_facts([fact("gateway", "a", NOW, passing=True), fact("alarm", "a", NOW, passing=False)])
    sink.close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        rows = db.execute("SELECT measurement, tags ->> 'agent', time / 1000000 FROM fact ORDER BY 1, 2, 3").fetchall()
    assert rows == [("alarm", "a", before), ("alarm", "a", NOW), ("gateway", "a", NOW), ("gateway", "b", before)]


def test_keep_counts_from_a_points_own_newest_reading(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db", keep=3600.0)
    sink.write([record("P1", NOW - 5 * HOUR, 1.0), record("P2", NOW, 1.0)], [])
    sink.write([record("P2", NOW + HOUR, 2.0), record("P2", NOW + HOUR + 1, 2.0)], [])
    assert times(sink) == [NOW - 5 * HOUR], "a point that has ceased keeps its last hour"
    assert times(sink, "P2") == [NOW + HOUR, NOW + HOUR + 1]
    sink.close()


def test_a_reading_from_the_future_deletes_nothing(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db", keep=86400.0 * 36500)
    sink.write([record("P1", NOW, 1.0)], [])
    sink.write([record("P1", 9_200_000_000_000, 2.0)], [])
    assert len(times(sink)) == 2, "the collector's own clock has not come so far"
    sink.close()


def test_alarms_stand_in_their_last_state_newest_first(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    sink.write([], [event("e3", "noted", NOW + 9, seq=9), event("e2", "cleared", NOW + 5, seq=2)])
    sink.write([], [event("e1", "raised", NOW, seq=1, value=4.5)])
    [alarm] = sink.alarms()
    assert (alarm["alarm"], alarm["state"], alarm["since"], alarm["source"]) == ("A1", "cleared", NOW, "level")
    sink.close()


def test_two_sinks_share_a_file(tmp_path: Path) -> None:
    one, two = sink_over(tmp_path / "store.db"), sink_over(tmp_path / "store.db")
    one.write([record("P1", NOW, 1.0)], [])
    two.write([record("P2", NOW, 1.0), record("P1", NOW + 1, 2.0)], [])
    one.write([record("P2", NOW + 1, 2.0)], [])
    assert times(one) == times(two) == times(one, "P2") == [NOW, NOW + 1]
    one.close()
    two.close()
    assert not os.path.exists(tmp_path / "store.db-wal"), "a clean end leaves one file"


def test_an_alarms_state_is_the_fold_by_era_then_time_then_number(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    told = [
        ("A1", "cleared", 1, NOW - 5_000, 1),  # after the clock stepped back: a later era, an earlier time
        ("A1", "raised", 0, NOW, 9),
        ("A2", "cleared", 0, NOW, 2),  # in the same ms: the number tells
        ("A2", "raised", 0, NOW, 1),
    ]
    for number, (alarm, state, era, time, seq) in enumerate(told):
        made = event(f"e{number}", state, time, seq=seq)
        renamed = msgspec.structs.replace(made.event, alarm=alarm)
        sink.write([], [dataclasses.replace(made, event=renamed, era=era)])
    assert {row["alarm"]: row["state"] for row in sink.alarms()} == {"A1": "cleared", "A2": "cleared"}
    sink.close()


def test_an_alarms_row_is_the_same_whatever_the_order_of_its_events(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    life = [
        event("e1", "raised", NOW, seq=1),
        event("e2", "changed", NOW + 1000, seq=2, level="HH"),
        event("e3", "cleared", NOW + 2000, seq=3),
    ]
    for number, order in enumerate(permutations(life)):
        for each in order:
            renamed = msgspec.structs.replace(each.event, alarm=f"A{number}", id=f"{each.event.id}-{number}")
            sink.write([], [dataclasses.replace(each, event=renamed)])
    rows = sink.alarms()
    assert len(rows) == 6
    assert {(row["state"], row["level"], row["since"], row["time"]) for row in rows} == {
        ("cleared", "H", NOW, NOW + 2000)
    }
    sink.close()


def test_one_agents_alarm_is_nothing_to_another_with_the_same_names(tmp_path: Path) -> None:
    sink = sink_over(tmp_path / "store.db")
    ours = event("e1", "raised", NOW)
    sink.write([], [ours, dataclasses.replace(event("e2", "cleared", NOW + 1, seq=2), agent="plant-b")])
    sink.write([], [dataclasses.replace(ours, agent="plant-b"), event("e4", "noted", NOW + 9, seq=9)])
    assert {row["agent"]: row["state"] for row in sink.alarms()} == {"plant-a": "raised", "plant-b": "cleared"}
    sink.close()
