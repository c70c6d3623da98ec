"""The drawn cameras are cameras to whoever asks over RTSP, and what they show never looks like a recording."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from edge_agent.drivers.camera.capture.source import LostError, Packet
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.simulators import rtsp_camera, sealed_mine


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await rtsp_camera.serve(sealed_mine.cameras())
    yield server.sockets[0].getsockname()[1]
    server.close()


def read(url: str, count: int, *, transport: str = "tcp") -> list[Packet]:
    source = StreamSource(url, transport=transport, timeout=10)
    try:
        source.open()
        return list(itertools.islice(source.packets(), count))
    finally:
        source.close()


@pytest.mark.parametrize("name", ["mouth", "gate", "belt"])
async def test_a_camera_sends_pictures_that_can_be_decoded(port: int, name: str) -> None:
    packets = await asyncio.to_thread(read, f"rtsp://127.0.0.1:{port}/{name}", 10)
    decoder = packets[0].form.decoder()
    frames = [frame for packet in packets for frame in decoder.decode(packet.coded)]
    assert packets[0].key
    assert packets[0].form.extradata  # a clip needs the parameter sets
    assert {(frame.width, frame.height) for frame in frames} == {(352, 288)}
    stamps = [packet.stamp for packet in packets if packet.stamp is not None]
    assert stamps == sorted(set(stamps))


async def test_two_may_look_at_one_camera_at_once(port: int) -> None:
    url = f"rtsp://127.0.0.1:{port}/gate"
    one, other = await asyncio.gather(asyncio.to_thread(read, url, 5), asyncio.to_thread(read, url, 5))
    assert len(one) == len(other) == 5


async def test_what_is_not_there_or_not_offered_is_refused(port: int) -> None:
    with pytest.raises(LostError, match="no such stream"):
        await asyncio.to_thread(read, f"rtsp://127.0.0.1:{port}/roof", 1)
    with pytest.raises(LostError):
        await asyncio.to_thread(read, f"rtsp://127.0.0.1:{port}/gate", 1, transport="udp")


async def test_a_method_that_would_change_something_is_not_allowed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"SET_PARAMETER rtsp://127.0.0.1:{port}/gate RTSP/1.0\r\nCSeq: 7\r\n\r\n".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert answer.startswith("RTSP/1.0 405 Method Not Allowed\r\nCSeq: 7\r\n")
    writer.write(f"PLAY rtsp://127.0.0.1:{port}/gate RTSP/1.0\r\nCSeq: 8\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"RTSP/1.0 455 ")
    writer.close()


def test_each_day_of_the_mine_is_the_same_and_nothing_in_it_comes_at_even_times() -> None:
    mouth, again = (sealed_mine.cameras()["mouth"].scene for _ in range(2))
    assert mouth.walks == again.walks
    starts = [walk.start for walk in mouth.walks]
    gaps = [round(later - sooner) for sooner, later in itertools.pairwise(starts)]
    assert len(starts) > 500
    assert max(gaps.count(gap) for gap in set(gaps) if gap > 10) < len(gaps) / 20


def test_its_settings_are_those_of_cameras() -> None:
    devices = [CameraDevice.model_validate(each) for each in sealed_mine.device_settings(554)]
    assert [device.position for device in devices] == ["P01", "P04", "P06"]
    assert len({device.code for device in devices}) == 3
