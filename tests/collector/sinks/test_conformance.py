"""What makes a sink a sink: each promise of collector/sinks/base.py, held to by every store that is supported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from collector.sinks.base import Coverage, Fact, Record, Sink, SinkUnavailable, Span
from profiles.wire.messages import Evidence
from tests.collector.sinks.make import NOW, event, ramp, record, series
from tests.collector.sinks.stores import Store

EVER = 10**16


@pytest.fixture
def sink(store: Store) -> Iterator[Sink]:
    made = store.sink()
    yield made
    made.close()


def values(sink: Sink, point: str = "P1") -> list[Any]:
    return [row["value"] for row in sink.history(point, 0, EVER, 10**6)]


def test_a_kill_right_after_the_answer_loses_nothing(store: Store) -> None:
    store.write_and_die(5000)
    sink = store.sink()
    found = sink.history("P1", 0, EVER, 10**6)
    sink.close()
    assert [(row["time"], row["value"]) for row in found] == [(NOW + 1000 * at, at / 7) for at in range(5000)]
    assert [row["id"] for row in store.table("event")] == ["e1"]


def test_a_probe_writes_and_reads_and_leaves_nothing_behind(store: Store) -> None:
    sink = store.sink()
    sink.write([record("P1", NOW, 1.5)], [])
    said = [sink.probe(), sink.probe()]
    assert all("written, read back, and taken away again" in each for each in said)
    assert store.kinds() >= {"reading"}
    assert "doctor_probe" not in store.kinds()
    assert values(sink) == [1.5]
    with store.down(), pytest.raises(SinkUnavailable):
        sink.probe()
    sink.close()


FIELDS: dict[str, tuple[Record, Any]] = {
    "a number": (record("P1", NOW, 1.5), 1.5),
    "a whole number": (record("P1", NOW, 3.0), 3.0),
    "the smallest": (record("P1", NOW, 5e-324), 5e-324),
    "the largest": (record("P1", NOW, 1.7976931348623157e308), 1.7976931348623157e308),
    "the most negative": (record("P1", NOW, -1.7976931348623157e308), -1.7976931348623157e308),
    "seventeen digits": (record("P1", NOW, 0.1 + 0.2), 0.1 + 0.2),
    "negative zero": (record("P1", NOW, -0.0), 0.0),
    "a big integer": (record("P1", NOW, float(2**63 - 1), text=str(2**63 - 1)), "9223372036854775807"),
    "on": (record("P1", NOW, flag=True), True),
    "off": (record("P1", NOW, flag=False), False),
    "Chinese": (record("P1", NOW, text="储罐A液位，高高"), "储罐A液位，高高"),
    "quotes": (record("P1", NOW, text='say "yes", it\'s'), 'say "yes", it\'s'),
    "backslashes": (record("P1", NOW, text="C:\\new\\\\"), "C:\\new\\\\"),
    "two lines": (record("P1", NOW, text="one\ntwo\r\n\tthree"), "one\ntwo\r\n\tthree"),
    "line protocol": (record("P1", NOW, text="a,b=c d=1i 12 #"), "a,b=c d=1i 12 #"),
    "an emoji": (record("P1", NOW, text="🔥"), "🔥"),
    "no text": (record("P1", NOW, text=""), ""),
    "nothing": (record("P1", NOW, quality="bad:timeout"), None),
}


def test_every_field_type_reads_back(store: Store, sink: Sink) -> None:
    several = [row._replace(series=series(f"P{at}")) for at, (row, _) in enumerate(FIELDS.values())]
    assert sink.write(several, []) == []
    for at, (name, (row, expected)) in enumerate(FIELDS.items()):
        [found] = sink.history(f"P{at}", NOW, NOW + 1, 10)
        assert found["value"] == expected, name
        assert type(found["value"]) is type(expected), name
        assert (found["time"], found["quality"]) == (NOW, row.quality), name


def test_a_reading_names_its_place_in_the_specification(sink: Sink) -> None:
    sink.write([record("P1", NOW, 1.0)], [])
    place = {
        "profile": "hazchem-storage", "site": "110110001", "region": "110110", "asset": "110110001G001",
        "point": "P1", "quantity": "YW",
    }  # fmt: skip
    assert sink.latest() == [place | {"time": NOW, "value": 1.0, "quality": "good"}]


def test_the_newest_reading_is_the_latest_in_whatever_order_they_came(sink: Sink) -> None:
    sink.write([record("P1", NOW + 2000, 3.0), record("P2", NOW, 9.0)], [])
    sink.write([record("P1", NOW, 1.0), record("P1", NOW + 1000, 2.0)], [])
    sink.write([record("P3", NOW, 5.0)._replace(series=series("P3", site="220220002"))], [])
    assert [(row["point"], row["value"]) for row in sink.latest()] == [("P1", 3.0), ("P2", 9.0), ("P3", 5.0)]
    assert [row["point"] for row in sink.latest("220220002")] == ["P3"]
    assert sink.latest("' OR 1=1") == []


def test_history_is_cut_by_time_and_by_number(sink: Sink) -> None:
    sink.write(ramp("P1", 10), [])
    assert [row["time"] for row in sink.history("P1", NOW + 2000, NOW + 5000, 100)] == [
        NOW + 2000, NOW + 3000, NOW + 4000,
    ]  # fmt: skip
    assert [row["time"] for row in sink.history("P1", -1, EVER, 2)] == [NOW, NOW + 1000]
    moved = record("P1", NOW + 500, 7.0)._replace(series=series("P1", site="220220002"))
    sink.write([moved], [])
    assert [row["time"] for row in sink.history("P1", 0, EVER, 2)] == [NOW, NOW + 500], "over all places of the point"


def test_coverage_counts_the_readings_of_a_span_and_names_the_gaps_between_them(sink: Sink) -> None:
    sink.write(
        [
            *(record("P1", NOW + second * 1000, 1.0) for second in (-30, 0, 10, 20, 300, 310, 400)),
            record("P1", NOW + 100_000, quality="bad:link"),
            record("P2", NOW + 150_000, flag=True, quality="uncertain:jump"),
            record("P2", NOW + 50_000, text="open", era=3),
            record("P3", NOW - 1000, 1.0), record("P4", NOW + 400_000, 1.0),
            record("P5", NOW, 1.0)._replace(series=series("P5", site="220220002")),
        ],
        [],
    )  # fmt: skip
    asked, place = Span(NOW, NOW + 400_000, reach=30_000), ("hazchem-storage", "110110001", "110110", "110110001G001")
    found = sink.coverage(asked, 99_999, valid=True, sites=["110110001"])
    assert found == [
        Coverage(*place, "P1", "YW", 5, NOW - 30_000, NOW + 310_000, ((NOW + 20_000, NOW + 300_000),)),
        Coverage(*place, "P2", "YW", 2, NOW + 50_000, NOW + 150_000, ((NOW + 50_000, NOW + 150_000),)),
        Coverage(*place, "P3", "YW", 0, NOW - 1000, NOW - 1000, ()),
    ]
    [all_of_it, *_] = sink.coverage(Span(NOW, NOW + 400_000), 79_999, valid=False, sites=["110110001"])
    assert (all_of_it.readings, all_of_it.first) == (6, NOW)
    assert all_of_it.gaps == ((NOW + 20_000, NOW + 100_000), (NOW + 100_000, NOW + 300_000))
    assert sink.coverage(asked, 1, valid=False, sites=["' OR 1=1"]) == []
    assert sink.coverage(asked, 1, valid=False, sites=[]) == []
    both = sink.coverage(asked, 99_999, valid=True, sites=["220220002", "110110001"])
    assert [(each.site, each.point) for each in both] == [
        ("110110001", "P1"), ("110110001", "P2"), ("110110001", "P3"), ("220220002", "P5"),
    ]  # fmt: skip


def test_means_are_of_the_good_numbers_of_each_step(sink: Sink) -> None:
    step, begin = 60_000, NOW // 60_000 * 60_000
    sink.write(
        [
            record("P1", begin - 1, 100.0), record("P1", begin, 1.0), record("P1", begin + step - 1, 2.0),
            record("P1", begin + 1, 50.0, quality="uncertain:jump"), record("P1", begin + 2, quality="bad:link"),
            record("P1", begin + 3, flag=True), record("P1", begin + 3 * step, 5.0, era=4),
            record("P1", begin + 4 * step, 100.0), record("P2", begin, 100.0),
        ],
        [],
    )  # fmt: skip
    assert sink.means("P1", begin, begin + 4 * step, step) == [(begin, 1.5), (begin + 3 * step, 5.0)]
    assert sink.means("' OR 1=1", begin, begin + 4 * step, step) == []


def test_twice_is_once(store: Store, sink: Sink) -> None:
    rows, events = ramp("P1", 100), [event("e1", "raised", NOW), event("e2", "cleared", NOW + 5, seq=2)]
    sink.write(rows, events)
    before = store.table("event")
    for _ in range(2):
        assert sink.write(rows + rows, events + events) == []
    assert values(sink) == [at / 7 for at in range(100)]
    assert store.table("event") == before


def test_two_eras_in_one_millisecond_are_two_readings(sink: Sink) -> None:
    sink.write([record("P1", NOW, 1.0), record("P1", NOW, 2.0, era=1)], [])
    assert values(sink) == [1.0, 2.0]


def test_two_events_in_one_millisecond_are_two_events(store: Store, sink: Sink) -> None:
    sink.write([], [event("e1", "noted", NOW), event("e2", "noted", NOW)])
    assert sorted(row["id"] for row in store.table("event")) == ["e1", "e2"]


def test_what_an_events_evidence_is_reads_back(store: Store, sink: Sink) -> None:
    picture = Evidence(id="p1", type="image/jpeg", size=70_000, sha256="ab" * 32, captured=NOW)
    sink.write([], [event("e1", "raised", NOW, evidence=[picture])])
    [row] = store.table("event")
    assert msgspec.json.decode(row["evidence"], type=list[Evidence]) == [picture]


def test_one_agents_alarm_is_nothing_to_another_with_the_same_names(store: Store, sink: Sink) -> None:
    ours = event("e1", "raised", NOW)
    sink.write([], [ours, dataclasses.replace(event("e2", "cleared", NOW + 1, seq=2), agent="plant-b")])
    sink.write([], [dataclasses.replace(ours, agent="plant-b")])
    assert len(store.table("event")) == 3


def test_refused_records_are_named_and_their_neighbours_stored(store: Store, sink: Sink) -> None:
    rows = ramp("P1", 300)
    for index in (0, 57, 58, 299):
        rows[index] = rows[index]._replace(time=2**63 + index)
    refused = sink.write(rows, [event("e1", "raised", NOW)])
    assert [each.index for each in refused] == [0, 57, 58, 299]
    assert all(each.reason for each in refused)
    assert values(sink) == [at / 7 for at in range(300) if at not in (0, 57, 58, 299)]
    assert len(store.table("event")) == 1
    assert sink.write(ramp("P2", 3), []) == [], "the next batch is as if nothing had been"


def test_a_batch_of_refused_records_alone_is_reported_too(sink: Sink) -> None:
    rows = [row._replace(time=2**63 + 1) for row in ramp("P1", 3)]
    assert [each.index for each in sink.write(rows, [])] == [0, 1, 2]


@pytest.mark.parametrize(("year", "stored"), [(1970, True), (2036, True), (2106, True), (2261, True), (9999, False)])
def test_times_up_to_2262_are_stored_and_later_ones_refused(sink: Sink, year: int, stored: bool) -> None:
    moment = int(datetime(year, 12, 31, tzinfo=UTC).timestamp()) * 1000
    refused = sink.write([record("P1", moment, 1.0)], [])
    assert bool(refused) is not stored
    assert [row["time"] for row in sink.history("P1", 0, EVER, 10)] == ([moment] if stored else [])


def test_a_store_that_is_down_only_waits(store: Store, sink: Sink) -> None:
    sink.write([record("P1", NOW, 1.0)], [])
    with store.down():
        with pytest.raises(SinkUnavailable):
            sink.write([record("P1", NOW + 1, 2.0)], [])
        fresh = store.sink()
        with pytest.raises(SinkUnavailable):
            fresh.write([record("P1", NOW + 1, 2.0)], [])
        fresh.close()
    assert sink.write([record("P1", NOW + 1, 2.0)], []) == []
    assert values(sink) == [1.0, 2.0]


def test_nothing_to_write_is_written_too(sink: Sink) -> None:
    assert sink.write([], []) == []


DAY = Fact(
    "compliance", {"site": "110110001", "region": "110110", "profile": ""},
    {"online": 0.5, "due": 2**53 + 1, "said": 'in "time", 及时', "met": True}, NOW * 1_000_000 + 7,
)  # fmt: skip


def test_a_fact_reads_back_with_every_type_of_field(store: Store, sink: Sink) -> None:
    assert sink.write_facts([DAY]) == []
    assert store.facts("compliance") == [(DAY.time, {"site": "110110001", "region": "110110", **DAY.fields})]
    assert store.facts("link") == []


def test_a_fact_written_again_replaces_its_fields_and_leaves_the_others(store: Store, sink: Sink) -> None:
    other = dataclasses.replace(DAY, tags={"site": "220220002", "region": "220220"})
    sink.write_facts([DAY, other])
    for _ in range(2):
        again = dataclasses.replace(DAY, tags=dict(reversed(list(DAY.tags.items()))), fields={"online": 1.0, "late": 3})
        assert sink.write_facts([again, again]) == []
    found = {row["site"]: row for _, row in store.facts("compliance")}
    assert found["110110001"] == {"site": "110110001", "region": "110110", **DAY.fields, "online": 1.0, "late": 3}
    assert found["220220002"] == {**other.tags, **other.fields}


def test_refused_facts_are_named_and_their_neighbours_stored(store: Store, sink: Sink) -> None:
    facts = [dataclasses.replace(DAY, time=DAY.time + at if at != 1 else 2**63 + 5) for at in range(3)]
    assert [refusal.index for refusal in sink.write_facts(facts)] == [1]
    assert [time for time, _ in store.facts("compliance")] == [DAY.time, DAY.time + 2]


def test_facts_wait_while_the_store_is_down(store: Store, sink: Sink) -> None:
    sink.write_facts([DAY])
    with store.down(), pytest.raises(SinkUnavailable):
        sink.write_facts([DAY])
    assert sink.write_facts([DAY, dataclasses.replace(DAY, time=DAY.time + 1)]) == []
    assert len(store.facts("compliance")) == 2
