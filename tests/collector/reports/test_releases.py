"""Release values on their way up: what `CDDY` says of them, and the ends of 001 and 002 that follow from events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.reports.crossings import Crossing, moved
from collector.reports.encoders.base import Alarm
from collector.reports.encoders.mine import MineEncoder
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.values import text_files
from profiles.wire.messages import Event, EventState, Level, Limits, Release
from tests.collector.reports.test_text_file import AT, CH4, PLACED, gateway, place

FIELDS = ("upper_alarm", "upper_release", "lower_alarm", "lower_release", "upper_cut", "upper_restore", "lower_cut",
          "lower_restore")  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "facts", "told"),
    [
        (Limits(H=1.0, HH=1.5, release=Release(H=0.95, HH=0.9)), {}, "1.00 0.95 - - 1.50 0.90 - -"),
        (Limits(H=1.0, HH=1.5, release=Release(H=0.95, HH=0.9)), PLACED, "1.00 0.95 - - 1.50 0.90 - -"),
        (Limits(L=0.5, LL=0.25, release=Release(L=0.6, LL=0.75)), {}, "- - 0.50 0.60 - - 0.25 0.75"),
        (Limits(H=1.0, HH=1.5), {}, "1.00 - - - 1.50 - - -"),
        (Limits(H=1.0, HH=1.5), PLACED, "1.00 1.00 - - 1.50 1.00 - -"),
    ],
    ids=["judged by", "judged by, whatever is stated", "low side", "none is known", "an older agent's attributes"],
)
def test_the_definition_states_the_release_that_the_agent_judges_by(
    limits: Limits, facts: dict[str, str], told: str
) -> None:
    spot = place(CH4, "0001", "1301工作面T1", facts=facts, limits=limits)
    drafts = TextFileEncoder.definitions(gateway(), AT, [spot])
    body = next(draft.body for draft in drafts if "_CDDY_" in draft.name)
    [record] = decode(text_files(library()["coal-safety"]), "CDDY", body).records.values()
    assert " ".join(record[field] or "-" for field in FIELDS) == told


def event(state: EventState, level: Level, time: int, *ended: Level) -> Event:
    return Event(id=f"{time}", alarm="a", kind="limit", level=level, state=state, time=time, since=100, tag="CH4",
                 value=1.2, ended=list(ended))  # fmt: skip


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([event("raised", "HH", 100), event("cleared", "HH", 300)], {"H": (100, 300), "HH": (100, 300)}),
        ([event("raised", "HH", 100), event("changed", "HH", 200, "H"), event("cleared", "HH", 300)],
         {"H": (100, 200), "HH": (100, 300)}),
        ([event("raised", "HH", 100), event("changed", "HH", 200, "H"), event("changed", "HH", 250)],
         {"H": (250, None), "HH": (100, None)}),
        ([event("changed", "HH", 200, "H"), event("cleared", "HH", 300)], {"H": (100, 300), "HH": (200, 300)}),
    ],
    ids=["together", "alarm before the cut-off", "alarm anew during the cut-off", "the beginning did not come"],
)  # fmt: skip
def test_an_alarm_that_lets_go_before_the_cut_off_ends_by_itself(
    events: list[Event], found: dict[str, tuple[int, int | None]]
) -> None:
    known: dict[Any, Crossing] = {}
    for each in events:
        known |= {crossing.level: crossing for crossing in moved(known, each, {"H", "HH"})}
    assert {level: (each.start, each.end) for level, each in known.items()} == found


def test_in_family_m_a_limit_that_lets_go_while_a_graver_one_stands_is_no_abnormal_value() -> None:
    mine = gateway("mine-underground")
    spot = place(CH4, "CO", "CO", profile="mine-underground", limits=Limits(H=24.0, HH=48.0))
    told = [event("raised", "HH", AT), event("changed", "HH", AT + 1, "H")]
    drafts = MineEncoder.alarms(mine, [Alarm(spot, each, 50.0, 48.0) for each in told])
    assert [json.loads(draft.body)["datas"][0]["abnormalType"] for draft in drafts] == ["1"]
