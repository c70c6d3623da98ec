"""Whether what a camera shows happens now: frozen, replayed, and the clock in its picture."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.findings import Finding
from edge_agent.drivers.camera.integrity.replay import DAY, WINDOW, Traces
from edge_agent.drivers.camera.picture import Image, Picture
from tests.edge_agent.drivers.camera import tamper
from tests.edge_agent.drivers.camera.films import T0, film, pictures
from tests.edge_agent.drivers.camera.integrity.watch import analysis, camera, hasty, images, learnt, watch

VTEST = "vtest.avi"


@functools.cache
def small(every: int = 1) -> tuple[Image, ...]:
    """The film at 320×240: nothing here looks at detail."""
    return tuple(tamper.resize(320, 240)(picture.image, 0) for picture in pictures(VTEST, every=every))


def live(**settings: Any) -> Analysis:
    """The checks that are meant, after a camera's first half minute."""
    seen = analysis(only=("reference", "q_replay", "q_clock", "q_frozen"), **settings)
    seen.recall(learnt(VTEST))
    return seen


def played(seen: list[Image], start: float = 0.0) -> Iterator[Picture]:
    for number, image in enumerate(seen):
        at = start + number
        yield Picture(image.copy(), time=T0 + round(at * 1000), at=at)


def told(found: list[Finding], *codes: str) -> list[tuple[str, str, int]]:
    return [(each.code, each.state, round((each.time - T0) / 1000)) for each in found if each.code in codes]


def encoded(seen: list[Image], crf: int) -> list[Image]:
    """Ten pictures a second through H.264, with a key frame every five seconds, of which one a second is looked at."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream(
            "libx264", rate=10, options={"crf": str(crf), "preset": "veryfast", "g": "50", "bf": "0"}
        )
        stream.height, stream.width = seen[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in seen:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        return [np.asarray(each.to_ndarray(format="bgr24"), dtype=np.uint8) for each in back.decode(video=0)][::10]


HEALTHY = {"q_frozen/day.json": b'{"longest":2.0,"watched":90000.0,"times":80000}'}
"""What a camera keeps that was watched for a day and never went two seconds without a new picture."""


@pytest.mark.parametrize("crf", [23, 35])
def test_a_frozen_picture_is_told_through_an_encoder_and_is_over_within_seconds_of_the_first_new_one(crf: int) -> None:
    living, seen = list(small()), live()
    seen.recall(learnt(VTEST) | HEALTHY)
    shown = encoded([*living[:100], *[living[100]] * 900, *living[101:301]], crf)
    found = told(watch(seen, played(shown)), "q_frozen", "q_replay")
    assert [each[:2] for each in found] == [("q_frozen", "raised"), ("q_frozen", "cleared")]
    assert 80 <= found[0][2] <= 90
    assert 105 <= found[1][2] <= 106


def test_a_computer_whose_clock_is_set_makes_no_picture_frozen_and_delays_none_that_is() -> None:
    """A day ahead while the picture lives, and a day back while it stands: what counts is how long it stands."""
    living, seen = list(small(10)), live()
    seen.recall(learnt(VTEST) | HEALTHY)
    shown = list(played([*living[:60], *[living[60]] * 90, *living[61:79]]))
    day = 86_400_000
    moved = [Picture(each.image, time=each.time + day * (10 <= n < 100), at=each.at) for n, each in enumerate(shown)]
    number = {each.time: n for n, each in enumerate(moved)}
    found = [(each.code, each.state, number[each.time]) for each in watch(seen, moved)]
    assert [each for each in found if each[0] == "q_frozen"] == [
        ("q_frozen", "raised", 131), ("q_frozen", "cleared", 155)
    ]  # fmt: skip


def test_a_quiet_scene_at_a_low_bit_rate_is_never_called_frozen_before_its_own_past_is_known() -> None:
    quiet = [tamper.resize(320, 240)(each.image, 0) for each in tamper.still(film("home.jpg"), 40, fps=10, sigma=1.0)]
    shown = encoded(quiet, 35)
    same = sum(np.array_equal(one, other) for one, other in itertools.pairwise(shown))
    assert same >= 10, "the film has nothing that looks frozen"
    seen = analysis(only=("reference", "q_replay", "q_frozen"), by=hasty())
    assert told(watch(seen, played(shown)), "q_frozen", "q_replay") == []


def test_a_still_put_before_a_running_clock_is_called_that_until_the_view_lives_again() -> None:
    seen = live(clock=tamper.CLOCK)
    seen.recall(learnt(VTEST) | HEALTHY)
    still = tamper.altered(camera(images(VTEST), 180), tamper.freeze(), since=70, until=160)
    found = watch(seen, tamper.altered(still, tamper.clock()))
    assert told(found, "q_frozen", "q_clock", "q_replay") == [("q_frozen", "raised", 141), ("q_frozen", "cleared", 165)]
    assert found[0].facts["cause"] == "still behind a running clock"


def constantly(seen: list[Image], bits: int) -> list[Image]:
    """One picture a second at a constant bit rate: so many bits each, also where nothing changes."""
    buffer, rate = io.BytesIO(), str(bits)
    bound = {"nal-hrd": "cbr", "maxrate": rate, "minrate": rate, "bufsize": rate}
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=1, options={"preset": "ultrafast", "g": "5", "bf": "0"} | bound)
        stream.codec_context.thread_count = 1  # with more, how fast each is decides what is coded how
        stream.bit_rate, stream.pix_fmt = bits, "yuv420p"
        stream.height, stream.width = seen[0].shape[:2]
        for image in seen:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        return [np.asarray(each.to_ndarray(format="bgr24"), dtype=np.uint8) for each in back.decode(video=0)]


def test_a_frozen_picture_at_a_constant_bit_rate_is_told_by_its_clock_where_that_is_coded_sharply() -> None:
    """Its pictures never repeat, so that it cannot be called frozen (docs/cameras-accuracy.md, *Constant bit rate*)."""
    clocked = tamper.altered(camera(images(VTEST), 130), tamper.clock())
    shown = constantly([each.image for each in tamper.altered(clocked, tamper.freeze(), since=75)], 400_000)
    assert not any(np.array_equal(one, other) for one, other in itertools.pairwise(shown[76:]))
    seen = live(clock=tamper.CLOCK)
    seen.recall(learnt(VTEST) | HEALTHY)
    first, *more = told(watch(seen, played(shown)), "q_clock", "q_frozen", "q_replay")
    assert first == ("q_clock", "raised", 111)
    assert {(code, state) for code, state, _at in more} <= {("q_replay", "raised")}  # rightly: it comes again and again


def test_a_clock_that_stands_is_told_while_the_picture_moves_and_cleared_when_it_runs() -> None:
    seen = live(clock=tamper.CLOCK)
    stands = lambda image, number: tamper.clock(running=not 80 <= number < 140)(image, number)  # noqa: E731
    found = told(watch(seen, tamper.altered(camera(images(VTEST), 155), stands)), "q_clock", "q_frozen")
    assert found == [("q_clock", "raised", 116), ("q_clock", "cleared", 145)]


def test_a_clock_that_shows_minutes_alone_is_not_taken_for_a_standing_one() -> None:
    seen = live(clock=tamper.CLOCK)
    slow = lambda image, number: tamper.clock(per=40)(image, number)  # noqa: E731
    assert told(watch(seen, tamper.altered(camera(images(VTEST), 420), slow)), "q_clock") == []


def test_a_recording_passed_on_untouched_is_told_by_the_pictures_that_come_back() -> None:
    living = list(small(2))
    shown = [*living[:100], *living[100:130] * 5, *living[130:330]]
    found = watch(live(), played(shown))
    assert told(found, "q_replay", "q_frozen") == [("q_replay", "raised", 144), ("q_replay", "cleared", 365)]
    assert found[0].facts["loop_s"] == 30.0


def test_a_recording_that_was_encoded_anew_is_told_by_what_moves_in_it() -> None:
    living = list(small())
    again = [tamper.both(tamper.noise(2), tamper.compression(60))(image, n) for n, image in enumerate(living[:360] * 2)]
    found = watch(live(), played(again))
    assert told(found, "q_replay")[0][:2] == ("q_replay", "raised")
    assert next(each.facts["loop_s"] for each in found if each.code == "q_replay") == 360.0


def test_people_who_pass_for_a_quarter_of_an_hour_and_a_blinking_lamp_are_no_recording() -> None:
    assert told(watch(live(), played(list(small()))), "q_replay") == []
    lamp = list(tamper.still(film("home.jpg"), 420))
    for number, picture in enumerate(lamp):
        if number % 40 < 20:
            lit = picture.image.copy()
            lit[100:250, 100:300] = np.minimum(lit[100:250, 100:300].astype(int) + 60, 255)
            lamp[number] = Picture(lit, time=picture.time, at=picture.at)
    assert told(watch(live(), lamp), "q_replay") == []


def test_a_day_is_kept_and_no_more() -> None:
    traces = Traces()
    rng = np.random.default_rng(1)
    for _ in range(WINDOW + 5):
        traces.keep(int(rng.integers(1 << 32)), int(rng.integers(1 << 63)))
    held = sum(value.nbytes for value in vars(traces).values() if isinstance(value, np.ndarray))
    assert held == DAY * 16
    assert len(traces.likeness()) == 5
    assert traces.likeness()[0] == 1.0
    assert traces.likeness()[1:].max() < 0.6
