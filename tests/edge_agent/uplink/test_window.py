"""The window's rules, and who is guilty when a link breaks."""

from __future__ import annotations

import itertools

import pytest

from edge_agent.outbox.draft import Lane
from edge_agent.outbox.rows import Row
from edge_agent.uplink.window import LONGEST_RESEND, STRIKES, Window
from tests.edge_agent.uplink.field import settings

MIDS = itertools.count(1)


def row(number: int, lane: Lane = "data", size: int = 100) -> Row:
    return Row(number, lane, "f" * 32, number, "0" * 32, "a" * 64, 1, 1, 1, size)


def send(window: Window, *rows: Row, now: float = 0.0, backlog: bool = False) -> list[int]:
    mids = [next(MIDS) for _ in rows]
    for each, mid in zip(rows, mids, strict=True):
        window.sent(each, mid, now, backlog=backlog)
    return mids


def fill(window: Window, lane: Lane, *, backlog: bool = False) -> int:
    """Send from one lane as long as there is room; how many."""
    sent = 0
    while window.room(lane, backlog=backlog):
        send(window, row(next(MIDS), lane), backlog=backlog)
        sent += 1
    return sent


def test_an_innocent_envelope_outlives_any_number_of_ordinary_breaks() -> None:
    """A broker that is restarted again and again: the PUBACK between two breaks ends the suspicion."""
    window, innocent = Window(settings()), row(1)
    for _ in range(5 * STRIKES):
        send(window, innocent)
        assert window.broken() == []
        assert window.suspects() == [1]
        [mid] = send(window, innocent)
        window.received(mid)
        assert window.suspects() == []
        assert window.broken() == []


def test_what_was_on_its_way_with_the_culprit_is_cleared_one_by_one() -> None:
    window, rows, culprit = Window(settings()), [row(number) for number in range(1, 6)], 3
    send(window, *rows)
    assert window.broken() == []
    aside: list[int] = []
    breaks = 1
    while window.careful:
        number = window.suspects()[0]
        [mid] = send(window, rows[number - 1])
        assert not window.room("event", backlog=False), "a suspect travels alone"
        if number == culprit:
            breaks += 1
            aside += [each.id for each in window.broken()]
        else:
            window.received(mid)
            assert window.room("event", backlog=False)
    assert (aside, breaks) == ([culprit], STRIKES)


def test_what_the_broker_has_taken_is_never_suspected() -> None:
    window = Window(settings())
    [mid, _] = send(window, row(1), row(2))
    window.received(mid)
    window.broken()
    assert window.suspects() == [2]
    window.done([row(2)])
    assert not window.careful


@pytest.mark.parametrize("lane", ["event", "data", "evidence"])
def test_no_lane_fills_the_window_whether_others_wait_or_not(lane: Lane) -> None:
    window = Window(settings(window=32))
    assert fill(window, lane) == 24
    assert [fill(window, other) for other in ("event", "data", "evidence") if other != lane] == [4, 4]


def test_backlog_leaves_half_of_the_window_to_what_is_new() -> None:
    window = Window(settings(window=32))
    assert fill(window, "data", backlog=True) == 12
    assert [fill(window, lane, backlog=True) for lane in ("event", "evidence")] == [2, 2]
    assert fill(window, "data") == 12


def test_the_window_is_bounded_in_bytes_but_lets_one_large_envelope_through() -> None:
    window = Window(settings(window_size="1KiB"))
    assert window.room("data", backlog=False)
    send(window, row(1, size=5000))
    assert not window.room("data", backlog=False)
    window.done([row(1, size=5000)])
    assert window.room("data", backlog=False)


def test_repeats_back_off_to_five_minutes_and_wait_for_the_brokers_own_answer() -> None:
    window, now, waits = Window(settings(resend="30s")), 0.0, []
    sent = row(1)
    [mid] = send(window, sent, now=now)
    assert window.overdue(1e9) == [], "it is still on its way over a slow link"
    for _ in range(6):
        window.received(mid)
        begun = now
        while not window.overdue(now) and sent in window:
            now += 1
        waits.append(now - begun)
        [mid] = send(window, sent, now=now)
    assert waits == [30, 60, 120 + 240, 240 + 300, 300 + 300, 300 + 300]


def test_what_nobody_acknowledges_gives_its_place_to_others() -> None:
    window = Window(settings(window=32, resend="30s"))
    stuck = [row(number) for number in range(1, 25)]
    for now in (0.0, 30.0, 90.0):
        for mid in send(window, *stuck, now=now):
            window.received(mid)
    assert not window.room("data", backlog=False)
    assert window.overdue(210.0) == []
    assert len(window) == 0
    assert all(each in window for each in stuck), "they rest"
    assert window.room("data", backlog=False)
    window.done(stuck[:1])
    assert stuck[0] not in window


def test_an_envelope_rests_whatever_the_resend_and_is_forgotten_if_it_never_comes_again() -> None:
    window, now, stuck = Window(settings(resend="200s")), 0.0, row(1)
    for _ in range(3):
        window.received(*send(window, stuck, now=now))
        now += LONGEST_RESEND
    assert window.overdue(now) == []
    assert (len(window), stuck in window) == (0, True)
    window.overdue(now + 3 * LONGEST_RESEND)
    assert window._resting == {}
