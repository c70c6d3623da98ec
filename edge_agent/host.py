"""Load of the computer that an agent runs on, for its state: without a dependency, and without asking anybody.

CPU and memory are read from ``/proc`` and are not known where there is none (Windows, macOS); what a graphics processor
does is not known anywhere. Figures in %. Whether the clock is kept right is asked of the kernel, which every time
service tells (chrony, ntpd, systemd-timesyncd): adjtimex(2).
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import socket
import time
from pathlib import Path
from typing import ClassVar

from profiles.wire.messages import Host

PROC = Path("/proc")
SPAN = 5.0
"""Seconds over which the CPU's load is a mean at least: several may ask."""
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""


class HostLoad:
    """`folder`: whose disk is meant, the one that the agent writes to. Not thread-safe."""

    def __init__(self, folder: Path, proc: Path = PROC) -> None:
        self._folder, self._proc = folder, proc
        self._name = socket.gethostname()
        self._system = f"{platform.system()} {platform.release()} {platform.machine()}"
        self._python = platform.python_version()
        self._ticks = _ticks(proc)
        self._cpu: float | None = None
        self._looked = time.monotonic()

    def read(self, address: str = "") -> Host:
        """The load now, of the CPU the mean since a reading some seconds ago (or the start); `address`: the host's."""
        if self._cpu is None or time.monotonic() - self._looked >= SPAN:
            self._looked = time.monotonic()
            before, self._ticks = self._ticks, _ticks(self._proc) or self._ticks
            if before is not None and self._ticks is not None and self._ticks[1] > before[1]:
                busy, whole = self._ticks[0] - before[0], self._ticks[1] - before[1]
                self._cpu = _percent(busy, whole)
        synchronised, error = _kernel_clock()
        return Host(
            name=self._name, ip=address, cpu=self._cpu, memory=_memory(self._proc), disk=_disk(self._folder),
            system=self._system, python=self._python, clock_synchronised=synchronised, clock_error_ms=error,
        )  # fmt: skip


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2) as far as it is read; what follows in it is room."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_long * 40),
    ]  # fmt: skip


def _kernel_clock() -> tuple[bool | None, float | None]:
    """Whether something keeps the clock right, and its error in ms as that believes; nothing is set by asking."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, TypeError, AttributeError):
        return None, None  # no Linux
    found = _Timex()
    if adjtimex(ctypes.byref(found)) < 0:
        return None, None  # a sandbox that forbids it
    synchronised = not found.status & UNSYNCHRONISED
    return synchronised, round(found.esterror / 1000, 3) if synchronised else None


def _ticks(proc: Path) -> tuple[int, int] | None:
    """Ticks that all CPUs were busy, and all of them (proc(5), /proc/stat)."""
    try:
        words = (proc / "stat").read_text().partition("\n")[0].split()
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, words[1:9])
    except (OSError, ValueError):
        return None
    busy = user + nice + system + irq + softirq + steal
    return busy, busy + idle + iowait


def _memory(proc: Path) -> float | None:
    """What programs cannot have any more (proc(5), /proc/meminfo)."""
    try:
        rows = dict(row.split(":", 1) for row in (proc / "meminfo").read_text().splitlines())
        total, free = (int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError):
        return None
    return _percent(total - free, total)


def _disk(folder: Path) -> float | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return _percent(usage.used, usage.used + usage.free)


def _percent(part: int, whole: int) -> float | None:
    return round(min(100.0, max(0.0, 100 * part / whole)), 1) if whole > 0 else None
