"""Who enters, stands still and leaves; vehicles that pass and are boarded; light that changes: on real pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge_agent.drivers.camera.analysis import Analysis, View
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.heights import Heights
from tests.edge_agent.drivers.camera.films import T0, pictures
from tests.edge_agent.drivers.camera.presence.scenes import (
    MAN,
    VAN,
    analysis,
    camera,
    cut,
    empty,
    found,
    put,
    seal,
    shown,
    told,
)  # fmt: skip

MIDDLE = ((0.3, 0.3), (0.6, 0.3), (0.6, 0.7), (0.3, 0.7))


def entering() -> Iterator[Image]:
    """3 s of the empty place, then a man walks to the middle of it within 2.5 s; 10 pictures a second."""
    man = cut(424, MAN)
    yield from (empty() for _ in range(30))
    for step in range(25):
        yield put((man, 160 + 8 * step, 340))


def standing(seconds: float) -> Iterator[Image]:
    """He stands there; 2 pictures a second."""
    yield from (put((cut(424, MAN), 352, 340)) for _ in range(int(seconds * 2)))


def test_an_intruder_is_told_within_seconds_held_while_he_stands_still_and_gone_a_minute_after_he_left() -> None:
    watched = analysis(camera(position="P03", regions=[{"name": "mouth", "points": MIDDLE}]))
    came = found(watched, shown(entering(), fps=10))
    assert told(came) == []  # he is in the region, but not yet for two seconds
    stands = found(watched, shown(standing(40), fps=2, start=5.5))
    assert told(stands) == [("intrusion", "raised")]
    assert stands[0].facts["persons"] == 1
    assert stands[0].facts["region"] == "mouth"
    assert stands[0].boxes[0].label == "person"
    left = found(watched, shown((empty() for _ in range(150)), fps=2, start=45.5))
    assert told(left) == [("intrusion", "cleared")]
    assert 60 <= left[0].time / 1000 - stands[0].time / 1000 - 38 <= 70


def test_a_region_that_may_be_passed_tells_only_of_those_who_linger() -> None:
    regions = [{"name": "yard", "points": MIDDLE, "dwell": "20s"}]
    watched = analysis(camera(position="P03", regions=regions))
    assert told(found(watched, shown(entering(), fps=10))) == []
    assert told(found(watched, shown(standing(15), fps=2, start=5.5))) == []
    assert told(found(watched, shown(standing(10), fps=2, start=20.5))) == [("intrusion", "raised")]


def test_who_stays_outside_the_regions_or_in_a_masked_part_is_no_intruder() -> None:
    elsewhere = [{"name": "wall", "points": ((0.6, 0.0), (1.0, 0.0), (1.0, 0.3), (0.6, 0.3))}]
    for settings in ({"regions": elsewhere}, {"masks": [((0.0, 0.2), (1.0, 0.2), (1.0, 0.8), (0.0, 0.8))]}):
        watched = analysis(camera(position="P10", **settings))
        assert told(found(watched, shown(entering(), fps=10))) == []
        assert told(found(watched, shown(standing(5), fps=2, start=5.5))) == []


def test_light_that_changes_at_once_makes_no_people_and_those_who_come_after_are_found() -> None:
    watched = analysis(camera(position="P10"))
    brighter = np.clip(empty().astype(np.float32) * 1.2, 0, 255).astype(np.uint8)
    light = [empty()] * 20 + [brighter] * 60
    assert told(found(watched, shown(light, fps=4))) == []
    man = cut(424, MAN)
    walk = (
        np.clip(put((man, 160 + 20 * step, 340)).astype(np.float32) * 1.2, 0, 255).astype(np.uint8)
        for step in range(14)
    )
    assert told(found(watched, shown(walk, fps=2, start=20.0))) == [("intrusion", "raised")]


def test_nobody_is_looked_for_while_the_lens_is_covered() -> None:
    tasks = presence_tasks(camera(position="P10"), seal(), Builtin(Heights()))
    for picture in pictures("vtest.avi", end=30):
        view = View(picture, blind="q_covered")
        looks = [seen for task in tasks for seen in task.look(view)]
        assert [each.holds for each in looks if each.code == "intrusion"] == [None]  # type: ignore[union-attr]
        assert view.foreground is None
        assert not view.detected


def driving(start: int, end: int, *, step: int = 20) -> Iterator[Image]:
    """The van at 2.4 times its size, from one place to another."""
    van = cut(0, VAN, 2.4)
    for left in range(start, end, step if start < end else -step):
        yield put((van, left, 420))


def test_a_vehicle_that_leaves_and_returns_is_told_as_a_candidate_where_nothing_but_shape_is_known() -> None:
    line = {"name": "gate", "start": (0.5, 0.0), "end": (0.5, 1.0), "inside": (0.9, 0.5), "of": ["vehicle"]}
    watched = analysis(camera(position="P04", lines=[line]))
    assert found(watched, shown((empty() for _ in range(30)), fps=10)) == []
    out = found(watched, shown(driving(768, -190), fps=10, start=3.0))
    assert told(out) == [("vehicle_out", "raised")]
    assert out[0].facts["vehicles"] == 1
    assert out[0].facts["vehicle"] == "candidate"
    back = found(watched, shown(driving(-180, 770), fps=10, start=10.0))
    assert told(back) == [("vehicle_in", "raised")]
    ended = watched.tick(700.0, 0)
    assert {(each.code, each.state) for each in ended} == {("vehicle_in", "cleared"), ("vehicle_out", "cleared")}


def test_people_who_board_a_vehicle_that_stands_are_told_until_it_has_left() -> None:
    watched = analysis(camera(position="P02"))
    man = cut(424, MAN)
    van = cut(0, VAN, 2.4)
    arrives = [empty()] * 20 + list(driving(768, 400))
    assert told(found(watched, shown(arrives, fps=10))) == []
    walks = [put((van, 400, 420), (man, 200 + 10 * step, 425)) for step in range(19)]
    assert told(found(watched, shown(walks, fps=10, start=4.0))) == []
    waits = [put((van, 400, 420), (man, 380, 425))] * 8 + [put((van, 400, 420))] * 8
    boards = found(watched, shown(waits, fps=2, start=6.0))
    assert told(boards) == [("board_vehicle", "raised")]
    assert boards[0].facts["persons"] == 1
    leaves = list(driving(400, -190))
    gone = found(watched, shown(leaves + [empty()] * 100, fps=10, start=14.0))
    assert told(gone) == [("board_vehicle", "cleared")]


def test_a_machine_that_drives_about_for_ten_seconds_is_at_work_until_it_has_rested_for_five_minutes() -> None:
    """Here the van plays the loader: what it is, the built-in rules cannot tell."""
    device = camera(position="P09", ignore=["vehicle_in", "vehicle_out"])
    watched = Analysis(seal(), [*presence_tasks(device, seal(), Builtin(Heights())), *equipment_tasks(device, seal())])
    van = cut(0, VAN, 2.4)
    places = [*range(420, 60, -40), *range(60, 420, 40)] * 4
    drives = [empty()] * 20 + [put((van, left, 420)) for left in places]
    assert told(found(watched, shown(drives, fps=2))) == [("machine_run", "raised")]
    rests = [put((van, places[-1], 420))] * 85
    [cleared] = found(watched, shown(rests, fps=0.25, start=46.0))
    assert told([cleared]) == [("machine_run", "cleared")]
    assert 346 <= (cleared.time - T0) / 1000 <= 365


def test_a_van_that_is_parked_is_no_vehicle_that_came() -> None:
    watched = analysis(camera(position="P02"))
    seen: list[Picture] = list(shown((empty() for _ in range(20)), fps=2))
    for picture in seen:
        assert watched.look(picture).view.boxes == ()


def test_people_are_looked_for_where_an_event_is_about_them_and_nowhere_else() -> None:
    def tasks(**settings: object) -> list[str]:
        return [each.name for each in presence_tasks(camera(**settings), seal(), Builtin(Heights()))]

    assert tasks(position="P06") == ["motion"]
    assert tasks(position="P05") == ["motion", "people"]
    assert tasks(position="P10") == ["motion", "people", "intrusion"]
    belt = {"name": "belt", "points": MIDDLE, "events": ["machine_run"]}
    assert tasks(position="P10", regions=[belt]) == ["motion", "people", "intrusion"]
    assert tasks(position="P10", ignore=["intrusion"]) == ["motion"]
    assert tasks(position="P09", ignore=["vehicle_in", "vehicle_out"]) == ["motion", "people"]
    assert tasks(position="P06", regions=[belt]) == ["motion", "people"]
    assert tasks(position="P06", regions=[belt], ignore=["machine_run"]) == ["motion"]
    assert tasks(position="P06", regions=[belt | {"events": ["intrusion"]}]) == ["motion", "people", "intrusion"]
