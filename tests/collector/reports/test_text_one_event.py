"""Kinds of text files whose records are one event by point and beginning: a platform takes what begins together."""

from __future__ import annotations

from typing import Any

import pytest

from collector.platform.text_files import judged
from collector.reports.crossings import Crossing, moved
from collector.reports.encoders.base import Abnormal, Alarm, Gateway
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.values import text_files
from profiles.textfile.written import kind_of, kinds, tells_type
from profiles.wire.messages import Event, EventState
from tests.collector.platform.test_every_kind import END, PROFILES, places

AT = END - 60_000
KINDS = [(name, kind) for name in PROFILES for kind in kinds(text_files(library()[name]), "alarms")]
STEPS: list[tuple[EventState, Any, int]] = [("raised", "HH", 0), ("changed", "H", 5000), ("cleared", "H", 9000)]
TWO = [("H", 0, None), ("HH", 0, None), ("HH", 0, 5000), ("H", 0, 9000)]
"""Of each limit an event of its own, by level, start and end."""
ONE = [("HH", 0, None), ("H", 5000, None), ("HH", 0, 5000), ("H", 5000, 9000)]
"""The graver limit stands for the lighter one, which begins when the graver lets go."""


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_value_that_jumps_beyond_two_limits_is_taken_and_both_are_told_with_their_ends(name: str, kind: str) -> None:
    profile = library()[name]
    files = text_files(profile)
    place = next(
        each for each in places(profile)
        if "HH" in profile.quantities[each.point.quantity].limits and kind_of(files, "alarms", each.point.code) == kind
    )  # fmt: skip
    gateway = Gateway(profile, place.site.code, place.site.code, "示例矿山")
    known: dict[Any, Crossing] = {}
    told = []
    for state, level, since in STEPS:
        event = Event(id=state, alarm="a", kind="limit", level=level, state=state, time=AT + since, since=AT,
                      tag=place.tag, value=9.0)  # fmt: skip
        crossings = TextFileEncoder.told(profile, place.point.code, moved(known, event, ["H", "HH"]))
        known |= {each.level: each for each in crossings}
        told += [(each.level, each.start - AT, None if each.end is None else each.end - AT) for each in crossings]
        [draft] = TextFileEncoder.alarms(gateway, [Alarm(place, event, 9.0, 3.0, tuple(crossings))])
        faults, parsed = judged(draft.name, draft.body)
        assert faults == []
        assert parsed is not None
        assert len(parsed.records) == len(crossings)
    assert sorted(told, key=str) == sorted(TWO if tells_type(files, kind) else ONE, key=str)


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_events_that_began_in_one_second_are_told_again_in_a_file_that_is_taken(name: str, kind: str) -> None:
    profile = library()[name]
    files = text_files(profile)
    place = next(each for each in places(profile) if kind_of(files, "alarms", each.point.code) == kind)
    found = [Abnormal(place, Crossing("H", AT + ms, AT + ms + 2000)) for ms in (100, 600)]
    gateway = Gateway(profile, place.site.code, place.site.code, "示例矿山")
    [draft] = TextFileEncoder.again(gateway, END, found)
    assert judged(draft.name, draft.body)[0] == []
    [record] = decode(files, kind, draft.body).records.values()
    assert record["start_time"] != record["end_time"]
