"""While an alarm stands on a point its values come as often as its profile asks for in alert state (notes, 4.4)."""

from __future__ import annotations

from edge_agent.rules import LimitRule
from edge_agent.tags import Deadband
from tests.edge_agent.test_sampler import NOW, bench


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
