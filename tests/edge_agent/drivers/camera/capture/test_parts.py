"""The parts of the capture by themselves: moments, the ring, the decoder, recordings."""

from __future__ import annotations

import io
import itertools
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.drivers.camera.capture import recording, source
from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.capture.snapshot import packet_of
from edge_agent.drivers.camera.capture.source import LostError, Packet
from edge_agent.drivers.camera.capture.stamps import Stamps
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.camera.picture import Image
from tests.edge_agent.drivers.camera.bench import encoded, films
from tests.servers import find_server

__all__ = ["films"]


def moments(pairs: Iterator[tuple[float | None, float]]) -> list[float]:
    stamps = Stamps()
    return [round(stamps.at(stamp, arrived), 3) for stamp, arrived in pairs]


def test_a_picture_that_states_more_pixels_than_any_camera_gives_is_never_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1])
    decoder = Decoder()
    packet = packet_of(jpeg, None)
    assert packet is not None
    found = decoder.newest([packet])
    assert found is not None
    assert found[0].shape == (64, 64, 3)
    monkeypatch.setattr(source, "MOST_PIXELS", 64 * 63)
    bomb, refusing = packet_of(jpeg, None), Decoder()
    assert bomb is None or (refusing.newest([bomb]), refusing.damaged) == (None, 1)


def steady(count: int) -> Iterator[tuple[float, float]]:
    """(stamp, arrival) of a camera of ten pictures a second."""
    return ((7000 + number / 10, 50 + number / 10) for number in range(count))


def test_a_stall_of_the_network_moves_no_picture() -> None:
    def stalled() -> Iterator[tuple[float, float]]:
        for stamp, arrived in steady(100):
            yield stamp, max(arrived, 57.0) if arrived > 54 else arrived  # three seconds of pictures come at once

    assert moments(stalled()) == [arrived for _stamp, arrived in steady(100)] == [50 + n / 10 for n in range(100)]


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 3600.0])
def test_a_clock_that_is_set_moves_no_picture(jump: float) -> None:
    set_ = ((stamp + (jump if arrived >= 55 else 0), arrived) for stamp, arrived in steady(100))
    assert moments(set_) == [50 + n / 10 for n in range(100)]


def test_clocks_that_drift_apart_are_followed() -> None:
    drifting = ((stamp * 1.001, arrived) for stamp, arrived in steady(36_000))
    assert abs(moments(drifting)[-1] - (50 + 3599.9)) < 0.1


def test_stamps_that_stand_still_or_are_missing_give_the_time_of_arrival() -> None:
    stamps = Stamps()
    for number in range(40):
        assert stamps.at(0.0 if number % 2 else None, 50 + number / 10) == pytest.approx(50 + number / 10)
    for number in range(40, 80):
        stamps.at(0.0, 50 + number / 10)
    assert stamps.standing >= 40
    stamps.at(0.1, 59.0)
    assert stamps.standing == 0


def test_moments_rise_over_connections() -> None:
    first = Stamps()
    last = first.at(10.0, 50.0)
    assert Stamps(first.last).at(3.0, 49.0) > last


def packets(path: Path) -> list[Packet]:
    """All of a film; its source is closed, and they live on."""
    of = StreamSource(str(path), timeout=5)
    found: list[Packet] = []
    of.open()
    with suppress(LostError):  # the end
        for packet in of.packets():
            found.append(packet)  # those before the end are to be there
    of.close()
    assert len(found) > 10
    return found


def test_the_ring_is_bounded_by_seconds_and_bytes_and_holds_whole_groups(films: Path) -> None:
    film = packets(encoded(films))
    ring = Ring(5.0, 2**30)
    for number, packet in enumerate(film):
        ring.add(packet.form, number / 10, packet.coded)
    assert ring.span is not None
    assert 5.0 <= ring.span[1] - ring.span[0] <= 6.0, "a key frame a second"
    whole = ring.size
    small = Ring(5.0, whole // 2)
    for number, packet in enumerate(film):
        small.add(packet.form, number / 10, packet.coded)
        assert small.size <= whole // 2
    with av.open(io.BytesIO(small.clip(0, 100)), "r") as clip:
        shown = list(clip.decode(video=0))
    assert shown[0].key_frame
    assert small.span is not None
    assert len(shown) == round((small.span[1] - small.span[0]) * 10) + 1


def test_one_group_beyond_the_bound_is_given_up_and_the_next_is_held_again(films: Path) -> None:
    film = packets(encoded(films))
    ring = Ring(60.0, film[0].size + 10)
    for number, packet in enumerate(film[:10]):
        ring.add(packet.form, number / 10, packet.coded)
    assert ring.clip(0, 100) == b""
    assert ring.size == 0
    ring.add(film[10].form, 1.0, film[10].coded)
    assert (ring.size > 0) == (film[10].size <= film[0].size + 10)


def test_a_codec_that_mp4_has_not_is_watched_and_gives_no_clip(films: Path) -> None:
    path = films / "old.flv"
    command = [
        find_server("ffmpeg"),
        "-v",
        "error",
        "-y",
        "-i",
        str(encoded(films)),
        "-t",
        "2",
        "-c:v",
        "flv",
        str(path),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    film, ring = packets(path), Ring(30, 2**24)
    for number, packet in enumerate(film):
        ring.add(packet.form, number / 10, packet.coded)
    assert Decoder().newest(film) is not None
    assert ring.clip(0, 100) == b""


def test_what_damage_spoilt_is_shown_to_nobody(films: Path) -> None:
    film = packets(encoded(films))
    true = [
        _grey(np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8))
        for frame in av.open(str(encoded(films))).decode(video=0)
    ]
    decoder, seen = Decoder(), 0
    for number, packet in enumerate(film):
        if number % 20 == 14:
            data = bytearray(bytes(packet.coded))
            data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
            coded = av.Packet(bytes(data))
            coded.pts, coded.dts, coded.time_base = packet.coded.pts, packet.coded.dts, Fraction(1, 90_000)
            packet = Packet(packet.form, coded, packet.arrived, packet.stamp)  # type: ignore[arg-type]
        found = decoder.newest([packet])
        if found is not None:
            seen += 1
            assert np.abs(_grey(found[0]) - true[number]).mean() < 1, f"picture {number}"
    assert decoder.damaged >= 5
    assert 100 < seen < 195


def _grey(image: Image) -> NDArray[np.float64]:
    return np.asarray(image.mean(axis=2))


def test_a_recording_gives_its_own_time_at_once_and_only_what_is_due(films: Path) -> None:
    found = list(recording.pictures(encoded(films), start=1_800_000_000_000, due=lambda at: round(at * 10) % 5 == 0))
    assert [each.at for each in found] == pytest.approx([n / 2 for n in range(40)], abs=0.001)
    assert [each.time - 1_800_000_000_000 for each in found] == [round(each.at * 1000) for each in found]
    assert all(after.at > before.at for before, after in itertools.pairwise(found))


def test_a_recording_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(ValueError, match="cannot be read"):
        list(recording.pictures(tmp_path / "a.mp4", start=0))
    with pytest.raises(FileNotFoundError, match="no such film"):
        list(recording.pictures(tmp_path / "b.mp4", start=0))
