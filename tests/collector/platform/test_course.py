"""What stands out only beside other packets is taken and noted as a finding: order, rhythm, contradictions, alarms."""

from __future__ import annotations

from typing import Any

import pytest

from collector.platform.ledger import Ledger
from tests.collector.platform.examples import (
    ALARM,
    AT,
    DAY,
    HOUR,
    MINUTE,
    POINT,
    STATION,
    UNDERGROUND,
    Body,
    M,
    S,
    beijing,
    changed,
    compact,
    numbered,
    platform,
    statuses,
)

CODE = ALARM["alarms"][0]["quotaId"]


def at(example: Body, number: int, time: int, **rest: Any) -> Body:
    """The example under an id of its own, collected at another time."""
    written = compact(time) if "gatewayId" in example else beijing(time)
    made = numbered(example, number, collectTime=written, **rest)
    for each in made.get("datas", ()):
        if "dataTime" in each:
            each["dataTime"] = written
    return made


def found(ledger: Ledger, *bodies: Body, **rest: Any) -> list[str]:
    """The findings about packets that are all taken."""
    assert statuses(platform(ledger, **rest), *bodies) == [200] * len(bodies)
    assert ledger.refusals() == []
    return ledger.findings()


@pytest.mark.parametrize(
    ("example", "gap", "every"),
    [(S, 121, 60), (UNDERGROUND, 41, 20), (M, 1201, 600), (M | {"enterpriseType": "LTK"}, 1201, 600)],
    ids=["S", "DXK", "WKK", "LTK"],
)
def test_two_live_packets_that_lie_more_than_two_intervals_apart_are_a_finding(
    ledger: Ledger, example: Body, gap: int, every: int
) -> None:
    gateway = example.get("gatewayId") or example["gatewayCode"]
    between = f"gateway {gateway}: {gap} s between two live packets; expected every {every} s"
    start, end = AT - 1000 * gap, AT
    far = [at(example, 1, start), at(example, 2, end)]
    near = [at(example, 3, end + 1000), at(example, 4, end + 2000 * every)]
    late = [each for each in found(ledger, *far, *near, clock=AT + 2000 * every) if "between" in each]
    assert late == [between]


def test_how_often_a_gateway_reports_can_be_stated_for_its_kind_and_for_itself(ledger: Ledger) -> None:
    one, other, third = ([at(UNDERGROUND, n, AT - 30_000), at(UNDERGROUND, n + 1, AT)] for n in (11, 13, 15))
    assert found(ledger, *one) == []
    assert found(ledger, *other, intervals={"DXK": 10.0, UNDERGROUND["gatewayCode"]: 20.0}) == []
    assert found(ledger, *third, intervals={"DXK": 10.0}) == [
        "gateway 42902100100301: 30 s between two live packets; expected every 10 s"
    ]


def test_a_gateway_whose_run_state_stays_away_for_five_minutes_is_a_finding(ledger: Ledger) -> None:
    beats = [numbered(STATION, number, collectTime=beijing(AT - ago * MINUTE)) for number, ago in enumerate((7, 6, 0))]
    for beat in beats:
        beat["datas"][0]["reportTime"] = beat["collectTime"]
    found(ledger, *beats, clock=AT)
    assert ledger.findings() == [
        "gateway 42902100100301 (run state): 360 s between two live packets; expected every 150 s"
    ]
    assert [(each.family, each.value, each.valid) for each in ledger.values()] == [("M.12", 90, True)] * 3


@pytest.mark.parametrize("example", [S, M, STATION], ids=["S", "M", "run state"])
def test_a_live_packet_older_than_the_one_before_is_a_finding_and_a_resumed_one_is_none(
    ledger: Ledger, example: Body
) -> None:
    newer, older = at(example, 1, AT), at(example, 2, AT - 30_000)
    if example is STATION:
        older["datas"][0]["reportTime"] = older["collectTime"]
    assert found(ledger, newer, older | {"reportType": "continues"}, newer, at(example, 3, AT)) == []
    [odd] = found(ledger, numbered(newer, 14), numbered(older, 15))
    assert odd.endswith(
        f"live packet of {beijing(AT - 30_000)} after that of {beijing(AT)}; what is late is resumed (continues)"
    )


def test_a_live_packet_that_comes_late_is_a_finding_and_a_repeated_one_is_not_judged_again(ledger: Ledger) -> None:
    assert found(ledger, S, clock=AT + 180_000) == []
    assert found(ledger, S, clock=AT + 181_000) == []
    assert found(ledger, numbered(S, 2), clock=AT + 181_000) == [
        f"gateway 11011000101: live packet of {beijing(AT)}, 181 s late"
    ]


def test_a_resumed_packet_and_an_alarm_of_more_than_thirty_days_are_findings_alone(ledger: Ledger) -> None:
    old = AT - 31 * DAY
    alarm = changed(numbered(ALARM, 2, collectTime=compact(old)), "alarms.0.alarmTime", compact(old))
    words = [f"gateway 11011000101: {way} packet of {beijing(old)}, more than 30 days old" for way in
             ("resumed", "alarm")]  # fmt: skip
    assert found(ledger, at(S, 1, old, reportType="continues"), alarm) == words


def test_an_old_reading_among_live_ones_is_a_finding(ledger: Ledger) -> None:
    old = AT - HOUR
    assert found(ledger, changed(M, "datas.0.dataTime", beijing(old))) == [
        f"{POINT}: reading of {beijing(old)} in a live packet of {beijing(AT)}"
    ]


@pytest.mark.parametrize(
    ("example", "path", "code"),
    [(S, "datas.0.value", S["datas"][0]["quotaId"]), (M, "datas.0.pointValue", POINT)],
    ids=["S", "M"],
)
def test_another_value_of_the_same_time_under_another_id_is_a_finding(
    ledger: Ledger, example: Body, path: str, code: str
) -> None:
    same, other = numbered(example, 11), changed(numbered(example, 12), path, 30.5)
    resumed = changed(numbered(example, 13), path, 31.5) | {"reportType": "continues"}
    assert found(ledger, example, same, resumed, same) == []  # a late reading corrects its period
    [odd] = found(ledger, other)
    assert odd.startswith(f"{code} at {beijing(AT)}: 30.5, and ")
    assert odd.endswith(f" in {example['dataId']}")


@pytest.mark.parametrize("example", [S, M, ALARM], ids=["S", "M", "alarm"])
def test_another_content_under_an_id_that_is_known_is_a_finding_and_the_first_holds(
    ledger: Ledger, example: Body
) -> None:
    resumed = example | {"reportType": "continues"}
    assert found(ledger, example, resumed, example) == []
    other = example | {"collectTime": compact(AT + 1000) if "gatewayId" in example else beijing(AT + 1000)}
    assert found(ledger, other) == [
        f"packet {example['dataId']} came once more with another content; the first one holds"
    ]
    assert ledger.body(example["dataId"]) == example


def transition(number: int, kind: str, value: float, threshold: float) -> Body:
    one = {"alarmType": kind, "value": value, "threshold": threshold}
    return numbered(ALARM, number) | {"alarms": [ALARM["alarms"][0] | one]}


HIGH, LOW, NORMAL = "alarm hi:alarm", "alarm lo:alarm", "normal:alarm"


@pytest.mark.parametrize(
    ("told", "odd"),
    [
        ([(HIGH, 11.4, 11.5)], "'alarm hi:alarm' with 11.4, which has not reached its threshold 11.5"),
        ([(LOW, 1.1, 1.0)], "'alarm lo:alarm' with 1.1, which has not reached its threshold 1"),
        ([(HIGH, 10.0, 10.0), (HIGH, 11.4, 11.5)], "'alarm hi:alarm' with 11.4, which has not reached its threshold"),
        ([(LOW, 0.4, 0.5), (HIGH, 9.9, 10.0)], "'alarm hi:alarm' with 9.9, which has not reached its threshold 10"),
        ([(HIGH, 10.0, 10.0), (HIGH, 10.2, 10.0)], "'alarm hi:alarm' told once more, without a change in between"),
        ([(HIGH, 10.0, 10.0), (NORMAL, 9.0, 10.0), (NORMAL, 8.0, 10.0)], "'normal:alarm' told once more"),
        ([(HIGH, 10.1, 10.0), (HIGH, 11.6, 11.5), (HIGH, 9.9, 10.0), (NORMAL, 9.7, 10.0), (HIGH, 10.0, 10.0)], ""),
        ([(LOW, 1.0, 1.0), (LOW, 0.5, 0.5), (LOW, 1.1, 1.0), (NORMAL, 2.0, 1.0)], ""),
    ],
)  # fmt: skip
def test_an_alarm_reaches_its_threshold_unless_a_graver_one_stood_and_is_told_once(
    ledger: Ledger, told: list[tuple[str, float, float]], odd: str
) -> None:
    packets = [transition(number, *each) for number, each in enumerate(told)]
    findings = found(ledger, *packets, *packets)  # what comes again is not told again
    assert len(findings) == bool(odd)
    assert "".join(findings).startswith(f"{CODE}: {odd}" if odd else "")


def test_the_field_of_the_air_is_judged_to_both_sides(ledger: Ledger) -> None:
    sparks = transition(1, HIGH, -5.5, 5.0)
    sparks["alarms"][0]["quotaId"] = "110110001001L0001LD001"
    assert found(ledger, sparks) == []
