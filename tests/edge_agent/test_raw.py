"""What was read is kept as it was read: of each tag the last samples, within bounds, and nothing of tags that go."""

from __future__ import annotations

import os

import pytest

from edge_agent import raw as raw_
from edge_agent.clock import Clock, ClockSettings
from edge_agent.drivers.base import Reading
from edge_agent.raw import DEPTH, LONGEST, NEAREST, RawMemory
from edge_agent.rules import TagRule
from edge_agent.sampler import Sampler
from profiles.wire.codec import decode, decoder, encode
from profiles.wire.messages import RawReading, RawReadings


def keep(memory: RawMemory, time: int, raw: object, value: float | int | str | None = 1.0, tag: str = "T") -> None:
    memory.keep(time, value, "good", Reading(tag, time - 5, value, raw=raw))


def told(memory: RawMemory, moment: int = 2**53, tag: str = "T") -> list[RawReading]:
    """As a collector hears it."""
    found = RawReadings(since=0, kept=0, oldest=None, readings=memory.nearest(tag, moment))
    return decode(encode(found), decoder(RawReadings)).readings


def test_bytes_are_told_as_registers_and_texts_as_the_driver_has_them() -> None:
    memory = RawMemory(["T"])
    keep(memory, 100, bytes.fromhex("41eccccd"), 29.6)
    keep(memory, 200, "a.txt record 3: 0.62", 0.62)
    assert told(memory) == [
        RawReading(time=100, read=95, raw="41EC CCCD", value=29.6, quality="good"),
        RawReading(time=200, read=195, raw="a.txt record 3: 0.62", value=0.62, quality="good"),
    ]


def test_the_last_samples_of_a_tag_are_kept_and_the_nearest_to_a_moment_told() -> None:
    memory = RawMemory(["T", "U"])
    for time in range(1, DEPTH + 11):
        keep(memory, time * 100, b"\0\1")
    assert memory.holds("T") == (DEPTH, 1100)
    assert (memory.holds("U"), memory.holds("V")) == ((0, None), None)
    assert [each.time for each in told(memory, 2010)] == [1800, 1900, 2000, 2100, 2200]
    assert len(told(memory, 0)) == NEAREST


def test_with_very_many_tags_fewer_of_each_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_, "MOST", 40)
    memory = RawMemory([f"T{number}" for number in range(20)])
    for time in range(10):
        keep(memory, time, b"\0\1", tag="T7")
    assert memory.holds("T7") == (2, 8)
    memory.change(["T7", "U"])
    keep(memory, 10, b"\0\1", tag="T7")
    assert (memory.holds("T7"), memory.holds("T6")) == ((3, 8), None)


@pytest.mark.parametrize("raw", ["液" * 5000, b"\xff" * 5000])
def test_what_is_long_is_cut_and_says_so(raw: object) -> None:
    memory = RawMemory(["T"])
    keep(memory, 100, raw, "位" * 5000)
    [found] = told(memory)
    assert isinstance(found.value, str)
    assert len(found.raw) <= LONGEST
    assert (len(found.value), found.raw[-1], found.value[-1]) == (LONGEST, "…", "…")


def test_what_cannot_travel_as_it_is_travels_all_the_same() -> None:
    memory = RawMemory(["T"])
    keep(memory, 100, os.fsdecode("矿.txt".encode("gb18030")), float("nan"))
    keep(memory, 200, b"\x7f\xff" * 4, 2**63 - 1)
    name, large = told(memory)
    assert (name.raw, name.value, name.quality) == ("\\udcbf\\udcf3.txt", None, "bad:not_finite")
    assert (large.value, large.raw) == (str(2**63 - 1), "7FFF 7FFF 7FFF 7FFF")


def test_the_sampler_keeps_what_is_sent_also_when_it_stands_and_when_it_is_of_the_past() -> None:
    clock = Clock(ClockSettings())
    sampler = Sampler({"T": TagRule("T", "plc", interval=1.0, max_silence=0.0)}, clock)
    now = clock.read()
    rows = [(now, 1.0, b"\0\1"), (now, 1.0, b"\0\1"), (now - 9000, 2.0, b"\0\2")]
    sent = [
        sampler.take([Reading("T", time, value, source_time=True, logged=True, raw=raw)]).samples
        for time, value, raw in rows
    ]
    kept = {each.time: (each.raw, each.value) for each in told(sampler.raw, now)}
    of = {1.0: "0001", 2.0: "0002"}
    assert kept == {each.time: (of[each.value], each.value) for part in sent for each in part}  # type: ignore[index]
    assert len(kept) == 3
