"""A platform takes every worked example, and refuses it with one thing changed: by its answer, and in its ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.platform.ledger import Ledger
from tests.collector.platform.examples import AT, DAY, EXAMPLES, Body, M, S, beijing, changed, compact, platform
from tests.collector.platform.mutations import MUTATIONS, exchanged

BESIDE = ("gatewayId", "gatewayCode", "ksbh", "sensorType", "avgValue", "alarmOverTime")
"""Fields that are named when another one does not go with them."""


def refused(ledger: Ledger, body: Body) -> set[str]:
    """The fields that a platform names in its ledger, of which its answer names the first and nothing is kept."""
    before, kept = len(ledger.refusals()), ledger.packets()
    reply = platform(ledger).take(json.dumps(body, separators=(",", ":")).encode())
    found = ledger.refusals()[before:]
    assert reply.body is not None
    assert (reply.status, reply.body["success"], reply.body["error"]["code"]) == (400, False, "400")
    assert reply.body["error"]["message"].startswith(f"{found[0][0]}: {found[0][1]}"[:80])
    assert ledger.packets() == kept
    return {path for path, _reason in found}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_is_taken_without_a_finding(ledger: Ledger, kind: str) -> None:
    reply = platform(ledger).take(json.dumps(EXAMPLES[kind]).encode())
    assert (reply.status, ledger.refusals(), ledger.findings(), len(ledger.packets())) == (200, [], [], 1)
    assert len(ledger.values()) == len(EXAMPLES[kind].get("datas") or EXAMPLES[kind]["alarms"])


@pytest.mark.parametrize(("example", "path", "value", "named"), MUTATIONS)
def test_one_thing_changed_is_refused_with_the_field_named(
    book: Ledger, example: Body, path: str, value: Any, named: str
) -> None:
    assert named in refused(book, changed(example, path, value))


@pytest.mark.parametrize(("kind", "body", "one", "other"), exchanged())
def test_two_fields_exchanged_are_refused_with_one_of_them_named(
    book: Ledger, kind: str, body: Body, one: str, other: str
) -> None:
    names = {path.rpartition(".")[2] for path in refused(book, body)}
    assert names & {one, other, *BESIDE}, (kind, names)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_of_json_is_refused(ledger: Ledger, number: str) -> None:
    raw = json.dumps(S).replace("26.5", number).encode()
    assert platform(ledger).take(raw).status == 400


@pytest.mark.parametrize(
    "body",
    [
        changed(S, "collectTime", compact(AT - 31 * DAY)) | {"reportType": "continues"},
        changed(M, "datas.0.dataTime", "2010-01-01 00:00:00") | {"reportType": "continues"},
        changed(changed(M, "datas.0.pointValue", 6000.1), "datas.0.pointStatus", "00100000"),
        changed(changed(M, "datas.0.pointValue", -200.1), "datas.0.pointStatus", "00010000"),
        changed(changed(M, "datas.0.pointValue", 1e30), "datas.0.pointStatus", "10000000"),
        changed(M | {"isConnectDataSource": False}, "datas.0.pointStatus", "00000100"),
        changed(M, "datas.0.dataTime", beijing(AT + 60_000)),
    ],
)
def test_what_is_resumed_or_said_by_a_flag_is_taken(ledger: Ledger, body: Body) -> None:
    assert platform(ledger).take(json.dumps(body).encode()).status == 200
