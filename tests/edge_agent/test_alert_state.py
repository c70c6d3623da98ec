"""While an alarm stands on a point its values come as often as its profile asks for in alert state (notes, 4.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.rules import LimitRule
from edge_agent.tags import Deadband
from tests.edge_agent.rules_bench import GATE, Bench, tag
from tests.edge_agent.sampler_bench import NOW, bench


def test_while_an_alarm_stands_an_unchanged_value_is_sent_as_often_as_in_alert_state() -> None:
    b = bench(deadband=Deadband(size=0.5), max_silence=60.0, alert_interval=10.0, limits=LimitRule(H=10.0))
    for level, expected in ((9.0, 2), (11.0, 12), (9.0, 2)):
        sent = b.polled(level)
        for _second in range(119):
            b.after(1)
            sent += b.polled(level)
        assert len(sent) == expected, level
        b.after(1)


def test_a_subscribed_value_that_stands_beyond_its_limit_is_sent_as_often_as_in_alert_state() -> None:
    b = bench(max_silence=60.0, alert_interval=10.0, by_exception=True, limits=LimitRule(H=10.0))
    b.sourced(NOW, 11.0)
    b.after(10)
    assert len(b.tick()) == 1
    b.sourced(NOW + 10_500, 9.0)
    b.after(10)
    assert b.tick() == []


@pytest.mark.parametrize(("interval", "told"), [("5m", 0), ("6m", 1)])
def test_a_level_that_is_read_more_rarely_than_in_alert_state_is_told(tmp_path: Path, interval: str, told: int) -> None:
    level = tag("KSW", "tailings", "KSW", GATE, interval=interval, limits={"RED": 100.0})
    found = Bench(tmp_path, [level], **{GATE: {"kind": "dry_pond"}}).loaded.warnings
    assert len([each for each in found if "its profile wants a value every 5m" in each.message]) == told
