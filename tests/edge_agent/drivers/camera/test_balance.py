"""People underground by the cameras: in less out since 00:00, over all cameras, in doubt where one did not look."""

from __future__ import annotations

from typing import Any

from edge_agent.drivers.camera.balance import DAY, Balance
from edge_agent.drivers.camera.driver import CameraDriver
from edge_agent.drivers.camera.watched import Watched
from profiles.wire.quality import BAD_STALE, GOOD, UNCERTAIN_PARTIAL
from tests.edge_agent.drivers.camera.bench import Heard, device
from tests.edge_agent.drivers.camera.still import ALIVE
from tests.edge_agent.drivers.camera.test_judge import seal

ZONE = "+08:00"
MIDNIGHT = 1_800_000_000_000 - (1_800_000_000_000 + 8 * 3_600_000) % DAY
"""00:00 in Beijing."""
MINUTE = 60_000


def balance(*cameras: str, kept: dict[str, str] | None = None) -> Balance:
    made = Balance()
    for camera in cameras:
        made.join(camera, (kept or {}).get(camera, ""), ZONE)
    return made


def watched(this: Balance, since: int, until: int, *, online: tuple[str, ...], offline: tuple[str, ...] = ()) -> None:
    for camera in online:
        this.passed(camera, (until - since) / 1000, until, online=True)
    for camera in offline:
        this.passed(camera, (until - since) / 1000, until, online=False)


def test_all_cameras_are_added_up_and_who_came_out_is_taken_off() -> None:
    both = balance("main", "side")
    watched(both, MIDNIGHT, MIDNIGHT + MINUTE, online=("main", "side"))
    both.crossed("main", {"persons_in": 7, "vehicles_in": 3}, MIDNIGHT + MINUTE)
    both.crossed("side", {"persons_in": 1, "persons_out": 5}, MIDNIGHT + MINUTE)
    assert both.value(MIDNIGHT + MINUTE) == (3, GOOD)


def test_it_is_zero_at_midnight_of_the_profiles_zone_and_who_comes_out_then_is_one_less() -> None:
    one = balance("main")
    watched(one, MIDNIGHT - DAY, MIDNIGHT - 1, online=("main",))
    one.crossed("main", {"persons_in": 4}, MIDNIGHT - 1)
    assert one.value(MIDNIGHT - 1) == (4, GOOD)
    assert one.value(MIDNIGHT) == (0, GOOD)
    one.crossed("main", {"persons_out": 1}, MIDNIGHT + 1)
    assert one.value(MIDNIGHT + 1) == (-1, GOOD)


def test_a_restart_keeps_the_days_count_and_forgets_yesterdays() -> None:
    before = balance("main")
    watched(before, MIDNIGHT, MIDNIGHT + MINUTE, online=("main",))
    before.crossed("main", {"persons_in": 4}, MIDNIGHT + MINUTE)
    kept = {"main": before.text("main")}
    for now, count in ((MIDNIGHT + 2 * MINUTE, 4), (MIDNIGHT + DAY + MINUTE, 0)):
        after = balance("main", kept=kept)
        after.passed("main", 1.0, now, online=True)
        assert after.value(now)[0] == count


def test_where_a_camera_sees_nothing_the_sum_is_in_doubt_and_without_any_there_is_none() -> None:
    both = balance("main", "side")
    watched(both, MIDNIGHT, MIDNIGHT + MINUTE, online=("main", "side"))
    both.passed("side", 1.0, MIDNIGHT + MINUTE, online=False)
    assert both.value(MIDNIGHT + MINUTE) == (0, UNCERTAIN_PARTIAL)
    both.passed("main", 1.0, MIDNIGHT + MINUTE, online=False)
    assert both.value(MIDNIGHT + MINUTE) == (None, BAD_STALE)


def test_a_part_of_the_day_that_nobody_looked_at_leaves_the_sum_in_doubt_when_all_are_back() -> None:
    one = balance("main")
    noon = MIDNIGHT + DAY // 2
    watched(one, MIDNIGHT, noon, online=("main",))
    later = noon + 2 * 3_600_000
    one.passed("main", 1.0, later, online=True)
    assert one.value(later) == (0, UNCERTAIN_PARTIAL), "two of fourteen hours"
    watched(one, later, later + 6 * 3_600_000, online=("main",))
    assert one.value(later + 6 * 3_600_000) == (0, GOOD), "two of twenty"


def test_a_clock_that_was_ahead_over_midnight_leaves_the_day_as_it_was_and_in_doubt() -> None:
    one = balance("main")
    evening = MIDNIGHT + 18 * 3_600_000
    watched(one, MIDNIGHT, evening, online=("main",))
    one.crossed("main", {"persons_in": 80}, evening)
    one.crossed("main", {"persons_out": 5}, evening + 8 * 3_600_000)
    assert one.value(evening + 8 * 3_600_000)[0] == -5, "by a clock in the wrong zone it is tomorrow"
    one.crossed("main", {"persons_out": 5}, evening + MINUTE)
    assert one.value(evening + MINUTE) == (70, UNCERTAIN_PARTIAL)
    again = balance("main", kept={"main": one.text("main")})
    again.passed("main", 1.0, evening + 2 * MINUTE, online=True)
    assert again.value(evening + 2 * MINUTE) == (70, UNCERTAIN_PARTIAL)
    watched(one, MIDNIGHT + DAY, MIDNIGHT + DAY + 5 * MINUTE, online=("main",))
    assert one.value(MIDNIGHT + DAY + 5 * MINUTE) == (0, GOOD), "midnight is a new day all the same"


def test_what_a_clock_of_another_month_counted_is_of_the_day_that_it_is_and_in_doubt_until_its_end() -> None:
    one, today = balance("main"), MIDNIGHT - 30 * DAY
    one.crossed("main", {"persons_in": 2}, MIDNIGHT + 1)
    one.passed("main", 1.0, today + MINUTE, online=True)
    assert one.value(today + MINUTE) == (2, UNCERTAIN_PARTIAL)
    one.passed("main", 1.0, today + DAY + 1000, online=True)
    assert one.value(today + DAY + 1000) == (0, GOOD)


def test_a_camera_that_counts_nobody_is_none_of_it() -> None:
    one = balance("main")
    one.passed("belt", 1.0, MIDNIGHT, online=True)
    one.crossed("belt", {"persons_in": 1}, MIDNIGHT)
    assert one.text("belt") == ""
    assert one.value(MIDNIGHT) == (None, BAD_STALE)


def test_what_was_remembered_and_cannot_be_read_is_told_and_left_out() -> None:
    one = balance("main", kept={"main": "{"})
    one.passed("main", 1.0, MIDNIGHT, online=True)
    assert one.value(MIDNIGHT) == (0, GOOD)


def below() -> dict[str, Any]:
    return {"tags": [{"name": "BELOW", "measure": "persons_below"}]}


def test_an_agent_tells_it_at_each_change_and_over_a_restart() -> None:
    heard, shared = Heard(), Balance()
    gate = Watched(device("rtsp://x/1", **below()), seal(), heard, ZONE, shared)
    side = Watched(device("rtsp://x/2", "side"), seal(), heard, ZONE, shared)
    for each in (gate, side):
        each.tick(ALIVE)
    gate.tick(ALIVE)
    side.counted({"persons_in": 3})
    for _second in range(3):
        gate.tick(ALIVE)
    values = [reading.value for reading in heard.got if reading.tag == "BELOW"]
    assert values[-1] == 3
    assert values.count(3) == 1, "unchanged it is told every five minutes only"
    again = Heard(heard.memory)
    shared = Balance()
    gate, side = (
        Watched(device("rtsp://x/1", **below()), seal(), again, ZONE, shared),
        Watched(device("rtsp://x/2", "side"), seal(), again, ZONE, shared),
    )
    for each in (side, gate):
        each.tick(ALIVE)
    assert [reading.value for reading in again.got if reading.tag == "BELOW"] == [3]


def test_two_tags_of_the_one_sum_and_a_sum_without_a_camera_that_counts_are_mistakes() -> None:
    one = device("rtsp://x/1", **below())
    two = device("rtsp://x/2", "sides", tags=[{"name": "B2", "measure": "persons_below"}])
    told = [message for _path, message in CameraDriver.check([one, two])]
    assert told == ["BELOW is that sum already, of all cameras"]
    alone = device("rtsp://x/1", lines=[], **below())
    assert any("no camera has a line" in message for _path, message in CameraDriver.check([alone]))


def test_whether_a_camera_is_on_line_is_told_sooner_where_its_tag_may_not_be_silent_for_so_long() -> None:
    told = {}
    for silence in ("1h", "0s"):
        tags = [{"name": "ON", "measure": "online", "max_silence": silence}]
        heard = Heard()
        camera = Watched(device("rtsp://x/1", tags=tags), seal(), heard, ZONE, Balance())
        for _second in range(3):
            camera.tick(ALIVE)
        told[silence] = [reading.value for reading in heard.got if reading.tag == "ON"]
    assert told == {"1h": [True], "0s": [True, True, True]}
