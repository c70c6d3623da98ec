"""What a running collector says of its neighbours, as doctor tells it."""

from __future__ import annotations

from typing import Any

from collector.doctor.examine import told

AGENT = {"agent": "plant-1", "online": True, "gaps": 0, "clock_ahead_ms": 200}
TARGET = {"target": "province", "waiting": 3, "dead": 0, "stopped": ""}


def findings(*, agents: Any = (), reports: Any = (), destinations: Any = ()) -> list[tuple[str, str, str]]:
    status = {"agents": agents, "reports": reports, "destinations": destinations}
    return [(each.check, each.state, each.text) for each in told(status)]


def test_agents_that_are_away_off_by_the_clock_or_have_lost_something_are_named() -> None:
    assert findings(agents=[AGENT]) == [("agents", "ok", "all 1 are online")]
    agents = [AGENT, AGENT | {"agent": "plant-2", "online": False}, AGENT | {"agent": "plant-3", "online": None}]
    agents += [AGENT | {"agent": "plant-4", "clock_ahead_ms": -90_000, "gaps": 2}]
    assert findings(agents=agents) == [
        ("agents", "warning", "2 of 4 are offline: plant-2, plant-3"),
        ("agents", "warning", "clocks are off this computer's: plant-4 (-90 s)"),
        ("agents", "warning", "envelopes were lost for good: plant-4 (2)"),
    ]


def test_a_destination_that_takes_nothing_and_a_platform_that_is_stopped_are_faults() -> None:
    destinations = [
        {"name": "influxdb", "down_for": 300.0, "cause": "no answer"},
        {"name": "alarms", "down_for": None, "cause": ""},
    ]
    reports = [TARGET, TARGET | {"dead": 2}, TARGET | {"stopped": "wrong key"}]
    found = findings(destinations=destinations, reports=reports)
    assert found[0] == ("store", "fault", "influxdb takes nothing since 5.0 min: no answer")
    assert [(check, state) for check, state, _text in found[1:]] == [
        ("agents", "ok"), ("platform", "ok"), ("platform", "warning"), ("platform", "fault"),
    ]  # fmt: skip
