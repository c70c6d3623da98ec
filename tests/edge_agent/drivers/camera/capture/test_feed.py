"""One camera's pictures from a real RTSP server of another maker: what is noticed, how soon; and nothing is left."""

from __future__ import annotations

import gc
import io
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import psutil
import pytest

from edge_agent.drivers.camera.capture import feed as feed_module
from edge_agent.drivers.camera.capture.choose import source
from edge_agent.drivers.camera.capture.feed import Feed
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.capture.source import Source
from edge_agent.drivers.camera.capture.stream import FilmSource
from edge_agent.drivers.camera.picture import Picture
from edge_agent.drivers.camera.settings import CameraDevice
from tests.edge_agent.drivers.camera.bench import camera, device, encoded, films
from tests.edge_agent.drivers.camera.films import film
from tests.edge_agent.drivers.camera.wire import clock_set, damage, wire
from tests.servers import free_port, wait_for

__all__ = ["films"]


@contextmanager
def watched(of: CameraDevice, *, period: float = 0.1) -> Iterator[Feed]:
    """A feed whose thread ends with the block."""
    feed = Feed(of.name, lambda: source(of), Ring(30, 2**24))
    feed.period = period
    thread = threading.Thread(target=feed.run, daemon=True)
    thread.start()
    try:
        yield feed
    finally:
        feed.stop()
        thread.join(10)
        assert not thread.is_alive()


def pictures(feed: Feed, count: int, *, period: float = 0.1, seconds: float = 30) -> list[Picture]:
    """The next `count` pictures, `period` seconds apart."""
    found: list[Picture] = []
    last = float("-inf")
    deadline = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} pictures came: {feed.reason}"
        picture = feed.take(lambda at, last=last: at - last >= 0.8 * period, 0.5)  # type: ignore[misc]
        if picture is not None:
            found.append(picture)
            last = picture.at
    return found


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cameras that are lost are asked again at once."""
    monkeypatch.setattr(feed_module, "BACKOFF", (0.05, 0.2))


@pytest.mark.parametrize(("codec", "form", "name"), [("libx264", "h264", "h264"), ("libx265", "h265", "hevc")])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_in_their_own_time_over_tcp_and_udp(
    films: Path, codec: str, form: str, name: str, transport: str
) -> None:
    capture = {"transport": transport, "timeout": "2s"}
    with camera(encoded(films, codec=codec), form) as there, watched(device(there.url, capture=capture)) as feed:
        found = pictures(feed, 25)
    assert feed.codec == name
    assert {each.size for each in found} == {(320, 240)}
    steps = [after.at - before.at for before, after in itertools.pairwise(found[5:])]
    assert all(0.05 < step < 0.35 for step in steps), steps
    assert abs(found[-1].time - time.time_ns() / 1e6) < 3000


@pytest.mark.usefixtures("quick_pauses")
def test_a_camera_that_falls_silent_in_mid_stream_is_lost_within_its_time_out_and_comes_back(films: Path) -> None:
    with camera(encoded(films)) as there, watched(device(there.url)) as feed:
        before = pictures(feed, 5)
        there.pause()
        stopped = time.monotonic()
        wait_for(lambda: not feed.connected, what="the loss")
        assert 0.5 < time.monotonic() - stopped < 4, "twice the time-out is the bound"
        assert "sends nothing" in feed.reason
        there.go_on()
        assert pictures(feed, 5)[0].at > before[-1].at


@pytest.mark.usefixtures("quick_pauses")
def test_a_camera_that_restarts_with_another_size_is_seen_at_that_size(films: Path) -> None:
    with camera(encoded(films)) as there, watched(device(there.url)) as feed:
        assert pictures(feed, 3)[0].size == (320, 240)
        there.stop()
        wait_for(lambda: not feed.connected, seconds=3, what="the loss")
        there.start(encoded(films, size="176:144"))
        assert pictures(feed, 3)[-1].size == (176, 144)
    assert feed.reconnects >= 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("rtsp://127.0.0.1:{closed}/cam", "refused"),
        ("rtsp://127.0.0.1:{port}/other", "404"),
        ("rtsp://127.0.0.1:{port}/cam", "401"),
        ("rtsp://no-such-host.invalid/cam", "not known"),
    ],
)
def test_why_there_are_no_pictures_is_said_in_words_without_the_password(
    films: Path, address: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with camera(encoded(films), login="viewer:right") as there:
        url = address.format(port=there.port, closed=free_port())
        login = {"user": "viewer", "password": "right" if "other" in address else "wr/ng@secret"}
        with watched(device(url, **login)) as feed:
            wait_for(lambda: feed.failures, what="a failure")
        assert words in feed.reason
    for secret in ("wr/ng@secret", "wr%2Fng%40secret", "right@"):
        assert secret not in feed.reason + caplog.text


def test_a_password_with_signs_of_its_own_opens_the_camera(films: Path) -> None:
    with (
        camera(encoded(films), login="viewer:p@ss:w/r%d") as there,
        watched(device(there.url, user="viewer", password="p@ss:w/r%d")) as feed,
    ):
        assert pictures(feed, 1)


def test_who_looks_slowly_sees_the_newest_picture_and_what_it_missed_is_counted(films: Path) -> None:
    with camera(encoded(films)) as there, watched(device(there.url)) as feed:
        pictures(feed, 2)
        for _ in range(4):
            seen = pictures(feed, 1)[0]
            lag = time.monotonic() - seen.at
            assert lag < 0.3, f"the picture is {lag:.1f} s old"
            time.sleep(0.5)  # the work of a slow analysis
        assert feed.skipped >= 10


def test_key_frames_alone_are_decoded_where_they_come_as_often_as_pictures_are_wanted(films: Path) -> None:
    with camera(encoded(films)) as there, watched(device(there.url), period=1.0) as feed:
        pictures(feed, 3, period=1.0)
        assert feed.keys_suffice
        found = pictures(feed, 3, period=1.0)
    assert all(each.key for each in found)


@pytest.mark.usefixtures("quick_pauses")
def test_stamps_that_stand_still_are_told_and_the_pictures_count_from_when_they_come(
    films: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with camera(encoded(films, raw=True), "standing") as there, watched(device(there.url)) as feed:
        wait_for(lambda: "stand still" in caplog.text, what="the warning")
        found = pictures(feed, 5)
    assert found[-1].at > found[0].at


def test_a_camera_is_asked_for_pictures_and_nothing_else(films: Path) -> None:
    asked: set[str] = set()
    with (
        camera(encoded(films)) as there,
        wire(there.port, lambda _packet, _number: None, asked) as port,
        watched(device(f"rtsp://127.0.0.1:{port}/cam")) as feed,
    ):
        pictures(feed, 5)
    assert {"DESCRIBE", "SETUP", "PLAY"} <= asked <= {
        "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN",
    }  # fmt: skip


def test_damaged_packets_cost_pictures_and_never_the_camera(films: Path) -> None:
    with (
        camera(encoded(films)) as there,
        wire(there.port, damage) as port,
        watched(device(f"rtsp://127.0.0.1:{port}/cam")) as feed,
    ):
        found = pictures(feed, 60)
    assert feed.reconnects == 0
    assert feed.damaged, "it was noticed"
    assert all(after.at > before.at for before, after in itertools.pairwise(found))


@pytest.mark.parametrize("hours", [24, -24])
def test_a_camera_whose_clock_is_set_by_a_day_goes_on_in_our_own_time(films: Path, hours: int) -> None:
    with (
        camera(encoded(films)) as there,
        wire(there.port, clock_set(60, hours * 3600)) as port,
        watched(device(f"rtsp://127.0.0.1:{port}/cam")) as feed,
    ):
        found = pictures(feed, 50)
    assert feed.reconnects == 0
    steps = [after.at - before.at for before, after in itertools.pairwise(found)]
    assert all(0 < step < 1.5 for step in steps), steps
    assert all(abs(each.time - time.time_ns() / 1e6) < 60_000 for each in found)


def test_a_computer_whose_clock_is_set_by_a_day_does_not_disturb_the_pictures_order(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    with camera(encoded(films)) as there, watched(device(there.url)) as feed:
        before = pictures(feed, 5)[-1]
        monkeypatch.setattr(feed_module.time, "time_ns", lambda: real() + 86_400 * 10**9)
        after = pictures(feed, 5)[-1]
    assert 0 < after.at - before.at < 5
    assert after.time - before.time > 86_000_000, "people see the clock of the computer"


def test_a_clip_holds_the_seconds_asked_for_as_the_camera_sent_them(films: Path) -> None:
    with camera(encoded(films)) as there, watched(device(there.url)) as feed:
        found = pictures(feed, 45)
        assert feed.ring is not None
        clip = feed.ring.clip(found[-1].at - 2.5, found[-1].at)
    with av.open(io.BytesIO(clip), "r") as film:
        shown = list(film.decode(video=0))
    assert shown[0].key_frame
    assert 2.4 <= (shown[-1].time or 0) <= 3.6, "from the key frame before, one a second"
    assert len(shown) >= 24


def _of_this_process() -> tuple[int, int, int]:
    gc.collect()
    this = psutil.Process()
    return this.memory_info().rss, threading.active_count(), this.num_fds()


def _reconnects(films: Path, count: int) -> tuple[int, int, int]:
    """How much memory, threads and files grow over so many losses of a camera, after the first few."""
    with camera(encoded(films)) as there, watched(device(there.url, capture={"timeout": "1s"})) as feed:
        before = (0, 0, 0)
        for number in range(count):
            pictures(feed, 1)
            there.stop()
            wait_for(lambda: not feed.connected, what="the loss")
            there.start()
            if number == min(5, count // 4):
                before = _of_this_process()
        pictures(feed, 1)
        after = _of_this_process()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


@pytest.mark.usefixtures("quick_pauses")
def test_twenty_reconnects_leave_nothing_behind(films: Path) -> None:
    memory, threads, files = _reconnects(films, 20)
    assert threads <= 0
    assert files <= 2
    assert memory < 24 * 2**20


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("quick_pauses")
def test_five_hundred_reconnects_leave_nothing_behind(films: Path) -> None:
    memory, threads, files = _reconnects(films, 500)
    assert threads <= 0
    assert files <= 2
    assert memory < 32 * 2**20


@pytest.mark.usefixtures("quick_pauses")
@pytest.mark.parametrize("name", ["vtest.avi", "tree.avi"])
def test_films_of_older_codecs_whose_size_stands_in_the_file_alone_are_seen(name: str) -> None:
    with watched(device(f"file:{film(name)}")) as feed:
        wait_for(lambda: feed.take(lambda _at: True, 0.1), what=f"pictures of {name}")


def test_a_defect_in_reading_is_that_cameras_loss_and_it_is_asked_again(films: Path) -> None:
    good = device(f"file:{encoded(films, seconds=2)}")
    tries = 0

    class Broken(FilmSource):
        def open(self) -> None:
            raise ZeroDivisionError("a defect")

    def sometimes() -> Source:
        nonlocal tries
        tries += 1
        return Broken("") if tries < 3 else source(good)

    feed = Feed("gate", sometimes)
    feed.period = 0.1
    thread = threading.Thread(target=feed.run, daemon=True)
    thread.start()
    wait_for(lambda: "ZeroDivisionError" in feed.reason, what="the defect")
    assert pictures(feed, 2)
    feed.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_film_is_paced_as_a_camera_would_send_it_and_begins_again(films: Path) -> None:
    short = encoded(films, seconds=2)
    begun = time.monotonic()
    with watched(device(f"file:{short}")) as feed:
        pictures(feed, 30)
    assert 2.5 < time.monotonic() - begun < 6
    assert feed.reconnects == 0
