"""Codes: what is wrong with one, and at which character; regions by the built-in provinces and an operator's list."""

from __future__ import annotations

import pytest

from profiles.codes import code_faults, standard_codes
from profiles.load import library
from profiles.model import CodeRule
from profiles.regions import PROVINCES, region_faults

STORAGE, MINE = library()["hazchem-storage"].codes, library()["mine-underground"].codes
STANDARD = standard_codes()
COUNTIES = {"110101": "东城区", "110108": "海淀区", "130102": "长安区"}
MINE_POINT = MINE["point"].pattern


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (STANDARD.credit, "91350100M000100Y43"),
        (STANDARD.cas, "7664-41-7"),
        (STANDARD.cas, "7782-50-5"),
        (STANDARD.cas, "7783-06-4"),
        (STANDARD.cas, "630-08-0"),
        (STANDARD.cas, "10102-44-0"),
        (STANDARD.video, "34020000001320000001"),
        (STANDARD.region, "110108"),
        (STORAGE["enterprise"], "110110001"),
        (STORAGE["gateway"], "11011000101"),
        (STORAGE["hazard"], "110110001001"),
        (STORAGE["asset"], "110110001001G0001"),
        (STORAGE["point"], "110110001001G0001YW001"),
        (MINE["point"], "14092102133701MN0004A1"),
        (MINE["point"], "14092102133701KGRYabcde"),
    ],
)
def test_a_code_as_it_should_be_has_no_fault(rule: CodeRule, code: str) -> None:
    assert list(code_faults(rule, code)) == []


@pytest.mark.parametrize(
    ("rule", "code", "severity", "why"),
    [
        (STORAGE["enterprise"], "11011O001", "error", "character 6 'O': expected a digit"),
        (STORAGE["enterprise"], "1101100０1", "error", "character 8 '０': expected a digit"),
        (STORAGE["enterprise"], "11011000", "error", "has 8 characters; expected 9: character 9 is missing"),
        (STORAGE["enterprise"], "1101100012", "error", "expected 9: character 10 '2' is beyond its end"),
        (STORAGE["enterprise"], "101110001", "warning", "characters 1–2 '10': no province of GB/T 2260; expected one"),
        (STORAGE["asset"], "110110001001g0001", "error", "character 13 'g': expected a digit or a capital letter"),
        (STORAGE["asset"], "11011000100110001", "warning", "character 13 '1': expected a capital letter, by the"),
        (MINE["point"], "14092102133701XN0004A1", "warning", "character 15 'X': expected one of MN, KG, LJ, DT, by"),
        (MINE["point"], "1409210213370AMN0004A1", "warning", "character 14 'A': expected a digit, by the structure"),
        (STANDARD.credit, "91350100M000100Y44", "warning", "character 18 '4': expected the check digit '3'"),
        (STANDARD.credit, "91350100M000100O43", "error", "character 16 'O': expected a digit or a capital letter oth"),
        (STANDARD.credit, "913501A0M000100Y43", "warning", "character 7 'A': expected a digit, by the structure"),
        (STANDARD.cas, "7664-41-8", "warning", "character 9 '8': expected the check digit '7'"),
        (STANDARD.cas, "7664-417-", "warning", "character 8 '7': expected '-'"),
        (STANDARD.cas, "NH3-00-0", "error", "character 1 'N': expected a digit or '-'"),
        (STANDARD.cas, "7664417", "warning", "character 8 (missing): expected '-'"),
        (STANDARD.cas, "76-41-71", "warning", "character 8 '1': expected no more"),
        (STANDARD.video, "34020000000320000001", "warning", "character 11 '0': expected a digit other than 0"),
        (STANDARD.video, "99020000001320000001", "warning", "characters 1–2 '99': no province of GB/T 2260; expected"),
        (STANDARD.region, "11010", "error", "has 5 characters; expected 6: character 6 is missing"),
    ],
)
def test_what_is_wrong_with_a_code_is_told_with_its_character(
    rule: CodeRule, code: str, severity: str, why: str
) -> None:
    [(message, grave)] = code_faults(rule, code)
    assert grave == severity
    assert why in message
    assert message.startswith(f"{rule.zh} {code!r}")


RULES = [
    pytest.param(rule, id=f"{name} {which}") for name in library() for which, rule in library()[name].codes.items()
]


@pytest.mark.parametrize("rule", RULES)
def test_a_code_of_any_profile_that_is_a_character_too_short_or_too_long_is_an_error(rule: CodeRule) -> None:
    for length in ((rule.shortest or rule.length) - 1, rule.length + 1):
        [(message, severity)] = code_faults(rule, "1" * length)
        assert severity == "error"
        assert f"has {length} characters; expected" in message


def test_what_a_code_should_begin_with_and_name_is_told_with_its_character() -> None:
    found = code_faults(STORAGE["point"], "110110001002G0001WD001", "110110001001G0001", "YW")
    assert [message.partition(": ")[2] for message, _grave in found] == [
        "character 12 '2': expected '1', since it should begin with '110110001001G0001'",
        "characters 18–19 'WD': expected the indicator type 'YW'",
    ]


def test_a_pattern_of_alternatives_tells_no_position() -> None:
    rule = CodeRule(zh="编码", length=3, characters="0-9A-Z", pattern="A12|B12", status="working-definition")
    [(message, _grave)] = code_faults(rule, "C12")
    assert "is not of the structure known here (A12|B12)" in message


def test_every_province_is_known_and_what_lies_below_is_not_asked_for_without_a_list() -> None:
    assert len(PROVINCES) == 34
    for code in PROVINCES:
        assert list(region_faults(code, {})) == list(region_faults(code[:2], {})) == []
    assert list(region_faults("119999", {})) == []


@pytest.mark.parametrize("code", ["110101", "110000", "110100", "1101", "11", "130102", "120000"])
def test_what_stands_in_the_operators_list_or_is_above_it_is_known(code: str) -> None:
    assert list(region_faults(code, COUNTIES)) == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "110109",
            "characters 5–6 '09': no county of the regions listed; did you mean 110108 海淀区 or",
        ),
        ("110208", "characters 3–4 '02': no city of the regions listed; did you mean 110108 海淀区"),
        ("990108", "characters 1–2 '99': no province of GB/T 2260"),
    ],
)
def test_an_unknown_region_is_told_by_its_level(code: str, why: str) -> None:
    [message] = region_faults(code, COUNTIES)
    assert why in message
