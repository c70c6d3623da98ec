"""A recording of the camera's own past, put in behind a cut of its stream or a restart of its analysis."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.integrity import hours
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.integrity.replay import DAY, GAP, WINDOW, Replay, Traces
from edge_agent.drivers.camera.picture import Image, Picture
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.integrity.test_live import encoded, live, played, small, told
from tests.edge_agent.drivers.camera.integrity.watch import analysis, seal, watch

CUT = GAP + 2
"""Seconds for which the stream is cut."""
ANEW = tamper.both(tamper.noise(2), tamper.compression(60))


def restarted(seen: Analysis, only: tuple[str, ...] = ("reference", "q_replay", "q_frozen")) -> Analysis:
    """The analysis as another process goes on with it."""
    after = analysis(only=only)
    after.recall(seen.remember())
    return after


def behind(seen: Analysis, how: str, past: list[Image], shown: list[Image]) -> list[Finding]:
    """What is found in pictures that come behind a cut, or a restart, after others in which nothing is found."""
    assert told(watch(seen, played(past)), "q_replay", "q_frozen") == []
    if how == "restart":  # and the machine's, too: its monotonic clock begins anew
        return watch(restarted(seen), played(shown))
    return watch(seen, played(shown, start=len(past) + CUT))


BEHIND = pytest.mark.parametrize("how", ["cut", "restart"])


@BEHIND
def test_a_recording_of_the_past_is_told_behind_it_long_before_it_begins_again(how: str) -> None:
    living = list(small(2))
    found = behind(live(), how, living[:200], [*living[50:150], *living[200:390]])
    begins = 0 if how == "restart" else 200 + int(CUT)
    assert told(found, "q_replay", "q_frozen") == [
        ("q_replay", "raised", begins + 14), ("q_replay", "cleared", begins + 215)
    ]  # fmt: skip
    assert found[0].facts["loop_s"] == 150.0


@BEHIND
def test_one_that_was_encoded_anew_is_told_behind_it_by_what_moves_in_it(how: str) -> None:
    living = list(small())
    found = behind(live(), how, living[:400], [ANEW(image, n) for n, image in enumerate(living[20:380])])
    assert told(found, "q_replay")[0][:2] == ("q_replay", "raised")
    assert found[0].facts["loop_s"] == 380.0


@BEHIND
def test_a_closed_gate_at_night_whose_pictures_are_alike_is_no_recording_behind_it(how: str) -> None:
    """Neither through an encoder that leaves the noise out, nor where every picture is the very same, lit or not."""
    quiet = [tamper.resize(320, 240)(each.image, 0) for each in tamper.still(film("home.jpg"), 80, fps=10, sigma=1.0)]
    shown = encoded(quiet, 35)
    assert len({each.tobytes() for each in shown}) < len(shown)
    still, lit = shown[0], np.asarray(np.minimum(shown[0].astype(int) + 60, 255), dtype=np.uint8)
    lamp = [lit if number % 10 < 5 else still for number in range(100)]
    only = ("reference", "q_replay")
    for past, now in ((shown[:40], shown[40:]), ([still] * 90, [still] * 90), (lamp, lamp)):
        assert told(behind(analysis(only=only), how, past, now), "q_replay") == []


def test_pictures_that_a_server_sends_again_at_each_connection_are_no_recording() -> None:
    """Each time the one that it gave last but five: were cuts left out, five of them would lie at one distance."""
    living, seen, at = small(2), live(), 0.0
    shown = []
    for begin in range(0, 120, 6):
        part = [*([living[begin - 6]] if begin else []), *living[begin : begin + 6]]
        shown += list(played(part, start=at))
        at += len(part) + CUT
    assert told(watch(seen, shown), "q_replay") == []


def test_what_moves_always_alike_is_no_recording_beside_a_cut() -> None:
    """There the lags on one side of the likest cannot be compared; they are left out, and are not taken for unlike."""
    rng, check = np.random.default_rng(3), Replay(seal(), Scene(seal()), "gate")
    for part in (WINDOW + 100, 2 * WINDOW):
        for _ in range(part):
            one, other = (1 << int(each) for each in rng.integers(40, size=2))
            check._traces.keep(int(rng.integers(1 << 32)), (1 << 40) - 1 & ~(one | other))
            lag, facts = check._again_in_motion()
            assert not lag, facts
        check._traces.cut()
    assert float(facts["usual"]) > 0.9


def test_likeness_behind_a_cut_and_a_restart_is_that_of_each_two_windows_without_a_cut() -> None:
    rng = np.random.default_rng(2)
    moves = [int(each) for each in rng.integers(1 << 63, size=2000)]
    moves[1600:2000] = moves[300:700]
    traces, first = Traces(), {0}
    for number, each in enumerate(moves):
        if number in (250, 900, 1550):
            traces.cut()
        if number == 1500:
            traces = Traces(*hours.unpack(hours.pack(traces.day(), traces.kept), DAY)[:2])
        traces.keep(number, each)
    first |= {250, 900, 1500, 1550}
    likeness = traces.likeness()
    for lag in range(len(likeness)):
        begin = len(moves) - lag - WINDOW
        if any(begin < each < begin + WINDOW for each in first):
            assert np.isnan(likeness[lag])
            continue
        now, then = moves[-WINDOW:], moves[begin : begin + WINDOW]
        common = sum((one & other).bit_count() for one, other in zip(now, then, strict=True))
        assert likeness[lag] == 2 * common / sum(each.bit_count() for each in (*now, *then))
    assert int(np.nanargmax(likeness[1:])) + 1 == 1300
    assert likeness[1300] == 1.0


def test_a_clock_that_is_set_neither_forgets_nor_invents_a_recording() -> None:
    """The computer's, ahead by a day while all is well, and back by two behind the cut."""
    living, day = list(small(2)), 86_400_000
    past = [
        Picture(each.image, time=each.time + day * (n > 100), at=each.at) for n, each in enumerate(played(living[:200]))
    ]
    shown = [Picture(each.image, time=each.time - 2 * day, at=each.at) for each in played(living[50:150], start=205.0)]
    seen = live()
    assert told(watch(seen, past), "q_replay", "q_frozen") == []
    found = told(watch(seen, shown), "q_replay", "q_frozen")
    assert [(code, state, second + 2 * 86_400) for code, state, second in found] == [("q_replay", "raised", 219)]


def test_an_hour_that_is_damaged_is_said_and_left_out_and_the_others_are_compared_with(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "HOUR", 100)
    living, seen = list(small(2)), live()
    watch(seen, played(living[:250]))
    kept = seen.remember()
    assert {name for name in kept if name.startswith("q_replay/")} == {f"q_replay/{number}" for number in range(3)}
    ways = {
        "cut short": kept["q_replay/0"][:50], "another text": b"{}", "nothing": b"",
        "too short": zlib.compress(bytes(hours.RECORD.itemsize)), "half a record": zlib.compress(b"half"),
    }  # fmt: skip
    for way, data in ways.items():
        caplog.clear()
        after = live()
        after.recall(kept | {"q_replay/0": data})
        assert "camera gate: q_replay: of 3 hours kept of its past day 1 cannot be read" in caplog.text, way
        assert told(watch(after, played([*living[20:80], *living[260:300]])), "q_replay") == []
        again = watch(after, played(living[120:180], start=100 + CUT))
        assert [each.facts["loop_s"] for each in again if each.code == "q_replay"] == [230.0], way


def test_a_day_is_kept_by_the_hour_of_which_only_that_which_runs_is_written_again() -> None:
    rng, records = np.random.default_rng(1), hours.nothing(DAY)
    records["mark"], records["moves"] = rng.integers(1 << 32, size=DAY), rng.integers(1 << 63, size=DAY)
    before, after = hours.pack(records, DAY + 1000), hours.pack(np.roll(records, -600), DAY + 1600)
    assert before.keys() == after.keys() == {str(number) for number in range(1, 25)}
    assert {name for name in before if before[name] != after[name]} == {"24"}
    assert sum(map(len, before.values())) < DAY * hours.RECORD.itemsize * 1.01
    day, kept, damaged = hours.unpack(before, DAY)
    assert (kept, damaged) == (DAY + 1000, [])
    assert (day[2600:] == records[2600:]).all()
    assert (day[:2600] == hours.nothing(2600)).all()
