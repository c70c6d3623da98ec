"""The view shows alarms and what to try next on every usual terminal; values fill what is left."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from collector.demo.mine import Seal, Sight
from collector.demo.view import Look, View

TAGS = {f"P{number:02}": f"T{number:02}.LEVEL" for number in range(34)}
HINTS = ["cd /tmp/edge-demo-[x]12345678", "edge-collector query collector.yaml", "kill -9 12345"]


def look(alarms: int) -> Look:
    now = time.time() * 1000
    alarm = {
        "state": "raised",
        "since": now,
        "level": "H",
        "source": "T01.LEVEL",
        "value": 9.500000762939453,
        "text": "",
    }
    latest = [{"point": point, "value": 1.5, "quality": "good", "quantity": "YW", "time": now} for point in TAGS]
    return Look(stored=1234, backlog=3, latency=(536.0, 2702.0), latest=latest, alarms=[alarm] * alarms)


def lines(view: Look, width: int, height: int, *, terminal: bool = True) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=terminal, color_system=None)
    labels = dict.fromkeys(TAGS.values(), "T101储罐液位")
    made = View(TAGS, labels, dict.fromkeys(TAGS.values(), "m"), lambda: HINTS)
    console.print(made.render(view, console))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("alarms", [0, 1, 20])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_alarms_and_hints_are_whole_on_every_usual_terminal(width: int, height: int, alarms: int) -> None:
    shown = lines(look(alarms), width, height)
    text = "\n".join(shown)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width
    assert all(hint in text for hint in [*HINTS, "Ctrl-C ends everything"])
    assert "none yet" in text if alarms == 0 else "raised" in text
    values = sum(tag in text for tag in TAGS.values() if tag != "T01.LEVEL")
    assert values >= 3


def mine(sights: int = 1) -> Seal:
    now = round(time.time() * 1000)
    picture = Path("/tmp/edge-demo-12345678/pictures/mouth-173333217-person_in-m.jpg")
    seen = (Sight(now - number, "mouth", True, "person in", 2, picture if number else None) for number in range(sights))
    return Seal("broken", {"P01": "broken", "P04": "sealed", "P06": "sealed"}, tuple(seen), (5, 4))


@pytest.mark.parametrize("sights", [0, 1, 20])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_the_seal_and_its_newest_event_are_whole_on_every_usual_terminal(width: int, height: int, sights: int) -> None:
    seen = look(20)
    seen.seal = mine(sights)
    shown = lines(seen, width, height)
    text = "\n".join(shown)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width
    assert all(hint in text for hint in [*HINTS, "Ctrl-C ends everything"])
    assert "sealed mine: broken  P01 broken  P04 sealed  P06 sealed" in text
    assert f"people in {2 * sights}, out 0   pictures and films here: 4 of 5" in text
    assert ("person in (2)  its picture is on its way" if sights else "nothing yet") in text
    assert sum(tag in text for tag in TAGS.values() if tag != "T01.LEVEL") >= 3


def test_a_picture_is_named_as_it_lies_in_the_folder_and_can_be_clicked() -> None:
    seen = look(0)
    seen.seal = mine(2)
    file = io.StringIO()
    console = Console(file=file, width=100, height=60, force_terminal=True, color_system="standard")
    console.print(View(TAGS, {}, {}, lambda: HINTS).render(seen, console))
    assert "pictures/mouth-173333217-person_in-m.jpg" in file.getvalue()
    assert "file:///tmp/edge-demo-12345678/pictures/mouth-173333217-person_in-m.jpg" in file.getvalue()


def test_the_values_that_do_not_fit_are_counted() -> None:
    shown = lines(look(0), 80, 24)
    assert len(shown) == 24
    named = sum(any(tag in line for line in shown) for tag in TAGS.values())
    assert f"… and {34 - named} more" in "\n".join(shown)


def test_every_value_is_shown_where_there_is_room_and_in_a_pipe() -> None:
    for shown in (lines(look(0), 80, 60), lines(look(0), 80, 24, terminal=False)):
        text = "\n".join(shown)
        assert all(tag in text for tag in TAGS.values())
        assert "more" not in text


def test_a_terminal_too_low_for_values_still_shows_what_to_try() -> None:
    text = "\n".join(lines(look(0), 80, 14))
    assert "… and 34 more" in text
    assert all(hint in text for hint in HINTS)


def test_an_alarm_that_stands_is_shown_before_those_that_are_cleared() -> None:
    seen = look(20)
    seen.alarms = [alarm | {"state": "cleared"} for alarm in seen.alarms[1:]] + seen.alarms[:1]
    text = "\n".join(lines(seen, 80, 24))
    assert "raised" in text
    assert "at 9.5 m" in text
