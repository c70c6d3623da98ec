"""Who falls asleep on duty, and who leaves his post: a man of a real film, found by the built-in detector."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.equipment import equipment_tasks
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence import presence_tasks
from edge_agent.drivers.camera.presence.builtin import Builtin
from edge_agent.drivers.camera.presence.heights import Heights
from tests.edge_agent.drivers.camera.films import T0
from tests.edge_agent.drivers.camera.presence.scenes import MAN, camera, cut, empty, found, put, seal, shown

COMES, STANDS, FRO, LEAVES, NOBODY = (160, 352), (352, 352), (352, 272), (352, 160), None
"""Where he walks, from and to (left edge, pixels)."""
Walk = tuple[float, tuple[int, int] | None]
"""Seconds, and where he walks meanwhile."""


def post(seconds: float, walk: tuple[int, int] | None, fps: float) -> Iterator[Image]:
    """The post for so long."""
    count, man = round(seconds * fps), cut(424, MAN)
    for number in range(count):
        yield empty() if walk is None else put((man, round(walk[0] + (walk[1] - walk[0]) * number / count), 340))


def told(ignore: str, *walks: Walk) -> list[tuple[str, str, float]]:
    """The events of the post: code, state, and seconds since the first picture; looked at more often while he walks."""
    device = camera(position="P05", ignore=[ignore])
    tasks = [*presence_tasks(device, seal(), Builtin(Heights(device.heights))), *equipment_tasks(device, seal())]
    watched, came, start = Analysis(seal(), tasks), [], 0.0
    for seconds, walk in walks:
        fps = 10 if walk is not None and walk[0] != walk[1] else 2
        came += found(watched, shown(post(seconds, walk, fps), fps=fps, start=start))
        start += seconds
    return [(each.code, each.state, (each.time - T0) / 1000) for each in came if each.code.startswith("post_")]


def test_who_sleeps_at_his_post_is_told_after_two_minutes_until_he_moves_again() -> None:
    moves = [(3.0, FRO), (3.0, FRO[::-1])] * 3
    events = told("post_empty", (3, NOBODY), (3, COMES), (150, STANDS), *moves, (10, STANDS))
    assert [each[:2] for each in events] == [("post_sleep", "raised"), ("post_sleep", "cleared")]
    assert 126 <= events[0][2] <= 140
    assert 156 + 10 <= events[1][2] <= 156 + 16


def test_a_post_that_somebody_left_is_told_after_three_minutes_until_somebody_is_back() -> None:
    events = told(
        "post_sleep", (3, NOBODY), (3, COMES), (10, STANDS), (4, LEAVES), (225, NOBODY), (3, COMES), (20, STANDS)
    )
    assert [each[:2] for each in events] == [("post_empty", "raised"), ("post_empty", "cleared")]
    assert 200 <= events[0][2] <= 236
    assert 245 + 10 <= events[1][2] <= 245 + 16
