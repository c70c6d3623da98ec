"""Cameras that are asked over ONVIF: their streams, their clocks, their refusals; and nothing is ever set."""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.drivers.camera.capture import soap
from edge_agent.drivers.camera.capture.choose import source
from edge_agent.drivers.camera.capture.conversation import READS
from edge_agent.drivers.camera.capture.onvif import Onvif
from edge_agent.drivers.camera.capture.soap import LARGEST
from edge_agent.drivers.camera.capture.source import DeniedError, LostError
from tests.edge_agent.drivers.camera.bench import camera, device, encoded, films
from tests.edge_agent.drivers.camera.capture.test_http import jpeg
from tests.edge_agent.drivers.camera.onvif_camera import ENVELOPE, OnvifCamera, onvif_camera

__all__ = ["films"]


def asking(there: OnvifCamera, password: str | None = None, timeout: float = 10.0) -> Onvif:
    return Onvif(there.address, there.user, password or there.password, timeout=timeout)


def test_the_sub_stream_is_taken_and_its_address_leads_to_the_host_of_the_settings() -> None:
    """The camera names the address that it has behind its router, once with a password in it."""
    with onvif_camera() as there:
        stream, url = asking(there).address("", snapshot=False)
        assert (stream.name, stream.width, stream.height) == ("subStream", 704, 576)
        assert url == "rtsp://127.0.0.1:554/live/P1?auth=abc"
        assert asking(there).address("", snapshot=True)[1] == f"http://127.0.0.1:{there.port}/snap/P1"


@pytest.mark.parametrize(("wanted", "token"), [("mainStream", "P0"), ("P3", "P3")])
def test_another_stream_is_taken_by_name_or_token(wanted: str, token: str) -> None:
    with onvif_camera(old=True) as there:  # which knows no GetServices
        assert asking(there).address(wanted, snapshot=False)[0].token == token
        with pytest.raises(LostError, match=r"no ONVIF profile fifth; it has mainStream \(P0\), subStream \(P1\)"):
            asking(there).address("fifth", snapshot=False)


@pytest.mark.parametrize("ahead", [0.0, -7 * 3600.0, 40.0])
def test_the_offset_of_its_clock_is_told_and_a_log_in_is_dated_by_it(ahead: float) -> None:
    with onvif_camera(ahead=ahead) as there:
        about = asking(there).about()
    assert about.clock is not None
    assert abs(about.clock.offset - ahead) <= about.clock.doubt + 0.05
    assert about.what == "Nobody N-1 V1.0"
    assert [stream.token for stream, _url, _single in about.streams] == ["P0", "P1", "P2", "P3"]


def test_a_clock_that_is_not_told_in_utc_is_not_known() -> None:
    with onvif_camera(utc=False) as there:
        assert asking(there).clock() is None


def test_only_questions_are_sent() -> None:
    with onvif_camera() as there:
        asking(there).about()
        asking(there).address("", snapshot=True)
        asking(there).clock()
        assert set(there.asked) == READS - {"GetCapabilities"}
    assert all(name.startswith("Get") for name in READS)


def nested(depth: int) -> str:
    """An answer that goes so deep."""
    return ENVELOPE.format(body=f"{'<tds:a>' * depth}{'</tds:a>' * depth}")


BILLION_LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">'
    + "".join(f'<!ENTITY {one} "{f"&{before};" * 10}">' for before, one in itertools.pairwise("bcdefghij"))
    + f"]>{nested(1).partition('?>')[2].replace('</tds:a>', '&j;</tds:a>')}"
)
Broken = Callable[[OnvifCamera], object]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda there: there.silent.set(), "it sends nothing for 0.5 s"),
        (lambda there: setattr(there, "body", "<html>hello</html>"), "no ONVIF"),
        (lambda there: setattr(there, "body", "not even that"), "no ONVIF"),
        (lambda there: setattr(there, "body", f"<a>{'x' * (LARGEST + 1)}</a>"), r"no ONVIF \(TooLargeError\)"),
        (lambda there: setattr(there, "body", nested(200)), "no Media service"),
        (lambda there: setattr(there, "body", nested(100_000)), "no ONVIF"),
        (lambda there: setattr(there, "body", BILLION_LAUGHS), "no ONVIF"),
        (lambda there: setattr(there, "moved", "http://127.0.0.1:1/x"), r"no ONVIF \(ElsewhereError\)"),
        (lambda there: setattr(there, "status", 404), r"does not answer ONVIF at this port \(it has no such"),
        (lambda there: there.profiles.clear(), "it names no profile with pictures"),
        (lambda there: setattr(there, "stream", "gopher://10.9.8.7/1"), "it names no address of rtsp://"),
        (lambda there: setattr(there, "stream", "rtsp://[10.9.8.7/1"), "it names no address of rtsp://"),
        (lambda there: setattr(there, "stream", ""), "it names no address of rtsp://"),
        (lambda there: setattr(there, "port", 1), "the connection is refused"),
    ],
)
def test_what_it_does_not_answer_is_said_in_words_and_in_a_bounded_time(broken: Broken, words: str) -> None:
    with onvif_camera() as there:
        broken(there)
        with pytest.raises(LostError, match=words):
            asking(there, timeout=0.5 if there.silent.is_set() else 10.0).address("", snapshot=False)


def test_a_wrong_password_is_a_refusal() -> None:
    with onvif_camera() as there, pytest.raises(DeniedError, match="401"):
        asking(there, password="wrong").address("", snapshot=False)


def test_pictures_come_from_the_stream_that_it_names_and_no_password_is_logged(
    films: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with camera(encoded(films), login="viewer:p@ss:w/rd") as stream, onvif_camera(stream=stream.url) as there:
        where = source(device(None, onvif=there.address, user=there.user, password=there.password))
        where.open()
        assert next(iter(where.packets())).size
        where.close()
    assert "by ONVIF its pictures are subStream, 704×576 H264, rtsp://127.0.0.1:" in caplog.text
    assert there.password not in caplog.text
    assert "PasswordDigest" not in caplog.text


def test_single_pictures_come_from_the_address_that_it_names() -> None:
    with onvif_camera(jpeg=jpeg(90)) as there:
        where = source(device(None, onvif=there.address, user=there.user, password=there.password, snapshot=True))
        where.open()
        assert next(iter(where.packets())).key
        where.close()
        assert there.asked[-1] == "GET /snap/P1"


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onvif.client", None)
    soap.library.cache_clear()
    try:
        with pytest.raises(LostError, match="onvif-zeep-async is missing: pip install"):
            soap.library()
    finally:
        soap.library.cache_clear()
