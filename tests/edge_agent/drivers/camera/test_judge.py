"""Events are raised and cleared after the profile's times, by the clock of the pictures."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from edge_agent.drivers.camera.findings import Box, Finding, Look, Moment, OpenFinding, Passage
from edge_agent.drivers.camera.judge import Judge
from edge_agent.drivers.camera.picture import Picture
from profiles.load import library
from profiles.seal import Seal

T0 = 1_800_000_000_000


def seal() -> Seal:
    found = library()["electronic-seal"].seal
    assert found is not None
    return found


def picture(at: float) -> Picture:
    return Picture(np.zeros((48, 64, 3), dtype=np.uint8), time=T0 + round(at * 1000), at=at)


def looks(judge: Judge, code: str, steps: Iterable[tuple[float, bool | None]]) -> list[tuple[str, float, float]]:
    found: list[Finding] = []
    for at, holds in steps:
        found.extend(judge.look(Look(code, holds), picture(at)))
    return [(each.state, (each.time - T0) / 1000, (each.since - T0) / 1000) for each in found]


def every_second(start: int, end: int, holds: bool | None) -> list[tuple[float, bool | None]]:
    return [(float(at), holds) for at in range(start, end)]


def test_a_covered_lens_is_told_after_ten_seconds_and_cleared_after_ten_of_clear_sight() -> None:
    steps = [*every_second(0, 5, False), *every_second(5, 40, True), *every_second(40, 60, False)]
    assert looks(Judge(seal()), "q_covered", steps) == [("raised", 15.0, 15.0), ("cleared", 50.0, 15.0)]


def test_a_moment_of_clear_sight_begins_the_wait_anew() -> None:
    steps = [*every_second(0, 9, True), (9.0, False), *every_second(10, 19, True)]
    assert looks(Judge(seal()), "q_covered", steps) == []


def test_what_cannot_be_judged_neither_raises_nor_clears() -> None:
    judge = Judge(seal())
    steps = [*every_second(0, 11, True), *every_second(11, 300, None), *every_second(300, 305, False)]
    assert looks(judge, "q_covered", steps) == [("raised", 10.0, 10.0)]
    assert looks(judge, "q_covered", every_second(305, 312, False)) == [("cleared", 310.0, 10.0)]


def test_the_time_without_pictures_proves_nothing() -> None:
    steps: list[tuple[float, bool | None]] = [(0.0, True), (1.0, True), (100.0, True), (101.0, True)]
    assert looks(Judge(seal()), "q_covered", steps) == []


def test_an_event_goes_on_after_a_restart_under_its_own_beginning() -> None:
    judge = Judge(seal(), {"q_covered": OpenFinding(T0 - 5000)})
    assert looks(judge, "q_covered", every_second(0, 20, False)) == [("cleared", 10.0, -5.0)]
    assert judge.open == {}


def test_how_long_it_lasted_does_not_go_by_a_clock_that_was_set() -> None:
    judge, day = Judge(seal()), 86_400_000
    found: list[Finding] = []
    for at in range(60):
        moment = Moment(float(at), T0 + at * 1000 + (day if at > 20 else 0))
        found.extend(judge.look(Look("q_covered", at < 30), moment))
    assert [(each.state, each.facts.get("duration")) for each in found] == [("raised", None), ("cleared", 30.0)]


def passages(judge: Judge, code: str, times: Iterable[float], until: float) -> list[tuple[str, float, object]]:
    """What one person each at `times` brings, looked at each second."""
    found: list[Finding] = []
    due = sorted(times)
    for second in range(int(until)):
        while due and due[0] <= second:
            found.extend(judge.passage(Passage(code, {"persons": 1}), picture(due.pop(0))))
        found.extend(judge.tick(float(second), T0 + second * 1000))
    return [(each.state, (each.time - T0) / 1000, each.facts.get("persons")) for each in found]


def test_those_who_pass_within_ten_minutes_of_each_other_are_one_event_that_counts_them() -> None:
    assert passages(Judge(seal()), "person_in", [0.0, 2.0, 590.0, 2000.0], 3000) == [
        ("raised", 0.0, 1), ("changed", 2.0, 2), ("changed", 590.0, 3), ("cleared", 1190.0, 3),
        ("raised", 2000.0, 1), ("cleared", 2600.0, 1),
    ]  # fmt: skip


def test_the_way_round_a_gate_is_merged_for_thirty_seconds() -> None:
    assert passages(Judge(seal()), "bypass_in", [0.0, 29.0, 60.0], 100) == [
        ("raised", 0.0, 1), ("changed", 29.0, 2), ("cleared", 59.0, 2), ("raised", 60.0, 1), ("cleared", 90.0, 1),
    ]  # fmt: skip


def test_numpys_own_numbers_leave_as_plain_ones() -> None:
    judge = Judge(seal())
    share, box = np.float64(0.25), Box(np.float64(0.1), 0.2, np.float32(0.5), 0.6, "person", np.float64(0.9))  # type: ignore[arg-type]
    looked = Look("q_resolution", True, {"share": share}, (box,), np.float64(0.8))
    passed = Passage("person_in", {"persons": np.int64(1)}, (box,), np.float64(0.8))  # type: ignore[dict-item]
    found = [
        *judge.look(looked, picture(0.0)),
        *judge.passage(passed, picture(1.0)),
        *judge.passage(passed, picture(2.0)),
    ]
    assert [each.state for each in found] == ["raised", "raised", "changed"]
    for finding in found:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(finding), type=Finding) == finding
    assert msgspec.json.encode(judge.open)
    assert found[2].facts["persons"] == 2


def test_a_passage_that_a_restart_left_open_ends() -> None:
    judge = Judge(seal(), {"person_in": OpenFinding(T0, {"persons": 4})})
    assert passages(judge, "person_in", [10.0], 700) == [("changed", 10.0, 5), ("cleared", 610.0, 5)]
