"""Contacts of an electronic seal: judged by the profile's times, over bad values, restarts and changed settings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ConfigError
from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.manifest import build_manifest
from edge_agent.rules import ContactRule, TagRule, build_rules
from edge_agent.sampler import Sampler
from edge_agent.settings import AgentSettings, load_agent
from profiles.load import library
from profiles.wire.messages import Event, SealContact, Value
from tests.edge_agent import test_recorder

NOW = 1_800_000_000_000
LOCK = ContactRule("lock_open", when=True, on=1.0, off=5.0, level="RED", text="lock open")
MINE, TERMINAL, CAMERA = "140199900001", "14019990000101", "14010000001320000007"
Told = list[tuple[str, int]]


class Bench:
    """A lock; the clocks are the test's, and begin at 0 s."""

    def __init__(self, rule: ContactRule = LOCK, *, by_exception: bool = False) -> None:
        self.seconds = 0.0
        clock = Clock(ClockSettings(), wall=lambda: NOW + self.now, monotonic=lambda: self.seconds)
        self.sampler = Sampler({"K": TagRule("K", "d", "flag", by_exception=by_exception, contact=rule)}, clock)

    @property
    def now(self) -> int:
        return round(self.seconds * 1000)

    def reads(self, value: Value, at: float, quality: str = "good") -> Told:
        """What a reading at that second brings: state and ms of each transition."""
        self.seconds = at
        found = self.sampler.take([Reading("K", NOW + self.now, value, quality)])
        return [(each.state, each.time - NOW) for each in found.contacts]

    def waits(self, until: float) -> Told:
        self.seconds = until
        return [(each.state, each.time - NOW) for each in self.sampler.tick(frozenset()).contacts]


def test_a_lock_is_open_after_a_second_and_shut_after_five_and_told_once_each() -> None:
    lock = Bench()
    assert lock.reads(False, 0) == lock.reads(True, 10) == lock.waits(10.9) == []
    assert lock.waits(11) == [("raised", 11_000)]
    assert lock.reads(True, 12) == lock.waits(100) == lock.reads(False, 101) == lock.reads(False, 105.9) == []
    assert lock.reads(False, 106) == [("cleared", 106_000)]
    assert lock.waits(200) == []


def test_a_contact_that_bounces_is_neither_open_nor_shut() -> None:
    lock = Bench()
    assert lock.reads(True, 0) == lock.reads(False, 0.9) == lock.reads(True, 1.2) == []
    assert lock.reads(True, 2.2) == [("raised", 2_200)]
    assert lock.reads(False, 3) == lock.reads(True, 7.9) == lock.reads(False, 8) == lock.waits(12.9) == []
    assert lock.waits(13) == [("cleared", 13_000)]


@pytest.mark.parametrize("quality", ["bad:link", "bad:address", "bad:stale"])
def test_bad_quality_neither_raises_nor_clears_and_the_time_begins_anew_behind_it(quality: str) -> None:
    lock = Bench()
    assert lock.reads(True, 0) == lock.reads(None, 0.5, quality) == lock.waits(5) == lock.reads(True, 6) == []
    assert lock.waits(7) == [("raised", 7_000)]
    assert lock.reads(False, 8) == lock.reads(None, 9, quality) == lock.waits(99) == lock.reads(False, 100) == []
    assert lock.reads(False, 105) == [("cleared", 105_000)]


def test_a_contact_that_opens_with_the_event_and_a_device_that_reports_changes_alone_are_judged_alike() -> None:
    lock = Bench(ContactRule("box_open", when=False, on=1.0, off=5.0, level="RED", text=""), by_exception=True)
    assert lock.reads(True, 0) == lock.waits(60) == lock.reads(False, 61) == []
    assert lock.waits(62) == [("raised", 62_000)]
    assert lock.reads(True, 70) == []
    assert lock.waits(75) == [("cleared", 75_000)]


def test_other_settings_judge_what_stands_and_leave_alone_what_they_do_not_touch() -> None:
    lock = Bench(by_exception=True)
    assert lock.reads(True, 0) == []
    assert lock.waits(1) == [("raised", 1_000)]
    more = {"K": TagRule("K", "d", "flag", by_exception=True, contact=LOCK, max_silence=5.0)}
    assert lock.sampler.change(more, (), ()).contacts == []
    assert lock.waits(90) == []  # the same contact: it stays open
    turned = {
        "K": TagRule("K", "d", "flag", by_exception=True, contact=ContactRule("lock_open", False, 1, 5, "RED", ""))
    }
    assert lock.sampler.change(turned, (), ()).contacts == []
    assert lock.waits(94.9) == []
    assert [state for state, _ in lock.waits(95)] == ["cleared"]


async def told(folder: Path, rules: dict[str, TagRule], at: int, *values: bool) -> list[Event]:
    """One run of an agent that reads these, a ms apart; all events of the outbox so far."""
    async with test_recorder.bench(folder, rules, wall=[NOW + at]) as run:
        for number, value in enumerate(values):
            run.recorder.readings("d", [Reading("K", NOW + at + number, value)])
            before = len(run.events())
            while value and len(run.events()) == before:  # its time is real, and runs out by itself
                await asyncio.sleep(0.01)
    found = run.events()
    run.outbox.close()
    return found


async def test_an_open_lock_outlives_a_restart_and_is_cleared_later_as_the_same_alarm(tmp_path: Path) -> None:
    quick = {"K": TagRule("K", "d", "flag", contact=ContactRule("lock_open", True, 0.05, 0.0, "RED", "lock open"))}
    await told(tmp_path, quick, 0, False, True)
    raised, cleared = await told(tmp_path, quick, 60_000, False)
    assert (raised.kind, raised.tag, raised.code, raised.level, raised.value) == ("seal", "K", "lock_open", "RED", True)
    assert (raised.state, cleared.state, cleared.alarm) == ("raised", "cleared", raised.alarm)
    assert (cleared.since, cleared.level, cleared.text) == (raised.since, "RED", "lock open")
    assert cleared.facts == {"duration": (cleared.time - raised.since) / 1000}
    assert len(await told(tmp_path, quick, 90_000, False)) == 2  # it is over, and known to be


@pytest.mark.parametrize("after", [None, ContactRule("box_open", True, 60.0, 5.0, "RED", "cabinet open")])
async def test_what_the_settings_no_longer_have_as_this_contact_is_closed(
    tmp_path: Path, after: ContactRule | None
) -> None:
    quick = {"K": TagRule("K", "d", "flag", contact=ContactRule("lock_open", True, 0.05, 5.0, "ORANGE", "lock open"))}
    await told(tmp_path, quick, 0, True)
    raised, cleared = await told(tmp_path, {"K": TagRule("K", "d", "flag", contact=after)}, 60_000)
    assert (cleared.alarm, cleared.code, cleared.state) == (raised.alarm, "lock_open", "cleared")
    assert cleared.text == "the contact is no longer in the settings"


def load(folder: Path, *tags: dict[str, Any], gateway: str = TERMINAL) -> AgentSettings:
    """The settings of an agent with a Modbus instrument that has these bits."""
    bits = [
        {"name": f"K{number}", "table": "discrete-input", "address": number, "type": "bit"} | tag
        for number, tag in enumerate(tags)
    ]
    plc = {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": "127.0.0.1"}, "addressing": "plain"}
    made = {
        "agent": "mine", "collector": "county", "mqtt": {"host": "127.0.0.1", "tls": "disabled"}, "state": "state",
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199", "gateway": gateway},
        "devices": [plc | {"tags": bits}],
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    return load_agent(folder / "agent.yaml").settings


def at(position: str = "P07", event: str = "lock_open", **rest: Any) -> dict[str, Any]:
    return {"seal": {"event": event, "position": position, "when": True} | rest}


def test_the_profile_says_the_times_and_the_mines_state_the_level(tmp_path: Path) -> None:
    settings = load(
        tmp_path, at(), at(mine_state="producing", when=False), at(event="power_lost", camera=CAMERA, position="P01")
    )
    manifest = build_manifest(settings, library())
    rules = build_rules(settings.devices, manifest, library())
    assert rules["K0"].contact == ContactRule("lock_open", True, 1.0, 5.0, "RED", "lock open")
    assert rules["K1"].contact == ContactRule("lock_open", False, 1.0, 5.0, "ORANGE", "lock open")
    assert rules["K2"].contact == ContactRule("power_lost", True, 1.0, 5.0, "ORANGE", "mains lost")
    contacts = {name: tag.seal for name, tag in manifest.tags.items()}
    assert contacts["K0"] == SealContact(
        profile="electronic-seal", event="lock_open", code=TERMINAL, position="P07"
    )  # fmt: skip
    assert contacts["K2"] is not None
    assert contacts["K2"].code == CAMERA


@pytest.mark.parametrize(
    ("tag", "line", "message"),
    [
        (
            at(event="lock_opened"),
            "event: lock_opened",
            "'lock_opened' is none of the profile's events; expected one of lock_open (电子锁开启)",
        ),
        (
            at(event="belt_run"),
            "event: belt_run",
            "belt_run (皮带运行) is told by no contact; expected one of lock_open",
        ),
        (at(position="P77"), "position: P77", "'P77' is no position; expected one of P01 (main mouth)"),
        (
            at(position=""),
            "event: lock_open",
            "position is missing: lock_open is at one of P01",
        ),
        (at(mine_state="asleep"), "mine_state: asleep", "'asleep' is no state; expected one of producing"),
        (
            at(profile="coal-safety"),
            "profile: coal-safety",
            "'coal-safety' describes no electronic seal; expected one of electronic-seal",
        ),
        (at(camera="1401"), "camera: '1401'", "1401"),
        (
            at() | {"type": "uint16", "table": "holding-register"},
            "event: lock_open",
            "a contact is a switch; this tag is a number",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_was_expected(
    tmp_path: Path, tag: dict[str, Any], line: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, at(), tag)
    [problem] = caught.value.problems
    text = (tmp_path / "agent.yaml").read_text(encoding="utf-8").splitlines()
    assert message in problem.message
    assert line in text[problem.line - 1]


def test_a_contact_needs_the_code_of_a_camera_or_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="state camera here, or site"):
        load(tmp_path, at(), gateway="")
    load(tmp_path, at(camera=CAMERA), gateway="")


def test_the_terminals_own_contacts_need_something_that_the_agent_watches(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="position is missing: this agent watches none"):
        load(tmp_path, at(position="", event="box_open"))
    load(tmp_path, at(position="", event="box_open"), at())


def test_the_terminals_code_is_checked_where_it_stands_for_contacts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, at(), at(), gateway="1401999000")
    assert {problem.line for problem in caught.value.problems} == {
        number for number, line in enumerate((tmp_path / "agent.yaml").read_text().splitlines(), 1) if "gateway" in line
    }  # fmt: skip
