"""The seal's levels by the state of the mine (notes on mines, 5.7), and what its parts must not contradict."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from profiles.load import library
from profiles.seal import level

SEAL = library()["electronic-seal"].seal
assert SEAL is not None
PEOPLE = ["person_in", "person_out", "intrusion"]
VEHICLES = ["vehicle_in", "vehicle_out", "board_vehicle"]
EQUIPMENT = ["belt_run", "belt_load", "hoist_run", "machine_run", "lock_open", "wall_open"]
TAMPERING = ["q_covered", "q_moved", "q_replay", "box_open"]


@pytest.mark.parametrize("state", ["stopped", "stopped_building", "closing", "closed", "", "unheard-of"])
@pytest.mark.parametrize("code", [*PEOPLE, *VEHICLES, *EQUIPMENT, *TAMPERING])
def test_in_a_sealed_mine_whatever_moves_is_grave_and_so_it_is_where_nobody_said_what_the_mine_is(
    code: str, state: str
) -> None:
    assert SEAL is not None
    assert level(SEAL, code, state, permitted=False) == 1
    assert level(SEAL, code, state, permitted=True) == (1 if code in TAMPERING else 3)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("person_in", 3), ("belt_run", 3), ("hoist_run", 3), ("vehicle_out", 3), ("post_empty", 2), ("post_sleep", 2),
        ("bypass_in", 2), ("gate_reverse_out", 2), ("count_mismatch", 2), ("q_covered", 2), ("q_frozen", 2),
    ],
)  # fmt: skip
def test_in_a_mine_that_works_runs_are_notices_and_what_is_amiss_a_warning(code: str, expected: int) -> None:
    assert SEAL is not None
    for permitted in (False, True):
        assert level(SEAL, code, "producing", permitted=permitted) == expected


def test_every_position_and_every_diagnosis_of_the_notes_is_there() -> None:
    assert SEAL is not None
    assert list(SEAL.positions) == [f"P{number:02}" for number in range(1, 11)]
    assert {each.case for each in SEAL.events.values() if each.case} == {f"000{number}" for number in range(1, 10)}
    assert {each.analysis for each in SEAL.events.values()} >= {"01", "02", "03", "04", "05", "06", "07", "08", "12"}


def test_a_position_with_an_event_that_there_is_not_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "profile: own\nversion: 0.1.0-wd\nextends: electronic-seal\n"
        "spec: {zh: 自, en: own, status: working-definition}\n"
        "seal:\n  positions:\n    P06: {events: [belt_fly]}\n  levels: {'3': null}\n"
    )
    with pytest.raises(ConfigError) as caught:
        library([tmp_path])
    text = str(caught.value)
    assert "own.yaml:7:" in text
    assert "'belt_fly' is none of the seal's events" in text
    assert "3 is missing" in text


ROWS: list[tuple[str, float, float | None, str, str]] = [
    ("person_in", 0, None, "01", ""), ("person_out", 0, None, "02", ""), ("bypass_in", 0, None, "04", ""),
    ("bypass_out", 0, None, "05", ""), ("gate_reverse_in", 0, None, "06", ""),
    ("gate_reverse_out", 0, None, "07", ""), ("board_vehicle", 5, 5, "08", ""),
    ("count_mismatch", 600, 600, "12", ""), ("intrusion", 2, 60, "", ""), ("belt_run", 5, 10, "", ""),
    ("belt_load", 10, 30, "", ""), ("hoist_run", 3, 30, "", ""), ("vehicle_out", 0, None, "", ""),
    ("vehicle_in", 0, None, "", ""), ("post_empty", 180, 10, "", ""), ("post_sleep", 120, 10, "", ""),
    ("wall_open", 60, 60, "", ""), ("machine_run", 10, 300, "", ""), ("lock_open", 1, 5, "", ""),
    ("box_open", 1, 5, "", ""), ("power_lost", 1, 5, "", ""), ("camera_offline", 30, 10, "", ""),
    ("terminal_offline", 180, 0, "", ""), ("q_covered", 10, 10, "03", "0001"), ("q_moved", 20, 20, "03", "0002"),
    ("q_dark", 30, 30, "03", "0003"), ("q_bright", 30, 30, "03", "0004"), ("q_blur", 60, 60, "03", "0005"),
    ("q_frozen", 60, 5, "03", "0006"), ("q_lost", 10, 5, "03", "0007"), ("q_shaky", 30, 30, "03", "0008"),
    ("q_resolution", 0, 0, "03", "0009"), ("q_contrast", 60, 60, "03", "0005"), ("q_noise", 60, 60, "03", "0005"),
    ("q_mono", 60, 60, "", ""), ("q_scene", 60, 60, "03", "0002"),
]  # fmt: skip
"""Notes on mines, 5.4 and 5.5: event, seconds until it is raised and until it is cleared (None: at once), codes."""
OURS = [
    ("q_replay", 10, 60, "03", "0006"), ("q_clock", 30, 5, "", ""), ("q_offset", 90, 90, "", ""),
    ("q_unwatched", 30, 10, "", ""), ("lamp_on", 10, 300, "", ""),
]  # fmt: skip
"""docs/decisions/0017-replay-and-clock.md; a lamp: docs/cameras.md."""


def test_every_event_of_the_notes_is_there_with_its_times_and_codes_and_besides_five_of_ours() -> None:
    assert SEAL is not None
    found = {(code, its.on, its.off, its.analysis, its.case) for code, its in SEAL.events.items()}
    assert found == {*ROWS, *OURS}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("intact: whole", r"own.yaml:6:\d+: 'whole' is no state of a seal; expected one of broken, blind, suspicious"),
        ("groups: {link: {standing: dark}}", r"own.yaml:6:\d+: 'dark' is no state of a seal"),
        ("groups: {people: null}", r"own.yaml:6:\d+: people is missing, which person_in is about"),
        ("events: {belt_fly: {standing: blind, status: working-definition}}", r"own.yaml:6:\d+: 'belt_fly' is none of"),
        ("states: {closed: {zh: 关, en: closed}}", r"own.yaml:6:\d+: 'closed' is a state of the mine as well"),
        ("groups: {quality: {standing: suspicous}}", r"own.yaml:6:\d+: 'suspicous' is no state of a seal"),
    ],
)
def test_what_is_wrong_with_the_verdicts_is_told_at_its_line(tmp_path: Path, verdicts: str, expected: str) -> None:
    (tmp_path / "own.yaml").write_text(
        "profile: own\nversion: 0.1.0-wd\nextends: electronic-seal\n"
        "spec: {zh: 自, en: own, status: working-definition}\n"
        f"seal:\n  verdicts: {{{verdicts}}}\n"
    )
    with pytest.raises(ConfigError, match=expected):
        library([tmp_path])


def test_an_event_that_breaks_the_seal_has_a_level_above_what_is_permitted(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "profile: own\nversion: 0.1.0-wd\nextends: electronic-seal\n"
        "spec: {zh: 自, en: own, status: working-definition}\n"
        "seal:\n  events:\n    belt_run: {sealed: 3}\n"
    )
    with pytest.raises(ConfigError, match=r"own.yaml:7:\d+: in a sealed mine it is no more than what is permitted"):
        library([tmp_path])


@pytest.mark.parametrize(
    "code", ["camera_offline", "terminal_offline", "q_lost", "q_unwatched", "q_frozen", "q_dark", "q_bright"]
)
def test_a_camera_that_sees_nothing_for_ten_minutes_is_grave_in_a_sealed_mine_alone(code: str) -> None:
    assert SEAL is not None
    for state, long in (("stopped", 1), ("producing", 2)):
        assert level(SEAL, code, state, permitted=False, lasting=599) == 2
        assert level(SEAL, code, state, permitted=False, lasting=600) == long
    assert level(SEAL, "q_blur", "stopped", permitted=False, lasting=6000) == 2


def test_an_event_of_a_contact_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "profile: own\nversion: 0.1.0-wd\nextends: electronic-seal\n"
        "spec: {zh: 自, en: own, status: working-definition}\n"
        "seal:\n  events:\n    person_in: {contact: true}\n"
    )
    with pytest.raises(ConfigError, match=r"own.yaml:7:\d+: off is missing: a contact stands for a while"):
        library([tmp_path])
