"""Combined rules as they are written: a mistake is told with its line, a door without its pair by a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from profiles.load import Shelf
from tests.edge_agent.rules_bench import COAL, Bench, tag


def test_a_door_without_its_pair_is_told(tmp_path: Path) -> None:
    b = Bench(tmp_path, [tag("D1", "coal-safety", "1002", f"{COAL}01DT40010007")])
    told = [each for each in b.loaded.warnings if "both-doors" in each.message]
    assert [each.severity for each in told] == ["warning"]
    assert "attributes: {pair: …}" in told[0].message


BASE = """
profile: own
version: 0.1.0-wd
extends: mine-openpit-slope
spec: {zh: 自定, en: own, status: working-definition}
combined:
  mine:
    zh: 联合
    en: joined
    status: working-definition
"""


RAIN, GROWS = "when: [{quantity: JY24, at_least: 1}]", "when: [{quantity: GN-SD, grows: {window: 1h, least: H}}]"
COUNTS = "when: [{quantity: GN-SD, counts: {window: 2h, times: 2, mean: 1h}}]"


@pytest.mark.parametrize(
    ("rest", "line", "message"),
    [
        (["when: [{quantity: NO, at_least: 1}]", "raises: [GN-SD]", "more: 1"], 11, "'NO' is none of the profile's q"),
        ([RAIN, "raises: [NO]", "more: 1"], 12, "'NO' is none of the profile's quantities"),
        (["when: [{quantity: JY24}]", "raises: [GN-SD]", "more: 1"], 11, "expected exactly one of at_least, limit"),
        (["when: [{quantity: JY24, limit: HH}]", "raises: [GN-SD]", "more: 1"], 11, "HH is none of the limits of"),
        (["when: [{quantity: JY24, all: true}]", "raises: [GN-SD]", "more: 1"], 11, "is a number; expected at_least"),
        ([RAIN, "raises: [GN-SD]", "level: SIG"], 12, "GN-SD has no SIG among its limits"),
        ([RAIN, "raises: [LF]", "more: 1"], 12, "LF has no BLUE, ORANGE, RED, YELLOW among its limits"),
        ([RAIN, "raises: [GN-SD]"], 8, "expected either of: level or more"),
        ([RAIN, "raises: [GN-SD]", "more: 1", "within: point"], 14, "within a point JY24 raises itself alone"),
        ([GROWS, "raises: [GN-SD]", "more: 1"], 11, "H is none of the limits of"),
        ([COUNTS, "raises: [GN-SD]", "more: 1"], 11, "no less than a window"),
    ],
)
def test_a_mistake_in_a_combined_rule_is_told_with_its_line(
    tmp_path: Path, rest: list[str], line: int, message: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(BASE + "".join(f"    {each}\n" for each in rest), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        Shelf([tmp_path]).check()
    [problem] = found.value.problems
    assert message in problem.message
    assert (problem.file, problem.line) == (str(path), line)


def test_no_rule_is_called_as_events_call_a_feed_that_does_not_follow(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    rest = [RAIN, "raises: [GN-SD]", "more: 1"]
    path.write_text(BASE.replace("  mine:", "  feed:") + "".join(f"    {each}\n" for each in rest), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        Shelf([tmp_path]).check()
    [problem] = found.value.problems
    assert "'feed' is a word of events" in problem.message
    assert problem.file == str(path)
