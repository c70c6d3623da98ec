"""The state of a seal by the rules: each group of events, the precedence, permits, closing, orders and cameras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from profiles.load import library
from tests.collector.field import NOW
from tests.collector.seal.made import BELT, GATE, MINUTE, Bureau, bureau, event, permit, without

SEAL = library()["electronic-seal"].seal
assert SEAL is not None
PASSAGE = [code for code, its in SEAL.events.items() if its.off is None]
WHILE_AND_AFTER = {
    "people": ("broken", "broken"), "vehicles": ("broken", "broken"), "equipment": ("broken", "broken"),
    "count": ("broken", "broken"), "tampering": ("suspicious", "suspicious"), "post": ("suspicious", "sealed"),
    "supply": ("suspicious", "sealed"), "quality": ("suspicious", "sealed"), "link": ("blind", "sealed"),
}  # fmt: skip
OTHERS = {
    "q_covered": ("blind", "suspicious"), "q_moved": ("blind", "suspicious"), "q_dark": ("blind", "sealed"),
    "q_bright": ("blind", "sealed"), "q_frozen": ("blind", "sealed"), "q_lost": ("blind", "sealed"),
    "q_offset": ("sealed", "sealed"), "q_unwatched": ("blind", "sealed"), "lamp_on": ("sealed", "sealed"),
}  # fmt: skip
"""While it stands, and when it has cleared and nobody has closed its alarm; not read from the profile."""


@pytest.mark.parametrize("code", [code for code in SEAL.events if code != "terminal_offline"])
async def test_each_event_makes_its_state_while_it_stands_and_until_it_is_closed_and_then_the_seal_is_whole(
    tmp_path: Path, code: str
) -> None:
    assert SEAL is not None
    expected = OTHERS.get(code) or WHILE_AND_AFTER[SEAL.events[code].group]
    with bureau(tmp_path) as made:
        await made.look(0)
        if code in PASSAGE:
            made.take(event(1, code, "gate", "noted", 1))
        else:
            made.take(event(1, code, "gate", "raised", 1))
            assert made.states(2) == {GATE: expected[0], BELT: "sealed"}
            made.take(event(2, code, "gate", "cleared", 3, 1))
        assert made.states(4) == {GATE: expected[1], BELT: "sealed"}
        assert made.at(4).state == expected[1]
        made.close_alarms()
        await made.look(5)
        assert made.states(5) == {GATE: "sealed", BELT: "sealed"}
        assert (made.at(5).state, made.at(5).why) == ("sealed", "")


async def test_a_terminal_that_is_off_line_makes_every_position_that_it_watches_blind(tmp_path: Path) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        made.terminal("raised", 4, 1)
        assert made.states(5) == {GATE: "blind", BELT: "blind"}
        assert made.at(5).why == f"2 blind: {GATE}, {BELT}"
        made.terminal("cleared", 6, 1)
        assert made.states(7) == {GATE: "sealed", BELT: "sealed"}
        assert made.told() == [(0, "sealed"), (1, "blind"), (6, "sealed")], "blind since it was heard last"


async def test_of_several_states_the_gravest_counts_and_the_others_are_told_with_their_alarms(tmp_path: Path) -> None:
    with bureau(tmp_path, permits=[permit(0, 600, works=["pump"], max_persons=0)]) as made:
        await made.look(0)
        expected = ["maintenance", "suspicious", "blind", "broken"]
        found = [made.at(1, GATE).state]
        for number, code in enumerate(("q_blur", "q_lost", "intrusion"), 2):
            made.take(event(number, code, "gate", "raised", number, persons=2))
            found.append(made.at(number, GATE).state)
        assert found == expected
        whole, gate = made.at(5), made.at(5, GATE)
        lives = {life.place.quantity: life.id for life in made.book.lives()}
        assert gate.why.split("; ")[:3] == [
            f"broken: alarm {lives['intrusion']} intrusion at gate", f"blind: alarm {lives['q_lost']} q_lost at gate",
            f"suspicious: alarm {lives['q_blur']} q_blur at gate",
        ]  # fmt: skip
        assert gate.why.endswith(" (pump)")
        assert (whole.state, whole.why) == ("broken", f"1 broken: {GATE}; 1 maintenance: {BELT}")
        assert set(whole.lives) == set(lives.values())
        assert (gate.since - NOW) / MINUTE == 4


@pytest.mark.parametrize(
    ("minute", "persons", "position", "expected"),
    [
        (10, 2, ["P01"], "maintenance"), (19.9, 2, ["P01"], "maintenance"), (9.9, 2, ["P01"], "broken"),
        (20, 2, ["P01"], "broken"), (15, 3, ["P01"], "broken"), (15, 2, ["P06"], "broken"), (15, 2, [], "maintenance"),
    ],
)  # fmt: skip
async def test_a_permit_covers_from_its_first_moment_to_its_last_at_its_position_and_up_to_its_number(
    tmp_path: Path, minute: float, persons: int, position: list[str], expected: str
) -> None:
    with bureau(tmp_path, permits=[permit(10, 20, positions=position, max_persons=2)]) as made:
        await made.look(0)
        made.take(event(1, "person_in", "gate", "noted", minute, persons=persons))
        await made.look(19.95)
        assert made.at(max(minute, 10), GATE).state == expected
        await made.look(30)
        assert made.at(30, GATE).state == ("sealed" if expected == "maintenance" else "broken")


async def test_a_permit_begins_and_ends_in_the_stores_at_its_own_moments_whenever_it_was_looked(tmp_path: Path) -> None:
    with bureau(tmp_path, permits=[permit(10, 20, positions=[BELT], works=["pump", "vent"])]) as made:
        await made.look(0)
        await made.look(12)
        assert made.at(12, BELT).why.endswith("(pump, vent)")
    with bureau(tmp_path, permits=[permit(10, 20, positions=[BELT], works=["pump", "vent"])]) as made:
        await made.look(25)
        assert made.told(BELT) == made.told() == [(0, "sealed"), (10, "maintenance"), (20, "sealed")]
        assert made.told(GATE) == [(0, "sealed")]


async def test_what_runs_on_behind_its_permit_breaks_the_seal_from_then_on_though_its_agent_says_nothing(
    tmp_path: Path,
) -> None:
    with bureau(tmp_path, permits=[permit(0, 10), permit(10, 20)]) as made:
        await made.look(0)
        made.take(event(1, "belt_run", "belt", "raised", 5))
        made.heard(20.1)
        await made.look(20.1)
        assert made.at(20.1, BELT).state == "sealed", "it may have stopped, which is known 10 s later"
        made.heard(20.2)
        await made.look(20.2)
        made.ledger.recount(NOW + 21 * MINUTE)
        assert made.told(BELT) == [(0, "maintenance"), (10, "maintenance"), (20, "broken")]
        [life] = made.book.lives()
        assert life.last.level == "RED"
        assert [(each.event.state, each.event.code) for each in made.platform.events.values()] == [
            ("changed", "belt_run")]  # fmt: skip


async def test_what_stops_with_its_permit_is_permitted_though_its_end_is_known_only_after_its_clearing_time(
    tmp_path: Path,
) -> None:
    with bureau(tmp_path, permits=[permit(0, 20)]) as made:
        await made.look(0)
        made.take(event(1, "machine_run", "gate", "raised", 5), event(2, "machine_run", "gate", "cleared", 24.9, 5))
        await made.look(30)
        assert made.told(GATE) == [(0, "maintenance"), (20, "sealed")]


async def test_a_camera_that_is_blind_for_ten_minutes_is_a_grave_alarm_and_told_to_the_platform_once(
    tmp_path: Path,
) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        made.take(event(1, "q_lost", "belt", "raised", 1), event(2, "q_blur", "gate", "raised", 1))
        for minute, levels in ((10.9, ["ORANGE", "ORANGE"]), (11, ["RED", "ORANGE"]), (30, ["RED", "ORANGE"])):
            made.heard(minute)
            await made.look(minute)
            assert [life.last.level for life in made.book.lives()] == levels
    with bureau(tmp_path) as again:
        await again.look(31)
        assert [life.last.level for life in again.book.lives()] == ["RED", "ORANGE"], "also after a restart"
        assert again.platform.events == {}
    told = list(made.platform.events.values())
    assert [(each.event.code, each.event.state, each.event.time - NOW) for each in told] == [
        ("q_lost", "changed", 11 * MINUTE)]  # fmt: skip


async def test_a_camera_is_not_taken_for_blind_while_what_its_agent_knows_is_still_on_its_way(tmp_path: Path) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        made.take(event(1, "camera_offline", "belt", "raised", 1))
        made.heard(30, waiting_s=25 * 60)
        await made.look(30)
        assert [life.last.level for life in made.book.lives()] == ["ORANGE"]
        made.take(event(2, "camera_offline", "belt", "cleared", 6, 1))
        made.heard(31)
        await made.look(31)
        assert [life.gravest for life in made.book.lives()] == ["ORANGE"]
        assert made.told(BELT) == [(0, "sealed"), (1, "blind"), (6, "sealed")]


@pytest.mark.parametrize("state", ["producing", "building"])
async def test_a_mine_that_works_has_its_own_state_and_no_seal(tmp_path: Path, state: str) -> None:
    with bureau(tmp_path, state, order="7号") as made:
        await made.look(0)
        made.take(event(1, "belt_run", "belt", "raised", 1), event(2, "q_covered", "gate", "raised", 1))
        made.take(event(3, "bypass_in", "gate", "noted", 2))
        assert made.states(3) == {GATE: state, BELT: state}
        assert (made.at(3).state, made.at(3).why) == (state, "order 7号")
        fact = made.ledger.fact(made.ledger.due("shelf-0")[0])
        assert fact.fields["number"] == -1


async def test_when_a_mine_is_stopped_what_was_lawful_before_breaks_nothing_and_what_runs_on_does(
    tmp_path: Path,
) -> None:
    with bureau(tmp_path, "producing") as made:
        await made.look(0)
        made.take(event(1, "bypass_in", "gate", "noted", 1), event(2, "belt_run", "belt", "raised", 1))
        assert len(made.book.lives()) == 2
    with bureau(tmp_path, "stopped") as made:
        await made.look(10)
        assert made.states(10) == {GATE: "sealed", BELT: "broken"}
        assert made.told() == [(0, "producing"), (10, "broken")]
    with bureau(tmp_path, "producing") as made:
        await made.look(20)
        assert made.told() == [(0, "producing"), (10, "broken"), (20, "producing")], "lawful resumption (5.7, lifting)"


async def test_a_mine_without_an_order_is_judged_as_sealed_and_says_so(tmp_path: Path) -> None:
    with bureau(tmp_path, "") as made:
        await made.look(0)
        assert (made.at(0).state, made.at(0).why) == ("sealed", "no order: judged as sealed")
        made.take(event(1, "person_in", "gate", "noted", 1))
        assert (made.at(2).state, made.at(2).why) == ("broken", f"1 broken: {GATE}; no order: judged as sealed")


async def test_a_position_that_no_camera_watches_any_more_is_blind_until_the_order_names_others(tmp_path: Path) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        made.manifest(without("belt"))
        await made.look(5)
        assert made.states(5) == {GATE: "sealed", BELT: "blind"}
        assert made.at(5, BELT).why == "blind: no camera watches it"
        made.manifest()
        await made.look(6)
        assert made.told(BELT) == [(0, "sealed"), (5, "blind"), (6, "sealed")]
        made.manifest(without("belt"))
    made = Bureau(tmp_path, {"state": "closed", "positions": [GATE, "P03"]})
    await made.look(7)
    assert made.states(7) | {BELT: ""} == {GATE: "sealed", "P03": "blind", BELT: ""}
    made.close()


async def test_a_sealed_mine_of_which_no_camera_tells_is_blind(tmp_path: Path) -> None:
    made = Bureau(tmp_path, {"state": "closed"})
    await made.look(0)
    assert (made.at(0).state, made.at(0).why) == ("blind", "no camera watches it")
    made.close()


async def test_a_late_event_changes_the_past_from_its_own_moment_on_and_nothing_before(tmp_path: Path) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        made.take(event(1, "q_dark", "gate", "raised", 10), event(2, "q_dark", "gate", "cleared", 20, 10))
        before = {each.id for each in made.ledger.due("shelf-0")}
        made.take(event(3, "person_in", "gate", "noted", 15))
        news = [each for each in made.ledger.due("shelf-0") if each.id not in before]
        assert made.told(GATE) == [(0, "sealed"), (10, "blind"), (15, "broken"), (20, "broken")]
        assert {(each.time - NOW) // MINUTE for each in news} == {15, 20}
        newest = news[-1]
        assert (newest.since - NOW) / MINUTE == 15


async def test_any_order_of_arrival_and_a_restart_after_each_event_give_the_same_states(tmp_path: Path) -> None:
    events: list[Any] = [
        event(1, "belt_run", "belt", "raised", 1), event(2, "belt_run", "belt", "cleared", 4, 1),
        event(3, "q_covered", "gate", "raised", 2), event(4, "q_covered", "gate", "cleared", 9, 2),
        event(5, "camera_offline", "belt", "raised", 3), event(6, "camera_offline", "belt", "cleared", 8, 3),
    ]  # fmt: skip
    found = []
    for number, ordered in enumerate((events, events[::-1], events[1::2] + events[::2])):
        folder = tmp_path / str(number)
        with bureau(folder) as made:
            await made.look(0)
        for each in ordered:
            with bureau(folder) as made:
                made.take(each)
                made.take(each)
        with bureau(folder) as made:
            found.append((made.told(BELT), made.told(GATE), made.told()))
    assert found[0][0] == [(0, "sealed"), (1, "broken"), (3, "broken"), (8, "broken")]
    assert found[0][1] == [(0, "sealed"), (2, "blind"), (9, "suspicious")]
    assert [_changes(each) for each in found[1:]] == [_changes(found[0])] * 2


def _changes(courses: Any) -> Any:
    """What is told anew where nothing changes stands in the stores as well, and tells the same."""
    return [
        [state for at, state in enumerate(each) if not at or each[at - 1][1] != state[1]] for each in courses
    ]  # fmt: skip


async def test_another_order_is_audited_once_with_what_it_was_and_what_it_is(tmp_path: Path) -> None:
    for state, permits in (("stopped", []), ("stopped", []), ("stopped", [permit(0, 5)]), ("closed", [])):
        with bureau(tmp_path, state, order="12号", permits=permits) as made:
            await made.look(0)
            await made.look(1)
            audited = made.audited()
    assert [each.who for each in audited] == ["edge-collector"] * 3
    found = [json.loads(each.details) for each in audited]
    states = [tuple(order and order["state"] for order in (each["before"], each["after"])) for each in found]
    assert states == [(None, "stopped"), ("stopped", "stopped"), ("stopped", "closed")]
    assert found[1]["after"]["order"] == "12号"
    assert len(found[1]["after"]["permits"]) == 1
    with bureau(tmp_path, "") as made:
        await made.look(2)
        assert json.loads(made.audited()[-1].details)["after"] is None
