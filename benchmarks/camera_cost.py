"""What do cameras cost, beside FFmpeg that merely decodes the same stream? ``python -m benchmarks.camera_cost``.

In one run, as Markdown for docs/cameras-accuracy.md: (1) CPU of a camera before a quiet, a normal and a busy place, by
steps, with each detector; (2) `CAMERAS` quiet ones together, through the agent's worker processes from GStreamer's RTSP
server; (3) so many busy ones that the machine cannot keep up, one of which is covered meanwhile. CPU time is counted,
not time that passes, so that other work on the machine disturbs little; ratios hold elsewhere too. Places are 704×576,
10 pictures a second, a key frame each 2 s, made of vtest.avi of opencv-doc: empty; a man who crosses it 10 s of each
30; as it is, with six people. The parts stand in benchmarks/_camera_scenes.py (films) and _camera_together.py (2, 3).
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2

from benchmarks import _camera_together as together
from benchmarks._camera_scenes import LEARN, made
from benchmarks.camera_presence import detectors
from edge_agent.drivers.camera.analysis import Analysis, Task, View
from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.capture.source import LostError, Packet
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.camera.evidence import Privacy, Witness
from edge_agent.drivers.camera.findings import Box, Look, Passage
from edge_agent.drivers.camera.integrity import integrity_tasks
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.detector import Detector, Part
from profiles.zones import offset
from tests.edge_agent.drivers.camera.integrity.watch import seal
from tests.servers import find_server

STEPS = ("decoding", "integrity", "motion gate", "detector", "tracking", "evidence")
"""Integrity holds the smaller and grey pictures that all share; tracking the lines and regions; evidence the ring, the
pictures for the time before, and the files of events."""
ALONE = ("quiet", "normal", "busy")
"""Places of part 1."""
Spent = defaultdict[str, float]
"""CPU seconds by step."""


class Timed:
    """A task whose CPU time is counted; what it calls and is counted on its own is taken off."""

    def __init__(self, task: Task, step: str, spent: Spent, inner: str = "") -> None:
        self._task, self._step, self._spent, self._inner = task, step, spent, inner
        self.name = task.name

    def period(self) -> float:
        """As the task has it."""
        return self._task.period()

    def look(self, view: View) -> Iterator[Look | Passage]:
        """As the task does."""
        begun, inner = time.thread_time(), self._spent[self._inner]
        seen = list(self._task.look(view))
        self._spent[self._step] += time.thread_time() - begun - (self._spent[self._inner] - inner)
        yield from seen

    def remember(self) -> Mapping[str, bytes]:
        """As the task does."""
        return self._task.remember()

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """As the task does."""
        self._task.recall(kept)

    def relearn(self) -> None:
        """As the task does."""
        self._task.relearn()


class TimedDetector:
    """A detector whose CPU time is counted."""

    def __init__(self, detector: Detector, spent: Spent) -> None:
        self._detector, self._spent = detector, spent
        self.name, self.period = detector.name, detector.period

    def detect(self, picture: Picture, parts: Sequence[Part]) -> tuple[Box, ...]:
        """As the detector does; onnxruntime may work in threads of its own."""
        begun = time.process_time()
        found = self._detector.detect(picture, parts)
        self._spent["detector"] += time.process_time() - begun
        return found


def analysis(detector: Detector, spent: Spent) -> Analysis:
    """That of a camera at a main mouth with a counting line, counted by steps."""
    this, by = together.device("file:film", 0), seal()
    tasks: list[Task] = [Timed(each, "integrity", spent) for each in integrity_tasks(this, by)]
    for each in presence_tasks(this, by, TimedDetector(detector, spent)):
        tasks.append(Timed(each, "motion gate" if each.name == "motion" else "tracking", spent, inner="detector"))
    return Analysis(by, tasks)


def steps(film: Path, detector: Detector, folder: Path) -> tuple[Spent, float, int]:
    """CPU by step of a camera that sends this film, its first `LEARN` seconds apart; film seconds, pictures looked at.

    As `edge_agent.drivers.camera.capture.feed` and `watching` do it, but on one thread.
    """
    spent: Spent = defaultdict(float)
    seen, rules = analysis(detector, spent), seal().evidence
    ring, decoder = Ring(rules.film_before + rules.film_after + 10, 2 * rules.film), Decoder()
    witness = Witness(folder, "0" * 20, rules, offset("+08:00"), ring.clip, Privacy())
    waiting: list[Packet] = []
    at, looked = 0.0, 0
    for packet in packets(film):
        at = packet.stamp or 0.0
        if at < LEARN:
            spent.clear()
            looked = 0
        with counted(spent, "evidence"):
            ring.add(packet.form, at, packet.coded)
        waiting.append(packet)
        if not seen.due(at):
            continue
        with counted(spent, "decoding"):
            found, waiting = decoder.newest(waiting), []
        if found is None:
            continue
        picture = Picture(found[0], time=together.T0 + round(at * 1000), at=at, key=found[1])
        looked += 1
        result = seen.look(picture)
        with counted(spent, "evidence"):
            witness.see(picture)
            for finding in result.findings:
                witness.prove(finding, picture)
            list(witness.later(picture))
    return spent, at - LEARN, looked


class counted:  # noqa: N801  # reads as a function
    """Adds the CPU time of a block to a step."""

    def __init__(self, spent: Spent, step: str) -> None:
        self._spent, self._step = spent, step

    def __enter__(self) -> None:
        self._begun = time.thread_time()

    def __exit__(self, *_failed: object) -> None:
        self._spent[self._step] += time.thread_time() - self._begun


def packets(film: Path) -> Iterator[Packet]:
    """Those of a film, as fast as they can be had."""
    source = StreamSource(str(film), timeout=10)
    source.open()
    try:
        yield from source.packets()
    except LostError:  # its end
        return
    finally:
        source.close()


def decoding(film: Path) -> float:
    """CPU seconds in which ffmpeg decodes a film on one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [find_server("ffmpeg"), "-nostdin", "-v", "error", "-threads", "1", "-i", str(film), "-f", "null", "-"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table_of_steps(films: Mapping[str, Path], folder: Path, repeat: int) -> Iterator[str]:
    """CPU of one camera, % of a core, the least of so many runs: others' work on the machine only adds."""
    yield f"| place | detector | {' | '.join(STEPS)} | all | FFmpeg decoding | ratio | pictures a second |"
    yield f"| --- | --- |{' --- |' * (len(STEPS) + 4)}"
    for place, film in films.items():
        mere, length = min(decoding(film) for _ in range(repeat)), max(each.stamp or 0.0 for each in packets(film))
        for detector, _whole in detectors():
            runs = [steps(film, detector, folder) for _ in range(repeat)]
            spent, seconds, looked = min(runs, key=lambda run: sum(run[0].values()))
            shares = [100 * spent[step] / seconds for step in STEPS]
            decoded = 100 * mere / length
            cells = " | ".join(f"{share:.2f}" for share in shares)
            yield (f"| {place} | {detector.name} | {cells} | {sum(shares):.1f} | {decoded:.2f} "
                   f"| {sum(shares) / decoded:.1f} | {looked / seconds:.1f} |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="measured of each scene and of each run together")
    parser.add_argument("--repeat", type=int, default=2, help="runs of part 1, of which the least counts")
    parser.add_argument("--cameras", type=int, default=8, help="quiet ones together")
    parser.add_argument("--busy", type=int, default=16, help="busy ones, that the machine may not keep up with")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = {place: made(folder, place, LEARN + given.seconds) for place in ALONE}
        print(f"\n{datetime.date.today()}, {given.seconds:g} s each; CPU in % of one core\n")
        for line in table_of_steps(films, folder, given.repeat):
            print(line, flush=True)
        print("\n| together | cameras | CPU, cores | FFmpeg decoding the same streams | ratio | memory a camera, MiB "
              "| pictures looked at of those asked for |\n| --- | --- | --- | --- | --- | --- | --- |")  # fmt: skip
        for line in together.quiet(films["quiet"], given.cameras, given.seconds, folder):
            print(line, flush=True)
        print()
        for line in asyncio.run(together.overload(folder, given.busy, given.seconds)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
