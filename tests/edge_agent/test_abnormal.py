"""What is abnormal beside limits: a state that lasts, a value near its limit; over silence, restarts, new settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.limits import OpenAlarm, Side
from edge_agent.manifest import build_manifest
from edge_agent.rules import TagRule, build_rules
from edge_agent.sampler import Sampler
from edge_agent.settings import load_agent
from profiles.load import library
from profiles.wire.messages import Value
from tests.edge_agent import test_recorder
from tests.edge_agent.test_releases import FACE, agent

NOW = 1_800_000_000_000
CODES = ("line_broken", "station_lost", "in_calibration", "over_range", "near_upper", "near_lower")
Told = tuple[str, str, str, Value]


def rules(folder: Path, limits: dict[str, Any] | None = None) -> dict[str, TagRule]:
    settings = load_agent(agent(folder, "", limits or FACE)).settings
    return build_rules(settings.devices, build_manifest(settings, library()), library())


class Bench:
    """A methane sensor by the profile's rules; the clocks are the test's. Limits of its own are left aside."""

    def __init__(self, rules: dict[str, TagRule], alarms: dict[Side, OpenAlarm] | None = None) -> None:
        self.seconds = 100.0
        self.clock = Clock(ClockSettings(), wall=lambda: self.now, monotonic=lambda: self.seconds)
        self.sampler = Sampler(rules, self.clock, alarms={"CH4": alarms} if alarms else {})

    @property
    def now(self) -> int:
        return NOW + round(self.seconds * 1000)

    def reads(self, value: Value, quality: str = "good") -> list[Told]:
        return self._told(self.sampler.take([Reading("CH4", self.now, value, quality)]).transitions)

    def waits(self, seconds: float, *, down: bool = False) -> list[Told]:
        self.seconds += seconds
        return self._told(self.sampler.tick(frozenset({"kj"} if down else ())).transitions)

    @staticmethod
    def _told(found: Any) -> list[Told]:
        return [(each.side, each.state, each.level, each.value) for _tag, each in found if each.side in CODES]


@pytest.mark.parametrize(
    ("reading", "after", "told"),
    [
        ((None, "bad:instrument"), 10, ("line_broken", "raised", "FAULT", None)),
        ((None, "bad:decode"), 10, ("line_broken", "raised", "FAULT", None)),
        ((None, "bad:link"), 30, ("station_lost", "raised", "FAULT", None)),
        ((-0.5, "bad:instrument"), 10, ("line_broken", "raised", "FAULT", -0.5)),
        ((0.5, "bad:instrument"), 0, ("in_calibration", "raised", "INFO", 0.5)),
        ((0.5, "bad:range"), 5, ("over_range", "raised", "FAULT", 0.5)),
        ((4.1, "good"), 5, ("over_range", "raised", "FAULT", 4.1)),
        ((0.9, "good"), 0, ("near_upper", "raised", "WARN", 0.9)),
    ],
    ids=[
        "004",
        "004, another fault",
        "004, a 4–20 mA wire",
        "006",
        "007",
        "008, as the system says",
        "008, by the range",
        "009",
    ],
)
def test_a_condition_is_told_after_its_time_once_and_until_it_is_over(
    tmp_path: Path, reading: tuple[Value, str], after: float, told: Told
) -> None:
    b = Bench(rules(tmp_path))
    assert b.reads(0.3) == []
    assert b.reads(*reading) == ([] if after else [told])
    if after:
        assert b.waits(after - 0.1) == []
        assert b.waits(0.1) == [told]
    assert b.reads(*reading) == b.waits(60) == []
    side, _raised, level, _value = told
    assert b.reads(0.3) == [(side, "cleared", level, 0.3)]


@pytest.mark.parametrize("reading", [(None, "bad:instrument"), (None, "bad:link"), (4.1, "good")])
def test_what_is_over_before_its_time_is_no_event(tmp_path: Path, reading: tuple[Value, str]) -> None:
    b = Bench(rules(tmp_path))
    for _ in range(3):
        assert b.reads(*reading) == b.waits(4) == b.reads(0.3) == b.waits(1) == []


def test_a_device_that_is_down_says_nothing_and_its_time_runs_on(tmp_path: Path) -> None:
    b = Bench(rules(tmp_path))
    assert b.reads(0.3) == b.reads(None, "bad:link") == b.waits(29, down=True) == []
    assert b.waits(1, down=True) == [("station_lost", "raised", "FAULT", None)]


@pytest.mark.parametrize(
    ("limits", "values", "told"),
    [
        ({"H": 1.0}, [0.89, 0.9, 1.2, 0.8], [("near_upper", "raised", 0.9), ("near_upper", "cleared", 0.8)]),
        ({"L": 1.0}, [1.31, 1.3, 0.9, 1.5], [("near_lower", "raised", 1.3), ("near_lower", "cleared", 1.5)]),
        ({"H": 3.0, "L": 1.0}, [2.0, 2.79, 2.8, 1.21, 1.2],
         [("near_upper", "raised", 2.8), ("near_upper", "cleared", 1.21), ("near_lower", "raised", 1.2)]),
        ({"HH": 1.5}, [1.4, 1.6], []),
    ],
    ids=["from the range's low end", "from its high end", "from the opposite limit", "no alarm limit"],
)  # fmt: skip
def test_a_pre_warning_begins_at_nine_tenths_of_the_way_to_the_limit(
    tmp_path: Path, limits: dict[str, float], values: list[float], told: list[tuple[str, str, float]]
) -> None:
    b = Bench(rules(tmp_path, limits))
    found = [each for value in values for each in b.reads(value)]
    assert [(side, state, value) for side, state, _level, value in found] == told


def test_a_bad_value_neither_raises_nor_clears_a_pre_warning_and_is_a_condition_of_its_own(tmp_path: Path) -> None:
    b = Bench(rules(tmp_path))
    assert b.reads(0.95) == [("near_upper", "raised", "WARN", 0.95)]
    assert b.reads(0.2, "bad:instrument") == [("in_calibration", "raised", "INFO", 0.2)]
    assert b.reads(0.2) == [("in_calibration", "cleared", "INFO", 0.2), ("near_upper", "cleared", "WARN", 0.2)]


def test_what_stood_before_a_restart_is_not_raised_again_and_is_cleared(tmp_path: Path) -> None:
    opened: dict[Side, OpenAlarm] = {
        "line_broken": OpenAlarm("FAULT", NOW, 0), "near_upper": OpenAlarm("WARN", NOW + 5, 0),
    }  # fmt: skip
    b = Bench(rules(tmp_path), opened)
    assert b.sampler.open_alarms("CH4") == opened
    assert b.reads(None, "bad:instrument") == b.waits(60) == []
    assert b.reads(0.2) == [("line_broken", "cleared", "FAULT", 0.2), ("near_upper", "cleared", "WARN", 0.2)]
    assert b.sampler.open_alarms("CH4") == {}


def test_other_limits_are_judged_at_once_by_the_value_that_stands(tmp_path: Path) -> None:
    b = Bench(rules(tmp_path))
    assert b.reads(0.5) == []
    after = b.sampler.change(rules(tmp_path, {"H": 0.55}), (), ())
    assert b._told(after.transitions) == [("near_upper", "raised", "WARN", 0.5)]
    assert b._told(b.sampler.change(rules(tmp_path, {"H": 0.55}), (), ()).transitions) == []


async def test_its_events_name_the_condition_and_one_that_the_settings_no_longer_have_is_closed(tmp_path: Path) -> None:
    its, others = ({"CH4": replace(rules(tmp_path, limits)["CH4"], device="d")} for limits in (FACE, {"HH": 1.5}))
    async with test_recorder.bench(tmp_path, its) as first:
        first.recorder.readings("d", [Reading("CH4", NOW, 0.5, "bad:instrument"), Reading("CH4", NOW + 1000, 0.95)])
    first.outbox.close()
    async with test_recorder.bench(tmp_path, others, wall=[NOW + 5_000]) as second:
        pass
    told = [(event.code, event.level, event.state, event.text) for event in second.events()]
    second.outbox.close()
    assert told == [
        ("in_calibration", "INFO", "raised", "the sensor is being calibrated"),
        ("in_calibration", "INFO", "cleared", "the sensor is being calibrated"),
        ("near_upper", "WARN", "raised", "the value is near its upper limit"),
        ("near_upper", "WARN", "cleared", "the limit is no longer in the settings"),
    ]
