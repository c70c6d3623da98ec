"""The course worked out from a moment on is the rest of the whole course."""

from __future__ import annotations

from random import Random

from collector.alarms.colours import Step
from collector.colours.course import Loss, Tint, course
from profiles.colours import Colour

ESCALATE = {"BLUE": 4, "YELLOW": 3, "ORANGE": 2}


def test_from_any_moment_on_it_is_the_rest_of_the_whole() -> None:
    random = Random(7)
    steps = [
        Step("a", f"P{at % 12}", str(at), 0, at * 1000, at, random.choice(["BLUE", "YELLOW", "ORANGE", "RED", ""]),
             "site", "429021", "tailings", f"Q{at % 4}", f"P{at % 12}")
        for at in range(120)
    ]  # fmt: skip
    losses = [Loss("P3", 20_500, 60_000), Loss("P4", 70_500, None)]
    whole = course(steps, losses, ESCALATE)
    assert {each.colour for each in whole} == {None, "BLUE", "YELLOW", "ORANGE", "RED"}
    for since in range(0, 121_000, 500):
        rest = course(steps, losses, ESCALATE, since)
        assert [each for each in rest if each.time >= since] == [each for each in whole if each.time >= since]
        assert held(rest, since) == held(whole, since)


def held(tints: list[Tint], since: int) -> dict[str, tuple[Colour | None, str]]:
    """What holds just before a moment, of those that have a colour or a reason."""
    found = {each.quantity: (each.colour, each.why) for each in tints if each.time < since}
    return {name: its for name, its in found.items() if its != (None, "")}
