"""Many cameras at once for benchmarks.camera_cost: the driver's runners and workers, GStreamer's RTSP server."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks._camera_scenes import COVERED, LEARN, made
from edge_agent.drivers.camera.models import fetched
from edge_agent.drivers.camera.runner import CameraRunner
from edge_agent.drivers.camera.settings import CameraDevice
from tests.edge_agent.drivers.camera.bench import Heard, camera, running, until
from tests.edge_agent.drivers.camera.films import T0
from tests.servers import find_server

__all__ = ["T0", "device", "overload", "quiet"]

LAST = 20.0
"""Seconds at the end of an overload over which rates are taken."""
AFTER = 40.0
"""Seconds for which the film goes on once its camera is covered: 10 until it is raised, and what it may be late."""


def device(url: str, number: int) -> CameraDevice:
    """A camera at a main mouth with a counting line, by day; all events of its position, with evidence."""
    return CameraDevice.model_validate({
        "name": f"camera {number}", "driver": "camera", "url": url, "code": f"{number:020d}", "position": "P01",
        "lon": 100.0, "lat": 25.0,
        "lines": [{"name": "mouth", "start": [0.1, 0.6], "end": [0.9, 0.6], "inside": [0.5, 0.1]}],
    })  # fmt: skip


class Used(NamedTuple):
    """CPU seconds of the runners' process and all workers; pictures looked at, and dropped since they came too late."""

    cpu: float
    pictures: Mapping[str, int]
    skipped: int


def used(runners: Sequence[CameraRunner], heard: Heard) -> Used:
    """So far."""
    times = [psutil.Process(each.worker).cpu_times() for each in runners]
    return Used(
        time.process_time() + sum(each.user + each.system for each in times),
        {name: each.get("pictures", 0) for name, each in heard.counters.items()},
        sum(each.get("skipped", 0) for each in heard.counters.values()),
    )  # fmt: skip


@contextmanager
def detector(name: str, folder: Path) -> Iterator[None]:
    """Workers that are begun in here find people so: by the built-in rules, or by the fetched network."""
    before = os.environ.get("EDGE_MODELS")
    if name == "built-in":
        os.environ["EDGE_MODELS"] = str(folder / "none")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("EDGE_MODELS", None)
        else:
            os.environ["EDGE_MODELS"] = before


@asynccontextmanager
async def watching(urls: Sequence[str], heard: Heard) -> AsyncIterator[list[CameraRunner]]:
    """Cameras that are watched, once there was a picture of each."""
    devices = [device(url, number) for number, url in enumerate(urls)]
    async with running(*devices, heard=heard) as runners:
        await until(lambda: all(heard.pictures(each.name) for each in devices), "a picture of each camera", 120)
        yield runners


async def _quiet(film: Path, cameras: int, seconds: float, folder: Path) -> tuple[Used, float]:
    """What so many cameras used in so many seconds, and MiB of memory that each takes."""
    heard = Heard(folder=folder / "evidence")
    with camera(film) as there:
        async with watching([there.url] * cameras, heard) as runners:
            await asyncio.sleep(LEARN / 2)
            before = used(runners, heard)
            await asyncio.sleep(seconds)
            after = used(runners, heard)
            memory = sum(psutil.Process(each.worker).memory_full_info().uss for each in runners)
    seen = {name: count - before.pictures[name] for name, count in after.pictures.items()}
    return Used(after.cpu - before.cpu, seen, after.skipped - before.skipped), memory / cameras / 2**20


def decoding(film: Path, cameras: int, seconds: float) -> float:
    """CPU seconds in which as many processes of ffmpeg decode the same streams for as long, one thread each."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with camera(film) as there:
        command = [find_server("ffmpeg"), "-nostdin", "-v", "error", "-threads", "1", "-rtsp_transport", "tcp",
                   "-i", there.url, "-t", f"{seconds:g}", "-f", "null", "-"]  # fmt: skip
        for each in [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(cameras)]:
            if each.wait():
                raise subprocess.CalledProcessError(each.returncode, command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def quiet(film: Path, cameras: int, seconds: float, folder: Path) -> Iterator[str]:
    """A row for each detector."""
    mere = decoding(film, cameras, seconds) / seconds
    for name in ("built-in", "fetched network") if fetched() else ("built-in",):
        with detector(name, folder):
            this, memory = asyncio.run(_quiet(film, cameras, seconds, folder))
        cpu, looked = this.cpu / seconds, sum(this.pictures.values())
        rate = looked / cameras / seconds
        yield (f"| {name} | {cameras} | {cpu:.3f} | {mere:.3f} | {cpu / mere:.1f} | {memory:.0f} "
               f"| {looked} of {looked + this.skipped} ({rate:.1f} a second each) |")  # fmt: skip


async def overload(folder: Path, cameras: int, seconds: float) -> list[str]:
    """What becomes of too many busy cameras, with the built-in rules; the last of them is covered meanwhile."""
    begun, heard = time.monotonic(), Heard(folder=folder / "evidence")
    length = max(COVERED + AFTER, seconds) + LEARN
    busy, covered = made(folder, "busy", length), made(folder, "covered", length)
    steps: list[tuple[float, float]] = []
    with detector("built-in", folder), camera(busy) as there, camera(covered) as last:
        async with watching([there.url] * (cameras - 1) + [last.url], heard) as runners:
            begun, start = time.monotonic(), used(runners, heard)
            while (now := time.monotonic() - begun) < max(COVERED + AFTER, seconds) - LAST:
                if not steps or runners[0].stretch != steps[-1][1]:
                    steps.append((now, runners[0].stretch))
                await asyncio.sleep(0.5)
            before = used(runners, heard)
            await asyncio.sleep(LAST)
            end = used(runners, heard)
            since, wall = time.monotonic() - begun, time.time() * 1000
            stretch = runners[0].stretch
    rates = sorted((end.pictures[name] - before.pictures[name]) / LAST for name in end.pictures)
    told = [each for each in heard.events if each.code == "q_covered" and each.state == "raised"]
    late = [COVERED - (since - (wall - each.time) / 1000) for each in told if each.camera == f"camera {cameras - 1}"]
    return [
        f"Overload: {cameras} busy cameras, built-in rules; {(end.cpu - start.cpu) / since:.2f} cores were used.",
        f"- rates lowered to 1/{stretch:.1f}, by steps: {', '.join(f'{step:.1f} at {at:.0f} s' for at, step in steps)}",
        f"- pictures a second of a camera in the last {LAST:.0f} s: least {rates[0]:.1f}, middle "
        f"{statistics.median(rates):.1f}, most {rates[-1]:.1f}; checks of it each {max(1.0, stretch / 8):.1f} s",
        *(f"- event {level}: {text}" for level, text in heard.notes),
        f"- covered lens told {-late[0]:.0f} s after it was covered (10 s are asked for)" if late
        else "- covered lens NOT told",
        *(f"- beside: {each.code} of {each.camera} {each.state}" for each in heard.events
          if each.code.startswith("q_") and each not in told and each.camera != f"camera {cameras - 1}"),
    ]  # fmt: skip
