"""When a gateway was off line: by hand, over midnight, and told from the collector's own absence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import gateways
from collector.compliance.measure import Key
from collector.compliance.silence import offline_spans, union, within
from collector.compliance.tally import Tally
from collector.duty.records import Scope
from collector.gateways import OWN, Heard
from collector.registry import Registry
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Manifest
from tests.collector.compliance.bureau import DAY, DAYS, END, HOUR, MINUTE, SECOND, START, Bureau, bureau
from tests.collector.field import HAZARD, manifest

SITE = HAZARD[:9]
KEY = Key(DAY, "110110", SITE, "hazchem-storage")
AGENT, COUNTY = "plant-a", "county-1"
WHOLE = START, END + HOUR


def hear(town: Bureau, *spans: tuple[int, int], who: str = AGENT, **others: tuple[tuple[int, int], ...]) -> None:
    """A packet of `who` a minute in each span, its end within; `own`: the collector listens, `county`: see below."""
    every = {who: spans, **{{"own": OWN, "county": COUNTY}[name]: its for name, its in others.items()}}
    known = town.registry.arrivals.gateways
    for at, each in sorted((at, name) for name, its in every.items() for a, b in its for at in range(a, b + 1, MINUTE)):
        if each == OWN:
            known.listening(at)
        else:
            known.heard(each, at)
    town.registry.save()


def measured(town: Bureau, now: int = END + HOUR, key: Key = KEY) -> Tally:
    return town.measurer.day(key.day, now)[key]


def off_line(found: Tally) -> tuple[float, int]:
    """Minutes and how often."""
    return found.gateway_offline / MINUTE, found.gateway_breaks


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Bureau]:
    with bureau(tmp_path) as made:
        made.enrol("G0001")
        yield made


def test_a_gateway_is_off_line_from_five_minutes_after_its_packet_to_the_next(town: Bureau) -> None:
    """8:00 to 8:12 is 7 min off line; 9:00 to 9:05 is none; 10:00 to 11:00 is 55 min."""
    at = [START + hour * HOUR for hour in (8, 9, 10, 11)]
    hear(town, (START, at[0]), (at[0] + 12 * MINUTE, at[1]), (at[1] + 5 * MINUTE, at[2]), (at[3], END + HOUR),
         own=(WHOLE,))  # fmt: skip
    found = measured(town)
    assert off_line(found) == (62, 2)
    assert (found.gateways, found.gateway_due, found.gateway_away) == (1, 24 * HOUR, 0)
    assert found.sums()["gateway_offline_minutes"] == 62


def test_over_midnight_each_day_has_its_minutes_and_the_first_one_the_count(town: Bureau) -> None:
    """Silent from 23:30 to 0:45 of the site's day: off line from 23:35, 25 min before midnight and 45 behind."""
    own = (START, END + 25 * HOUR)
    hear(town, (START, END - 30 * MINUTE), (END + 45 * MINUTE, END + 25 * HOUR), own=(own,))
    assert off_line(measured(town)) == (25, 1)
    after = Key(DAYS.of(END), *KEY[1:])
    assert off_line(measured(town, END + 25 * HOUR, after)) == (45, 0)


def test_a_day_is_right_while_the_gateway_is_still_off_line(town: Bureau) -> None:
    hear(town, (START, END - 30 * MINUTE), own=((START, END + 10 * MINUTE),))
    assert off_line(measured(town, END + 10 * MINUTE)) == (25, 1)
    early = measured(town, END - 10 * MINUTE)
    assert off_line(early) == (15, 1)


def test_while_the_collector_is_away_no_gateway_is_off_line(tmp_path: Path) -> None:
    """Stopped from 8:00 to 9:00; the gateway speaks again at 9:00, so that nobody knows of any silence."""
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        hear(town, (START, START + 8 * HOUR))
    with bureau(tmp_path) as town:
        hear(town, (START + 9 * HOUR, END + HOUR))
        found = measured(town)
    assert off_line(found) == (0, 0)
    assert (found.gateway_due, found.gateway_away) == (23 * HOUR, HOUR)
    assert found.sums()["unheard_minutes"] == 60


def test_a_silence_over_a_restart_counts_by_the_time_in_which_the_collector_listened(tmp_path: Path) -> None:
    """Silent from 7:58 to 9:10, the collector away from 8:00 to 9:00: 2 + 10 min are known, 7 of them off line."""
    with bureau(tmp_path) as town:
        town.enrol("G0001")
        hear(town, (START, START + 8 * HOUR - 2 * MINUTE), own=((START, START + 8 * HOUR),))
    with bureau(tmp_path) as town:
        hear(town, (START + 9 * HOUR + 10 * MINUTE, END + HOUR), own=((START + 9 * HOUR, END),))
        assert off_line(measured(town)) == (7, 1)


def test_a_collector_that_stands_still_now_blames_nobody(town: Bureau) -> None:
    hear(town, (START, START + 8 * HOUR))
    found = measured(town)
    assert off_line(found) == (0, 0)
    assert found.gateway_away == 16 * HOUR


def test_time_before_the_first_packet_and_off_duty_is_not_due(town: Bureau) -> None:
    """First heard at 6:00, stopped from 8:00 to 12:00, silent from 7:30 to 13:00: 25 + 60 min, one break."""
    hear(town, (START + 6 * HOUR, START + 450 * MINUTE), (START + 13 * HOUR, END + HOUR), own=(WHOLE,))
    town.duty.put("stop", Scope(SITE), START + 8 * HOUR, START + 12 * HOUR, "holidays", "li")
    found = measured(town)
    assert off_line(found) == (85, 1)
    assert found.gateway_due == 14 * HOUR


def test_one_behind_a_lower_collector_is_not_to_blame_for_that_one(town: Bureau) -> None:
    """The county is cut off from 8:00 to 9:00, its plant silent to 9:30: 30 min less 5."""
    frame = encode(decode(manifest("G0001"), decoder(Manifest)))
    town.registry.put_manifest(COUNTY, manifest_hash(frame), frame, "plant-b")
    town.registry.forget(AGENT)
    county = (START, START + 8 * HOUR), (START + 9 * HOUR, END + HOUR)
    plant = (START, START + 8 * HOUR), (START + 570 * MINUTE, END + HOUR)
    hear(town, *plant, who=f"{COUNTY}/plant-b", county=county, own=(WHOLE,))
    found = measured(town)
    assert (found.gateways, *off_line(found)) == (1, 25, 1)


def test_who_was_forgotten_begins_anew(town: Bureau) -> None:
    hear(town, (START, START + 8 * HOUR), own=((START, START + 20 * HOUR),))
    town.registry.forget(AGENT)
    town.enrol("G0001")
    hear(town, (START + 20 * HOUR, END + HOUR), own=((START + 20 * HOUR, END + HOUR),))
    found = measured(town)
    assert (found.gateway_due, *off_line(found)) == (4 * HOUR, 0, 0)


def test_silences_are_bounded_and_short_ones_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "SILENCES", 2)
    registry = Registry(tmp_path)
    for at in (0, 1, 2, 3, 3 + 1 / 30):  # the last one after two minutes
        registry.arrivals.gateways.heard(AGENT, START + round(at * HOUR))
        registry.save()
    found = registry.arrivals.gateways.between(START, END)
    last = START + 3 * HOUR + 2 * MINUTE
    silences = ((START + HOUR, START + 2 * HOUR), (START + 2 * HOUR, START + 3 * HOUR))
    assert found[AGENT] == Heard(START, last, silences)
    assert found[OWN].last == last
    registry.close()


def test_spans_by_hand() -> None:
    assert offline_spans((0, 100), ((20, 50),), 30) == ((60, 100),)
    assert offline_spans((0, 25), (), 30) == ()
    assert offline_spans((0, 100), ((40, 50),), 30) == ((30, 40), (50, 100))
    assert union([(5, 9), (0, 5), (20, 30)]) == ((0, 9), (20, 30))
    assert within(((-5, 2), (8, 12)), ((0, 10), (11, 20))) == ((2, 8), (12, 20))


def test_a_clock_that_was_ahead_blocks_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.arrivals.gateways.listening(END + 24 * HOUR)
    registry.arrivals.gateways.listening(START)
    registry.arrivals.gateways.listening(START + 5 * SECOND)
    assert registry.arrivals.gateways.between(START, END)[OWN].last == START, "not written more often than need be"
    registry.close()
