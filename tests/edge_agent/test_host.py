"""The load of the agent's computer: as /proc has it, and unknown where there is none."""

from __future__ import annotations

from pathlib import Path

from edge_agent.host import HostLoad

MEMORY = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:   2000000 kB\n"


def proc(folder: Path, *ticks: int) -> None:
    (folder / "stat").write_text(f"cpu  {' '.join(map(str, ticks))} 0 0\ncpu0 1 2 3\n")


def test_the_cpu_is_the_mean_since_the_last_reading_and_waiting_for_a_disk_is_idle(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMORY)
    proc(tmp_path, 100, 0, 50, 800, 50, 0, 0, 0)
    load = HostLoad(tmp_path, tmp_path)
    assert load.read().cpu is None, "no time has passed"
    proc(tmp_path, 120, 5, 55, 840, 70, 3, 5, 2)
    found = load.read("192.0.2.7")
    assert (found.cpu, found.memory, found.ip) == (40.0, 75.0, "192.0.2.7")
    assert load.read().cpu == 40.0, "it stays until time has passed"


def test_without_proc_the_disk_alone_is_known(tmp_path: Path) -> None:
    found = HostLoad(tmp_path, tmp_path / "none").read()
    assert (found.cpu, found.memory, found.gpu) == (None, None, None)
    assert found.disk is not None
    assert 0 < found.disk <= 100


def test_a_proc_of_another_shape_is_not_known_and_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    proc(tmp_path, 1, 2)
    (tmp_path / "meminfo").write_text("MemTotal: much\n")
    found = HostLoad(tmp_path / "gone", tmp_path).read()
    assert (found.cpu, found.memory, found.disk) == (None, None, None)


def test_this_computer_is_measured(tmp_path: Path) -> None:
    load = HostLoad(tmp_path)
    sum(range(10_000_000))  # ticks pass
    found = load.read()
    assert found.name
    assert found.cpu is not None
    assert 0 <= found.cpu <= 100
    assert found.memory is not None
    assert 0 < found.memory < 100
