"""A disk that is full, or too small for what may come, is told before it matters; the probe leaves nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from config.doctor.disk import disk_findings, taken


def fill(disk: Path) -> None:
    """Until nothing more goes in."""
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(2**14))


def states(folder: Path, growth: int) -> list[str]:
    return [each.state for each in disk_findings(folder, growth, "the outbox")]


def test_room_is_ok_and_bounds_beyond_it_are_a_warning(tmp_path: Path) -> None:
    assert states(tmp_path, 0) == ["ok"]
    assert states(tmp_path, 2**60) == ["warning"]
    assert states(tmp_path / "later", 0) == ["warning"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_fault(small_disk: Path) -> None:
    [low] = disk_findings(small_disk, 0, "the outbox")
    assert (low.state, "64.0 MiB" in low.text) == ("fault", True)
    fill(small_disk)
    [full] = disk_findings(small_disk, 0, "the outbox")
    assert (full.state, "cannot be written: No space left" in full.text) == ("fault", True)


def test_what_a_folder_takes_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(bytes(1234))
    assert taken(tmp_path) == 1234
    assert taken(tmp_path / "none") == 0
