"""Counts of a camera by the hour: told once, in doubt or null where it was not watched, kept over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.drivers.base import Reading
from edge_agent.drivers.camera.counts import HOUR, Counts
from edge_agent.drivers.camera.settings import CameraTag

T0 = 1_800_000_000_000 - 1_800_000_000_000 % HOUR


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
