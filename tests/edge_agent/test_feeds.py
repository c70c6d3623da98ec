"""A feeder that does not follow its cut-off device: judged in order, with both clocks, over bad values and restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.limits import OpenAlarm
from edge_agent.manifest import build_manifest
from edge_agent.rules import FeedRule, LimitRule, TagRule, build_rules
from edge_agent.sampler import Sampler
from edge_agent.settings import load_agent
from profiles.load import library
from profiles.wire.messages import Value
from tests.edge_agent import test_recorder
from tests.profiles.textfile.examples import MINE

NOW = 1_800_000_000_000
RULES = {"cut": TagRule("cut", "d", "flag"), "feed": TagRule("feed", "d", "flag", feed=FeedRule("feed", "cut", 2.0))}


class Bench:
    """A device and its feeder; the clocks are the test's."""

    def __init__(self, open_alarm: OpenAlarm | None = None) -> None:
        self.seconds = 100.0
        clock = Clock(ClockSettings(), wall=lambda: NOW + round(self.seconds * 1000), monotonic=lambda: self.seconds)
        self.sampler = Sampler(RULES, clock, alarms={"feed": {"feed": open_alarm}} if open_alarm else {})

    def reads(self, tag: str, value: Value, quality: str = "good") -> list[tuple[str, str, str, Value]]:
        """What a reading brings: tag, side, state, value of each transition."""
        found = self.sampler.take([Reading(tag, NOW + round(self.seconds * 1000), value, quality)]).transitions
        return [(name, each.side, each.state, each.value) for name, each in found]

    def waits(self, seconds: float) -> list[tuple[str, str, str, Value]]:
        self.seconds += seconds
        found = self.sampler.tick(frozenset()).transitions
        return [(name, each.side, each.state, each.value) for name, each in found]


def follows(bench: Bench) -> Bench:
    assert bench.reads("cut", True) == bench.reads("feed", True) == []
    return bench


def test_voltage_that_is_still_there_two_seconds_after_a_cut_is_abnormal_until_it_is_gone() -> None:
    b = follows(Bench())
    assert b.reads("cut", False) == []
    assert b.waits(1.9) == []
    assert b.waits(0.1) == [("feed", "feed", "raised", True)]
    assert b.waits(60) == b.reads("feed", True) == []  # once
    assert b.reads("feed", False) == [("feed", "feed", "cleared", False)]


def test_no_voltage_two_seconds_after_a_restore_and_voltage_that_comes_back_during_a_cut_are_abnormal_too() -> None:
    b = follows(Bench())
    assert b.reads("cut", False) == b.reads("feed", False) == b.reads("cut", True) == []
    assert b.waits(2) == [("feed", "feed", "raised", False)]
    assert b.reads("feed", True) == [("feed", "feed", "cleared", True)]
    assert b.reads("cut", False) == b.reads("feed", False) == b.waits(60) == []
    assert b.reads("feed", True) == []
    assert b.waits(2) == [("feed", "feed", "raised", True)]


def test_a_feeder_that_follows_in_time_is_no_event() -> None:
    b = follows(Bench())
    for cut in (False, True) * 3:
        assert b.reads("cut", cut) == b.waits(1.9) == b.reads("feed", cut) == b.waits(30) == []


@pytest.mark.parametrize("tag", ["cut", "feed"])
def test_bad_values_of_either_neither_raise_nor_clear_and_the_time_begins_anew(tag: str) -> None:
    b = follows(Bench())
    assert b.reads("cut", False) == b.waits(1.5) == b.reads(tag, None, "bad:link") == b.waits(10) == []
    assert b.reads(tag, tag == "feed") == b.waits(1.9) == []
    assert b.waits(0.1) == [("feed", "feed", "raised", True)]
    assert b.reads(tag, None, "bad:link") == []
    assert b.sampler.open_alarms("feed")["feed"].level == "SIG"


def test_what_stood_before_a_restart_is_not_raised_again_and_is_cleared() -> None:
    b = Bench(OpenAlarm("SIG", NOW, 0))
    assert b.reads("cut", False) == b.reads("feed", True) == b.waits(10) == []
    assert b.reads("feed", False) == [("feed", "feed", "cleared", False)]


async def test_it_is_an_alarm_of_its_own_beside_the_feeders_limit_over_a_restart(tmp_path: Path) -> None:
    rules = {
        "cut": TagRule("cut", "d", "flag"),
        "feed": TagRule("feed", "d", "flag", limits=LimitRule(alarm_when=True), feed=FeedRule("feed", "cut", 0.05)),
    }

    def both(cut: bool, feed: bool, at: int) -> list[Reading]:
        return [Reading("cut", NOW + at, cut), Reading("feed", NOW + at, feed)]

    async with test_recorder.bench(tmp_path, rules) as first:
        first.recorder.readings("d", both(False, True, 0))
        while not [event for event in first.events() if event.code]:  # its time is real: the delay runs out by itself
            await asyncio.sleep(0.02)
    first.outbox.close()
    async with test_recorder.bench(tmp_path, rules, wall=[NOW + 5_000]) as second:
        second.recorder.readings("d", both(False, True, 5_000))
        second.recorder.readings("d", both(False, False, 6_000))
    told = [(event.code, event.level, event.state, event.tag) for event in second.events()]
    assert sorted(told) == [
        ("", "SIG", "cleared", "feed"), ("", "SIG", "raised", "feed"),
        ("feed", "SIG", "cleared", "feed"), ("feed", "SIG", "raised", "feed"),
    ]  # fmt: skip
    assert len({event.alarm for event in second.events()}) == 2
    second.outbox.close()
    without = {"cut": rules["cut"], "feed": TagRule("feed", "d", "flag")}
    async with test_recorder.bench(tmp_path, rules, wall=[NOW + 9_000]) as third:
        third.recorder.readings("d", both(True, True, 9_000))
    third.outbox.close()
    async with test_recorder.bench(tmp_path, without, wall=[NOW + 12_000]) as fourth:
        pass
    assert [event.text for event in fourth.events()][-1] == "the limit is no longer in the settings"
    fourth.outbox.close()


def test_which_feeder_follows_which_device_is_what_the_sites_relations_and_the_profile_say(tmp_path: Path) -> None:
    points = {"ch4": ("MN0001A0012", "0001"), "cut": ("KG1009B0003", "1009"), "feed": ("KG1011B0004", "1011")}
    code = {name: f"{MINE}01{end}" for name, (end, _quantity) in points.items()}
    relations = {"ch4": f"K-{code['cut']}-断电器:D-{code['feed']}", "cut": f"D-{code['feed']}-馈电◇D-{code['ch4']}"}
    tags = [
        {"name": name, "code": code[name], "type": "number" if name == "ch4" else "flag",
         **({"unit": "%CH4", "limits": {"HH": 1.5}} if name == "ch4" else {}),
         "point": {"profile": "coal-safety", "asset": f"{MINE}01DT40010007", "quantity": quantity, "code": code[name],
                   "attributes": {"relations": relations[name]} if name in relations else {}}}
        for name, (_end, quantity) in points.items()
    ]  # fmt: skip
    (tmp_path / "in").mkdir()
    made = {
        "agent": "mine", "collector": "county", "mqtt": {"host": "127.0.0.1", "port": 1, "tls": "disabled"},
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"}, "state": "state",
        "devices": [
            {"name": "kj", "driver": "files", "folder": "in", "format": {"type": "text", "profile": "coal-safety"},
             "tags": tags},
        ],
    }  # fmt: skip
    (tmp_path / "agent.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    settings = load_agent(tmp_path / "agent.yaml").settings
    rules = build_rules(settings.devices, build_manifest(settings, library()), library())
    assert {name: rule.feed for name, rule in rules.items()} == {
        "ch4": None, "cut": None, "feed": FeedRule("feed", "cut", 2.0),
    }  # fmt: skip
