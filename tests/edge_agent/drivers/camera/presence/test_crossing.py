"""People who cross a line are counted once, in their direction: on a real film against counts made by eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.camera_presence import Score, crossings
from edge_agent.drivers.camera.analysis import Track, View
from edge_agent.drivers.camera.findings import Box, Passage
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.crossing import Crossings
from edge_agent.drivers.camera.presence.heights import Heights
from edge_agent.drivers.camera.presence.motion import Pace
from edge_agent.drivers.camera.presence.schedule import open_at
from tests.edge_agent.drivers.camera.films import T0, film, pictures
from tests.edge_agent.drivers.camera.presence.scenes import analysis, camera, found, seal, told

LINE: dict[str, object] = {"name": "mouth", "start": (0.5, 0.2), "end": (0.5, 0.8), "inside": (0.1, 0.5)}
WALK = [0.7, 0.65, 0.6, 0.55, 0.45, 0.4, 0.35]
"""Feet from the left, a picture each; inwards over the line."""


def test_the_first_ten_seconds_of_a_real_film_are_counted_as_by_eye() -> None:
    film("vtest.avi")
    assert crossings(Builtin(Heights()), 300, end=100) == Score(hits=3, false=0, missed=0)


@pytest.mark.soak
@pytest.mark.parametrize(("line", "least"), [(300, 31), (480, 30)])
def test_the_whole_film_is_counted_as_by_eye(line: int, least: int) -> None:
    film("vtest.avi")
    score = crossings(Builtin(Heights()), line)
    assert score.hits >= least
    assert score.false <= 1


def test_each_kind_of_line_tells_its_own_events_which_end_when_nobody_follows() -> None:
    lines = [
        {"name": kind, "start": (300 / 768, 0.0), "end": (300 / 768, 1.0), "inside": (0.0, 0.5), "counts": kind}
        for kind in ("gate", "bypass", "entry_gate", "exit_gate")
    ]
    watched = analysis(camera(lines=lines))
    begun = found(watched, pictures("vtest.avi", start=40, end=110))
    codes = {"person_in", "person_out", "bypass_in", "bypass_out", "gate_reverse_in", "gate_reverse_out"}
    assert {each.code for each in begun if each.state == "raised"} == codes
    assert all(each.confidence >= 0.5 and each.boxes for each in begun)
    ended = watched.tick(7 + 601.0, T0 + 608_000)
    assert {(each.code, each.state) for each in ended} == {(code, "cleared") for code in codes}


def walked(
    ways: dict[int, Sequence[float | None]], *, seen: int = 10, line: dict[str, object] = LINE, y: float = 0.5,
    label: str = "person", schedule: Sequence[dict[str, str]] = (), confidence: float = 0.8,
) -> tuple[list[str], dict[str, int]]:  # fmt: skip
    """Events and counts of tracks by number, whose feet are at these places from the left, None: not followed."""
    device = camera(lines=[line], schedule=schedule)
    wanted = {"person_in", "person_out", "vehicle_in", "vehicle_out"}
    task = Crossings(Pace(0.1), device.lines, seal(), wanted, open_at(device.schedule))
    codes: list[str] = []
    counts: dict[str, int] = {}
    paths: dict[int, list[tuple[float, float, float]]] = {number: [] for number in ways}
    for index in range(max(map(len, ways.values()))):
        at = index / 10
        view = View(Picture(np.zeros((60, 80, 3), dtype=np.uint8), time=T0, at=at), detected=True)
        for number, way in ways.items():
            x = way[index] if index < len(way) else None
            if x is not None:
                paths[number].append((at, x, y))
                box = Box(x - 0.02, y - 0.1, x + 0.02, y, label)
                view.tracks += (Track(number, box, tuple(paths[number]), seen, 0, confidence),)
        codes += [each.code for each in task.look(view) if isinstance(each, Passage)]
        for what, count in view.crossed.items():
            counts[what] = counts.get(what, 0) + count
    return codes, counts


def test_inwards_and_outwards_are_told_apart() -> None:
    assert walked({1: WALK}) == (["person_in"], {"persons_in": 1})
    assert walked({1: WALK[::-1]}) == (["person_out"], {"persons_out": 1})
    assert walked({1: [*WALK, *WALK[::-1]]}) == (["person_in", "person_out"], {"persons_in": 1, "persons_out": 1})


def test_who_stands_on_the_line_and_sways_is_not_counted_again_and_again() -> None:
    assert walked({1: [0.7, 0.6, 0.505, 0.495, 0.505, 0.495, 0.505, 0.6, 0.7]}) == ([], {})
    assert walked({1: [0.7, 0.6, 0.505, 0.495, 0.505, 0.495, 0.4]}) == (["person_in"], {"persons_in": 1})


def test_a_track_that_breaks_off_on_the_line_is_counted_once_all_the_same() -> None:
    gone: list[float | None] = [None] * 4
    assert walked({1: [0.58, 0.56, 0.54, 0.52, *gone], 2: [None] * 8 + [0.42, 0.4, 0.38]})[0] == ["person_in"]


def test_who_appears_far_from_where_another_was_lost_is_nobody_who_crossed() -> None:
    assert walked({1: [0.9, 0.88, 0.86], 2: [None] * 5 + [0.3, 0.28, 0.26]}) == ([], {})


def test_who_passes_beside_the_ends_of_the_line_does_not_cross_it() -> None:
    assert walked({1: WALK}, y=0.9) == ([], {})


def test_a_track_counts_when_it_was_seen_often_and_surely_enough() -> None:
    assert walked({1: WALK}, seen=4) == ([], {})
    assert walked({1: WALK}, confidence=0.4) == ([], {})


def test_outside_its_schedule_a_line_counts_but_tells_nothing() -> None:
    hour = (T0 // 3_600_000 + 8) % 24
    now, later = f"{hour:02}:00", f"{(hour + 1) % 24:02}:00"
    assert walked({1: WALK}, schedule=[{"start": now, "until": later}])[0] == ["person_in"]
    assert walked({1: WALK}, schedule=[{"start": later, "until": now}]) == ([], {"persons_in": 1})


def test_a_vehicle_counts_only_where_the_line_is_for_vehicles() -> None:
    assert walked({1: WALK}, label="vehicle") == ([], {})
    assert walked({1: WALK}, label="vehicle", line=LINE | {"of": ["vehicle"]}) == (["vehicle_in"], {"vehicles_in": 1})


def test_an_event_that_is_ignored_at_this_camera_is_not_told() -> None:
    line = {"name": "m", "start": (300 / 768, 0.0), "end": (300 / 768, 1.0), "inside": (0.0, 0.5)}
    told_of = told(
        found(analysis(camera(lines=[line], ignore=["person_in"])), pictures("vtest.avi", start=40, end=100))
    )
    assert told_of == [("person_out", "raised")]
