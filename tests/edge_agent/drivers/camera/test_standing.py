"""What the agent makes of its workers' words: on line or not, counts by the hour, the pace of a slow machine."""

from __future__ import annotations

import datetime
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.drivers.base import Reading
from edge_agent.drivers.camera import process as process_module
from edge_agent.drivers.camera import watching as watching_module
from edge_agent.drivers.camera import worker as worker_module
from edge_agent.drivers.camera.analysis import Analysis, Task, View
from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.counts import HOUR, Counts
from edge_agent.drivers.camera.evidence import Privacy, Witness
from edge_agent.drivers.camera.findings import Finding, Look, Passage
from edge_agent.drivers.camera.pace import Pace
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.process import Process
from edge_agent.drivers.camera.protocol import Beat
from edge_agent.drivers.camera.settings import CameraTag
from edge_agent.drivers.camera.signal import SignalTask
from edge_agent.drivers.camera.standing import Standing
from edge_agent.drivers.camera.unwatched import Unwatched
from edge_agent.drivers.camera.watching import Watching
from profiles.wire.messages import Evidence, Level
from tests.edge_agent.drivers.camera.test_judge import picture, seal
from tests.servers import wait_for

T0 = 1_800_000_000_000 - 1_800_000_000_000 % HOUR
ALIVE = Beat(
    connected=True, reason="", failures=0, silence=0.1, stuck=0.1, packets=0, pictures=0, skipped=0, reconnects=0,
    damaged=0, defects=0, analysis_ms=0, strain=0.0,
)  # fmt: skip


def silent(seconds: float, failures: int = 0) -> Beat:
    return msgspec.structs.replace(ALIVE, silence=seconds, failures=failures, connected=not failures, reason="gone")


def stands(steps: list[tuple[float, Beat | None]], *, offline: bool = False) -> Standing:
    this = Standing(seal().beat, 0.0, offline=offline)
    for now, beat in steps:
        this.heard(beat, now)
    return this


def test_a_camera_is_off_line_after_thirty_seconds_and_two_failed_reconnects() -> None:
    assert stands([(1, ALIVE), (29, silent(28.1, 5))]).up is True
    lost = stands([(1, ALIVE), (31, silent(30.1, 2))])
    assert (lost.up, lost.offline, lost.reason) == (False, True, "gone")
    once = stands([(1, ALIVE), (31, silent(30.1, 1))])
    assert (once.up, once.offline) == (False, False), "one reconnect failed"


def test_a_camera_that_never_answered_is_off_line_after_the_same_time() -> None:
    never = msgspec.structs.replace(ALIVE, silence=None, failures=4, connected=False, reason="refused")
    assert stands([(29, never)]).up is None
    assert stands([(31, never)]).offline


def test_without_a_worker_the_camera_is_not_blamed() -> None:
    this = stands([(1, ALIVE), *((float(second), None) for second in range(2, 60))])
    assert (this.up, this.offline) == (False, False)
    assert "no process" in this.reason


def test_it_is_back_after_ten_seconds_of_pictures_without_a_gap() -> None:
    lost: list[tuple[float, Beat | None]] = [(1, ALIVE), (40, silent(39, 3))]
    back: list[tuple[float, Beat | None]] = [(float(second), ALIVE) for second in range(50, 59)]
    assert stands(lost + back).offline
    assert stands([*lost, *back, (60.0, ALIVE)]).up is True
    gap: list[tuple[float, Beat | None]] = [(62.0, silent(4)), *((float(s), ALIVE) for s in range(63, 70))]
    assert stands([*lost, *back[:4], *gap]).offline


def test_what_was_off_line_before_a_restart_is_until_pictures_come_for_a_while() -> None:
    assert stands([(1.0, ALIVE), (5.0, ALIVE)], offline=True).offline
    assert not stands([(float(second), ALIVE) for second in range(1, 13)], offline=True).offline


TAGS = [
    CameraTag.model_validate({"name": measure, "measure": measure})
    for measure in ("persons_in", "vehicles_out", "belt_run", "online_minutes")
]


def by_tag(readings: list[Reading]) -> dict[str, tuple[Any, str]]:
    return {each.tag: (each.value, each.quality) for each in readings}


def an_hour(counts: Counts, *, online: float = 3600.0, running: Mapping[str, int] | None = None) -> None:
    for second in range(3600):
        events = [code for code, until in (running or {}).items() if second < until]
        counts.passed(1.0, online=second < online, running=events)


def test_passages_and_minutes_of_an_hour_are_told_once_with_its_own_time() -> None:
    counts = Counts(TAGS, "", T0 + 5)
    for crossed in ({"persons_in": 4}, {"persons_in": 3, "persons_out": 9}, {"vehicles_out": 1}):
        counts.crossed(crossed)
    an_hour(counts, running={"belt_run": 41 * 60})
    assert counts.due(T0 + HOUR - 1) == []
    readings = counts.due(T0 + HOUR)
    assert by_tag(readings) == {
        "persons_in": (7, "good"), "vehicles_out": (1, "good"), "belt_run": (41, "good"),
        "online_minutes": (60, "good"),
    }  # fmt: skip
    assert {each.time for each in readings} == {T0 + HOUR - 1}
    assert counts.due(T0 + HOUR + 1) == []
    an_hour(counts)
    assert by_tag(counts.due(T0 + 2 * HOUR))["persons_in"] == (0, "good"), "zero at the hour"


def test_an_hour_without_analysis_is_null_and_part_of_one_is_in_doubt() -> None:
    counts = Counts(TAGS, "", T0)
    an_hour(counts, online=0)
    assert by_tag(counts.due(T0 + HOUR)) == {
        "persons_in": (None, "bad:stale"), "vehicles_out": (None, "bad:stale"), "belt_run": (None, "bad:stale"),
        "online_minutes": (0, "good"),
    }  # fmt: skip
    an_hour(counts, online=1800)
    assert by_tag(counts.due(T0 + 2 * HOUR)) == {
        "persons_in": (0, "uncertain:partial"), "vehicles_out": (0, "uncertain:partial"),
        "belt_run": (0, "uncertain:partial"), "online_minutes": (30, "good"),
    }  # fmt: skip


def test_counts_are_kept_over_a_restart_and_hours_without_an_agent_are_null() -> None:
    before = Counts(TAGS, "", T0)
    before.crossed({"persons_in": 3})
    before.passed(3.0, online=True, running=["belt_run"])
    after = Counts(TAGS, before.text(), T0 + 1000)
    after.crossed({"persons_in": 2})
    readings = after.due(T0 + 3 * HOUR + 5)
    counted = [(each.time, each.value) for each in readings if each.tag == "persons_in"]
    assert counted == [(T0 + HOUR - 1, 5), (T0 + 2 * HOUR - 1, None), (T0 + 3 * HOUR - 1, None)]


def test_a_clock_that_steps_a_day_ahead_and_back_loses_no_count() -> None:
    counts = Counts(TAGS, "", T0)
    counts.passed(1.0, online=True, running=[])
    assert len(counts.due(T0 + 24 * HOUR)) == 24 * len(TAGS)
    counts.crossed({"persons_in": 2})
    assert counts.due(T0) == []
    counts.passed(1.0, online=True, running=[])
    assert by_tag(counts.due(T0 + HOUR))["persons_in"][0] == 2


def paced(strains: list[float]) -> tuple[Pace, list[tuple[Level, str]]]:
    notes: list[tuple[Level, str]] = []
    pace = Pace(lambda level, text: notes.append((level, text)))
    for second, strain in enumerate(strains):
        pace.hear("one", {"a": strain, "b": strain}, second * 5.0)
    return pace, notes


def test_a_machine_that_cannot_keep_up_lowers_all_rates_and_says_so_once_and_when_it_is_over() -> None:
    pace, notes = paced([1.5] * 3)
    assert pace.stretch > 2
    assert notes == [], "a moment is not worth a word"
    pace, notes = paced([1.5] * 10)
    assert [level for level, _text in notes] == ["WARN"]
    pace, notes = paced([1.5] * 10 + [0.1] * 40)
    assert pace.stretch == 1.0
    assert [level for level, _text in notes] == ["WARN", "INFO"]


def test_one_camera_that_is_too_much_for_a_core_slows_no_other() -> None:
    pace = Pace(lambda _level, _text: None)
    for second in range(20):
        pace.hear("one", {"a": 2.0, "b": 0.1, "c": 0.1, "d": 0.1}, second * 5.0)
    assert pace.stretch == 1.0


class Eager(SignalTask):
    """A task of ten pictures a second."""

    name = "eager"

    def period(self) -> float:
        return 0.1


def test_where_rates_fall_the_guard_of_the_picture_falls_last() -> None:
    analysis = Analysis(seal(), [SignalTask(), Eager()])

    def due(stretch: float) -> tuple[int, int]:
        analysis.stretch = stretch
        looks = {"signal": 0, "eager": 0}
        for task in (SignalTask, Eager):
            this = Analysis(seal(), [task()])
            this.stretch = stretch
            for number in range(1000):
                at = number / 10
                if this.due(at):
                    looks[task.name] += 1
                    this.look(picture(at))
        return looks["signal"], looks["eager"]

    calm, eager = due(1.0)
    assert 99 <= calm <= 126
    assert eager == 1000
    assert due(5.0)[0] == calm
    assert due(5.0)[1] <= 260
    assert due(40.0)[0] < calm / 3


class Defective(SignalTask):
    """Fails twice, then works."""

    failures = 0

    def look(self, view: View) -> Iterator[Look | Passage]:
        if Defective.failures < 2:
            Defective.failures += 1
            raise ZeroDivisionError("a defect")
        yield from super().look(view)


class StillFeed(Feed):
    """A feed that has a grey picture whenever one is due."""

    def __init__(self) -> None:
        super().__init__("still", _no_source)

    def take(self, due: Any, timeout: float) -> Picture | None:
        at = time.monotonic()
        if not due(at):
            time.sleep(0.01)
            return None
        self.progress = self.heard = at
        self.pictures += 1
        return picture(at)


def _no_source() -> Any:
    raise LostError("there is none")


class Posted:
    """What a camera's thread hands over."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.entries: dict[str, bytes] = {}
        self.crossed: Counter[str] = Counter()
        self.shots: list[tuple[str, Evidence | None, str]] = []

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...] = ()) -> None:
        self.findings.append(finding)

    def counted(self, camera: str, crossed: Mapping[str, int]) -> None:
        self.crossed.update(crossed)

    def shot(self, camera: str, code: str, file: Evidence | None, reason: str) -> None:
        self.shots.append((code, file, reason))

    def kept(self, camera: str, entries: Mapping[str, bytes]) -> None:
        self.entries |= entries


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


def unwatched(*beats: Beat | None) -> list[tuple[int, str]]:
    """At which second it stood or not, with its reason; a beat a second."""
    seen, told, stood = Unwatched(seal(), stands=False), [], False
    for second, beat in enumerate(beats, 1):
        seen.heard(beat, 1.0)
        if seen.stands != stood:
            stood = seen.stands
            told.append((second, seen.reason if stood else ""))
    return told


def test_a_camera_that_nobody_analyses_for_30_s_is_told_and_cleared_after_10_s_of_analysis() -> None:
    watched = msgspec.structs.replace(ALIVE, idle=0.5)
    failing = msgspec.structs.replace(ALIVE, defect="its analysis fails (X)")
    assert unwatched(*[None] * 35, *[watched] * 12) == [(30, "no process watches it"), (45, "")]
    assert unwatched(*[failing] * 31) == [(30, "its analysis fails (X)")]
    hanging = [msgspec.structs.replace(ALIVE, idle=float(idle)) for idle in range(40)]
    assert unwatched(*[watched] * 5, *hanging) == [(5 + 31, "its analysis does not go on")]
    assert unwatched(*[None, None, None, watched] * 20) == [], "a worker that is begun again after a crash is no gap"


def test_an_analysis_that_fails_is_idle_and_says_why_and_one_whose_camera_gives_no_picture_is_not() -> None:
    def broken() -> list[Task]:
        raise ValueError("no tasks")

    post = Posted()
    failing = Watching("still", StillFeed(), seal(), broken, post, open_findings={}, kept={})
    silent = Watching("gone", Feed("gone", _no_source), seal(), lambda: [SignalTask()], post, open_findings={}, kept={})
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


def test_a_slow_machine_does_not_stretch_a_camera_beyond_what_it_must_see() -> None:
    feed = StillFeed()
    this = Watching("still", feed, seal(), lambda: [Eager()], Posted(), open_findings={}, kept={}, most_stretch=3.0)
    this.stretch = 20.0
    thread = threading.Thread(target=this.run, daemon=True)
    thread.start()
    wait_for(lambda: feed.pictures >= 2, what="pictures")
    this.stop()
    thread.join(5)
    assert feed.period == pytest.approx(0.3)
