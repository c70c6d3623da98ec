"""The outbox when the power goes, and when the disk is full."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.outbox.rows import OutboxUnavailable, Row
from edge_agent.outbox.store import Outbox
from tests.edge_agent.outbox.make import data, number_of, outbox

COMMITTER = """
import sys
from pathlib import Path
from tests.edge_agent.outbox.make import data, event, outbox

box = outbox(Path(sys.argv[1]))
number = 0
while True:
    box.commit([data(number, samples=20), event(number)], {"clock": str(number)})
    print(number, flush=True)
    number += 1
"""


def test_a_killed_agent_has_lost_nothing_that_was_committed(tmp_path: Path) -> None:
    last = []
    for round_ in range(3):
        child = subprocess.Popen([sys.executable, "-c", COMMITTER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        said = -1
        while said < 30 + 10 * round_:
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        child.stdout.close()
        child.wait()
        last.append(said)
    box = outbox(tmp_path)
    rows = box.waiting("data", after=0, limit=100_000)
    for said, (stream, state) in zip(last, box.streams().items(), strict=False):
        mine = [row for row in rows if row.stream == stream]
        numbers = [number_of(box.frame(row)) for row in mine]
        assert numbers == list(range(len(numbers))), "each once, in order, without a gap"
        assert said <= numbers[-1] <= said + 1, "what was said to be committed is there"
        assert [row.seq for row in mine] == [2 * number + 1 for number in numbers]
        assert state.last == 2 * len(mine)
    assert box.incidents() == [], "a kill damages nothing"
    box.close()


def _fill(box: Outbox, number: int) -> tuple[list[Row], int]:
    """Commit until the disk is full; the rows, and the number that was refused."""
    rows: list[Row] = []
    while True:
        try:
            rows += box.commit([data(number, samples=300)])
        except OutboxUnavailable:
            return rows, number
        number += 1
        assert number < 100_000


def test_a_full_disk_takes_no_number_and_is_over_when_rows_are_delivered(small_disk: Path) -> None:
    box = outbox(small_disk, reserve="256KiB")
    rows, refused = _fill(box, 0)
    assert len(rows) > 20
    assert (small_disk / "outbox.reserve").exists()
    for _ in range(5):
        with pytest.raises(OutboxUnavailable, match="full"):
            box.commit([data(refused, samples=300)])
    gone = box.acknowledge(box.stream, [(row.seq, row.digest) for row in rows[: len(rows) // 2]])
    assert gone == rows[: len(rows) // 2], "deliveries are crossed off although the disk is full"
    [row] = box.commit([data(refused, samples=300)])
    assert row.seq == rows[-1].seq + 1
    numbers = [number_of(box.frame(each)) for each in box.waiting("data", after=0, limit=10_000)]
    assert numbers == list(range(len(rows) // 2, refused + 1))
    box.close()


def test_an_agent_starts_on_a_full_disk_and_recovers_when_it_is_freed(small_disk: Path) -> None:
    ballast = small_disk / "another-programs-log"
    ballast.write_bytes(b"x" * 1_300_000)
    box = outbox(small_disk, reserve="256KiB")
    rows, refused = _fill(box, 0)
    box.close()
    assert os.statvfs(small_disk).f_bavail < 16
    again = outbox(small_disk, reserve="256KiB")
    again.put_manifest(b'{"manifest":1}')
    assert again.incidents() == [], "a full disk is no damage"
    assert again.depth().rows == len(rows)
    assert _fill(again, refused)[1] < refused + 1000
    ballast.unlink()
    again.acknowledge(rows[0].stream, [(row.seq, row.digest) for row in rows])
    assert again.commit([data(1)])
    assert again.commit([data(2)])
    assert (small_disk / "outbox.reserve").exists(), "the reserve is laid by again once there is room"
    again.close()


@pytest.mark.parametrize("reserve", ["256KiB", "0B"])
def test_an_agent_that_was_stopped_in_good_order_starts_on_a_disk_that_another_program_filled(
    small_disk: Path, reserve: str
) -> None:
    """Even to open the file takes room, for the WAL's index: without a reserve the agent waits, and calls no damage."""
    box = outbox(small_disk, reserve=reserve)
    box.commit([data(number) for number in range(50)])
    box.close()
    with (small_disk / "another-programs-log").open("wb", buffering=0) as log, contextlib.suppress(OSError):
        while True:
            log.write(b"x" * 512)
    if reserve == "0B":
        with pytest.raises(OutboxUnavailable, match="is the disk full"):
            outbox(small_disk, reserve=reserve)
        (small_disk / "another-programs-log").unlink()
    again = outbox(small_disk, reserve=reserve)
    assert again.incidents() == []
    assert again.depth().rows == 50
    again.close()


def test_a_damaged_file_on_a_full_disk_waits_for_room_and_is_salvaged_then(small_disk: Path) -> None:
    box = outbox(small_disk, reserve="0B")
    box.commit([data(number, samples=50) for number in range(50)])
    box.close()
    with box.path.open("r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\xa5" * 4096 * 2)
    with (small_disk / "another-programs-log").open("wb", buffering=0) as log, contextlib.suppress(OSError):
        while True:
            log.write(b"x" * 512)
    with pytest.raises(OutboxUnavailable, match="is the disk full"):
        outbox(small_disk, reserve="0B")
    (small_disk / "another-programs-log").unlink()
    again = outbox(small_disk, reserve="0B")
    assert "were salvaged" in again.incidents()[0].text
    again.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from edge_agent.outbox.rows import OutboxUnavailable
from tests.edge_agent.outbox.make import data, outbox

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
box = outbox(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
rows, number = [], 0
while True:
    try:
        rows += box.commit([data(number, samples=300)])
    except OutboxUnavailable:
        break
    number += 1
assert number > 20 and number < 100_000
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
[row] = box.commit([data(number, samples=300)])
assert row.seq == rows[-1].seq + 1, row
box.close()
print(number + 1)
"""


def test_a_file_that_may_not_grow_takes_no_number_and_goes_on_when_it_may(tmp_path: Path) -> None:
    """The same as a full disk, for those who may not mount one."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    box = outbox(tmp_path)
    numbers = [number_of(box.frame(row)) for row in box.waiting("data", after=0, limit=100_000)]
    assert numbers == list(range(int(done.stdout)))
    assert box.incidents() == []
    box.close()
