"""Whatever stands in a record or an event, its line reads back as it was meant."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.normalise.lines import event_line, fact_line, reading_prefix, record_lines
from collector.normalise.records import normalise
from collector.sinks.base import EventRecord, Fact, Record, Series
from profiles.load import library
from profiles.wire.messages import Data, Event, Events, Manifest, ManifestDevice, ManifestTag, Sample, Site

NAMES = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
QUALITIES = st.sampled_from(["good", "bad:link", "uncertain:clock"])
TIMES = st.integers(0, 9_000_000_000_000_000_000)


def parse(line: str) -> tuple[str, dict[str, str], dict[str, Any], int]:
    """A small reader of line protocol, made from its grammar alone: measurement, tags, fields, time."""
    head, rest = re.fullmatch(r"((?:[^ \\]|\\.)+) (.+)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    assert "\n" not in head + re.sub(r'"(?:[^"\\]|\\.)*"', "", rest), "a line break outside of a text"
    measurement, *pairs = re.split(r"(?<!\\),", head)
    tags = {}
    for pair in pairs:
        name, value = re.split(r"(?<!\\)=", pair)
        tags[name] = re.sub(r"\\([,= ])", r"\1", value)
    fields: dict[str, Any] = {}
    while not re.fullmatch(r"-?\d+", rest):
        found = re.match(r'(\w+)=("(?:[^"\\]|\\.)*"|[^, ]+)[, ]', rest, re.DOTALL)
        assert found is not None, rest
        fields[found[1]] = _value(found[2])
        rest = rest[found.end() :]
    return measurement, tags, fields, int(rest)


def _value(text: str) -> Any:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else float(text)


def told(text: str) -> str:
    """A tag's value as it can stand in the store: no line breaks, no backslash."""
    return re.sub(r"[\n\r]", " ", text).replace("\\", "/")


def series(asset: str, point: str) -> Series:
    parts = ("none", "110110001", "110110", asset, point, "value")
    return Series(*parts, prefix=reading_prefix(*parts))


@given(
    asset=NAMES, point=NAMES, time=TIMES, quality=QUALITIES,
    value=st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=30)),
)  # fmt: skip
def test_a_readings_line_reads_back(asset: str, point: str, time: int, quality: str, value: Any) -> None:
    number = value if isinstance(value, float) else None
    text = value if isinstance(value, str) else None
    flag = value if isinstance(value, bool) else None
    [line] = record_lines([Record(series(asset, point), time, number, text, flag, quality)])
    measurement, tags, fields, at = parse(line)
    assert (measurement, tags["asset"], tags["point"], at) == ("reading", told(asset), told(point), time)
    assert fields.pop("quality") == quality
    if value is None:
        assert fields == {}
    else:
        [(name, read)] = fields.items()
        assert (name, read) == ({float: "value", str: "text", bool: "flag"}[type(value)], value)
        assert not isinstance(value, float) or math.copysign(1, read) == math.copysign(1, value)


EVENTS = st.builds(
    Event, id=NAMES, alarm=NAMES, kind=st.sampled_from(["limit", "link", "agent"]),
    level=st.sampled_from(["H", "HH", "FAULT"]), state=st.sampled_from(["raised", "changed", "cleared", "noted"]),
    time=st.integers(0, 9_000_000_000_000), since=st.integers(0, 9_000_000_000_000), tag=st.one_of(st.none(), NAMES),
    value=st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9)),
    limit=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), text=st.text(max_size=30),
)  # fmt: skip


@given(event=EVENTS, agent=NAMES)
def test_an_events_lines_read_back(event: Event, agent: str) -> None:
    record = EventRecord(event=event, agent=agent, era=1, seq=2, site="s", region="r")
    measurement, tags, fields, at = parse(event_line(record))
    assert (measurement, tags["agent"], tags["state"], at // 1_000_000) == (
        "event",
        told(agent),
        event.state,
        event.time,
    )
    assert (fields["id"], fields["alarm"], fields["text"]) == (event.id, event.alarm, event.text)


FIELDS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=9),
)


@given(tags=st.dictionaries(st.sampled_from(["site", "source", "kind"]), NAMES), field=FIELDS)
def test_a_facts_line_reads_back(tags: dict[str, str], field: float | str | bool) -> None:
    measurement, found, fields, at = parse(fact_line(Fact("alarm", tags, {"field": field}, 17)))
    assert (measurement, found, at) == ("alarm", {name: told(text) for name, text in tags.items() if text}, 17)
    assert (fields["field"], type(fields["field"])) == (field, type(field))


TAGS = {
    "n": ManifestTag(type="number", device="d"),
    "t": ManifestTag(type="text", device="d"),
    "f": ManifestTag(type="flag", device="d"),
}
COMPILED = compile_manifest(
    Manifest(
        v=1, software="x", site=Site(code="s", name="s", adcode="110110"), tags=TAGS,
        devices={"d": ManifestDevice(driver="modbus")},
    ),
    library(), agent="a",
)  # fmt: skip
SAMPLES = st.builds(
    Sample, tag=st.sampled_from(["n", "t", "f", "x"]), dt=st.integers(-(10**15), 10**15), quality=QUALITIES,
    value=st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=9), st.integers().map(str), st.sampled_from(["--5", "-", "²", "1" * 41, 10**400, -(10**400)]),
    ),
)  # fmt: skip


@pytest.mark.fuzz
@given(
    samples=st.lists(SAMPLES, min_size=1, max_size=20), t0=st.integers(0, 253402214399999), era=st.integers(0, 999_999)
)
def test_every_sample_becomes_a_record_or_says_why_not(samples: list[Sample], t0: int, era: int) -> None:
    data = Data(v=1, stream="a" * 32, seq=1, era=era, manifest="b" * 64, t0=t0, s=samples)
    done = normalise(data, COMPILED)
    assert len(done.records) + len(done.faulty) == len(samples)
    for record, line in zip(done.records, record_lines(done.records), strict=True):
        assert parse(line)[3] == record.time
        assert record.time % 1_000_000 == era
        if record.value is None and record.text is None and record.flag is None:
            assert record.quality != "good"


def test_an_events_integer_beyond_all_bounds_is_kept_as_digits() -> None:
    event = Event(id="e", alarm="e", kind="limit", level="H", state="raised", time=1, since=1, value=10**400)
    frame = Events(v=1, stream="a" * 32, seq=1, era=0, manifest="b" * 64, events=[event])
    [record] = event_records(frame, COMPILED)
    assert parse(event_line(record))[2]["word"] == "1" + "0" * 39


def test_a_text_that_no_store_takes_is_a_fault_of_its_sample_alone() -> None:
    samples = [Sample(tag="t", dt=0, value="好" * 21_333), Sample(tag="t", dt=1, value="好" * 21_334)]
    data = Data(v=1, stream="a" * 32, seq=1, era=0, manifest="b" * 64, t0=0, s=samples)
    done = normalise(data, COMPILED)
    assert len(done.records) == 1
    assert "expected a text of at most 64000 bytes" in done.faulty[0][1]


def test_two_agents_tags_without_a_point_never_share_a_series() -> None:
    manifest = Manifest(
        v=1, software="x", site=Site(code="s", name="s", adcode="110110"), tags=TAGS,
        devices={"d": ManifestDevice(driver="modbus")},
    )  # fmt: skip
    ours, theirs = (set(compile_manifest(manifest, library(), agent=name).series.values()) for name in ("a", "b"))
    assert ours.isdisjoint(theirs)


def test_an_event_of_a_tag_that_nobody_knows_keeps_its_site() -> None:
    event = Event(id="e", alarm="e", kind="limit", level="H", state="raised", time=1, since=1, tag="gone")
    frame = Events(v=1, stream="a" * 32, seq=1, era=0, manifest="b" * 64, events=[event])
    [record] = event_records(frame, COMPILED)
    assert (record.site, record.profile, record.point) == ("s", "", "")
