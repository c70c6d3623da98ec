"""The thread that watches a camera: defects, hangs and stops of its tasks, and what it hands over."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edge_agent.drivers.camera import process as process_module
from edge_agent.drivers.camera import watching as watching_module
from edge_agent.drivers.camera import worker as worker_module
from edge_agent.drivers.camera.analysis import Task, View
from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.evidence import Privacy, Witness
from edge_agent.drivers.camera.findings import Finding, Look, Passage
from edge_agent.drivers.camera.process import Process
from edge_agent.drivers.camera.signal import SignalTask
from edge_agent.drivers.camera.watching import Watching
from profiles.wire.messages import Evidence
from tests.edge_agent.drivers.camera.still import Posted, StillFeed, no_source
from tests.edge_agent.drivers.camera.test_judge import seal
from tests.servers import wait_for


class Defective(SignalTask):
    """Fails twice, then works."""

    failures = 0

    def look(self, view: View) -> Iterator[Look | Passage]:
        if Defective.failures < 2:
            Defective.failures += 1
            raise ZeroDivisionError("a defect")
        yield from super().look(view)


def test_a_task_with_a_defect_stops_its_camera_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "AGAIN", (0.01, 0.01))
    Defective.failures = 0
    tasks: list[Task] = [Defective()]
    feed = StillFeed()
    this = Watching("still", feed, seal(), lambda: tasks, Posted(), open_findings={}, kept={})
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: feed.pictures >= 4, what="pictures after the defect")
    assert this.beat().defects == 2
    assert this.beat().stuck < 5
    this.stop()
    thread.join(5)
    assert not thread.is_alive()


class Hanging(SignalTask):
    """Never comes back, until it is let go."""

    gate = threading.Event()

    def look(self, view: View) -> Iterator[Look | Passage]:
        Hanging.gate.wait()
        yield from super().look(view)


def test_a_task_that_hangs_shows_in_the_beat_and_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "STUCK", 0.5)
    feed = StillFeed()
    this = Watching("still", feed, seal(), lambda: [Hanging()], Posted(), open_findings={}, kept={})
    thread = threading.Thread(target=this.run, daemon=True)
    worker = Process("cameras", [], stuck=0.0)
    assert worker.hangs(this.beat().stuck) == ""
    thread.start()
    wait_for(lambda: "no progress" in worker.hangs(this.beat().stuck), what="the hang")
    Hanging.gate.set()
    wait_for(lambda: feed.pictures >= 2, what="its end")
    assert worker.hangs(this.beat().stuck) == ""
    this.stop()
    thread.join(5)


class Counting(SignalTask):
    """Somebody comes in with each picture; keeps how many there were."""

    def __init__(self) -> None:
        self.seen = 0

    def look(self, view: View) -> Iterator[Look | Passage]:
        self.seen += 1
        view.crossed["persons_in"] += 1
        yield from super().look(view)

    def remember(self) -> Mapping[str, bytes]:
        return {"seen": str(self.seen).encode()}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        self.seen = int(kept.get("seen", b"0"))


def test_what_tasks_count_and_keep_is_handed_over_and_given_back() -> None:
    posted, feed = Posted(), StillFeed()
    this = Watching("still", feed, seal(), lambda: [Counting()], posted, open_findings={}, kept={"signal/seen": b"70"})
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: feed.pictures >= 2, what="pictures")
    this.stop()
    thread.join(5)
    assert int(posted.entries["signal/seen"]) == 70 + feed.pictures
    assert posted.crossed == {"persons_in": feed.pictures}


class Learning(SignalTask):
    """Has learnt the scene with its second picture."""

    seen = 0

    def look(self, view: View) -> Iterator[Look | Passage]:
        self.seen += 1
        view.learnt = self.seen == 2
        yield from super().look(view)


@pytest.mark.parametrize("disk", ["", "full"])
def test_a_picture_of_the_scene_is_kept_when_it_was_learnt_and_one_that_cannot_be_is_told(
    tmp_path: Path, disk: str
) -> None:
    (tmp_path / "full").write_bytes(b"")  # no folder can be made in it
    folder = tmp_path / disk / "evidence"
    witness = Witness(folder, "1" * 20, seal().evidence, datetime.UTC, lambda _start, _end: b"", Privacy())
    posted, feed, tasks = Posted(), StillFeed(), [Learning()]
    this = Watching("still", feed, seal(), lambda: [*tasks], posted, open_findings={}, kept={}, witness=witness)
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: feed.pictures >= 4, what="pictures")
    this.stop()
    thread.join(5)
    [(code, file, reason)] = posted.shots
    assert code == "reference"
    if disk:
        assert (file, reason.partition(":")[0]) == (None, "the picture cannot be kept")
    else:
        assert file is not None
        assert (folder / file.id).stat().st_size == file.size


def test_an_analysis_that_fails_is_idle_and_says_why_and_one_whose_camera_gives_no_picture_is_not() -> None:
    def broken() -> list[Task]:
        raise ValueError("no tasks")

    post = Posted()
    failing = Watching("still", StillFeed(), seal(), broken, post, open_findings={}, kept={})
    silent = Watching("gone", Feed("gone", no_source), seal(), lambda: [SignalTask()], post, open_findings={}, kept={})
    threads = [threading.Thread(target=each.run, daemon=True) for each in (failing, silent)]
    for each in threads:
        each.start()
    wait_for(lambda: failing.beat().defect and silent.beat().idle is not None, what="the defect and the absence")
    assert failing.beat().idle is None
    assert failing.beat().defect == "its analysis fails (ValueError, see the agent's log)"
    assert silent.beat().defect == ""
    failing.stop()
    silent.stop()
    for each in threads:
        each.join(5)


class Entering(SignalTask):
    """Somebody comes in with the first picture."""

    seen = 0

    def look(self, view: View) -> Iterator[Look | Passage]:
        self.seen += 1
        if self.seen == 1:
            yield Passage("person_in", {"persons": 1})
        yield from super().look(view)


class Proven(Posted):
    """With the files."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str, tuple[str, ...]]] = []

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...] = ()) -> None:
        self.files.append((finding.code, finding.state, tuple(each.role for each in evidence)))


def test_a_stop_some_seconds_after_an_event_hands_over_its_film_as_far_as_it_goes(tmp_path: Path) -> None:
    witness = Witness(tmp_path, "1" * 20, seal().evidence, datetime.UTC, lambda _start, _end: b"film", Privacy())
    posted, feed, tasks = Proven(), StillFeed(), [Entering()]
    this = Watching("still", feed, seal(), lambda: [*tasks], posted, open_findings={}, kept={}, witness=witness)
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: posted.files, what="somebody")
    this.stop()
    thread.join(5)
    assert posted.files[0][0] == "person_in"
    assert posted.files[-1] == ("person_in", "changed", ("film",))


def test_a_worker_that_was_halted_has_no_thread_that_is_stuck() -> None:
    this = Watching("still", StillFeed(), seal(), list, Posted(), open_findings={}, kept={})
    now = time.monotonic()
    this._progress = this.feed.progress = now - 50.0
    assert worker_module.alive({"still": this}, time.monotonic()).cameras["still"].stuck >= 50.0
    assert worker_module.alive({"still": this}, now - 49.0).cameras["still"].stuck < 50.0, "halted"
    assert this.beat().stuck < 50.0, "nor is it at the next beat, which may come before its threads go on"
