"""Pictures over HTTP: single ones with either log-in, and MJPEG, from a server that can also misbehave."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.capture.choose import source
from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.folder import FolderSource
from edge_agent.drivers.camera.capture.source import DeniedError, EndedError, LostError, Source
from tests.edge_agent.drivers.camera.bench import device

USER, PASSWORD = "viewer", "p@ss:w/rd"


def jpeg(grey: int) -> bytes:
    there, data = cv2.imencode(".jpg", np.full((48, 64, 3), grey, dtype=np.uint8))
    assert there
    return data.tobytes()


Answer = Callable[[BaseHTTPRequestHandler], None]


def picture(handler: BaseHTTPRequestHandler, data: bytes = jpeg(100)) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "image/jpeg")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def digest(handler: BaseHTTPRequestHandler) -> None:
    """RFC 7616 with MD5, as cameras have it."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', handler.headers.get("Authorization", "")))

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    if given:
        secret, asked = md5(USER, "camera", PASSWORD), md5("GET", handler.path)
        expected = md5(secret, "n0nce", given["nc"], given["cnonce"], "auth", asked)
        if given["username"] == USER and given["response"] == expected:
            return picture(handler)
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", 'Digest realm="camera", nonce="n0nce", qop="auth", algorithm=MD5')
    handler.send_header("Content-Length", "0")
    return handler.end_headers()


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Always a byte, never a picture."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def mjpeg(handler: BaseHTTPRequestHandler) -> None:
    """A picture every 0.2 s; after ten of them nothing, and the connection stays."""
    handler.send_response(200)
    handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
    handler.end_headers()
    try:
        for number in range(10):
            data = jpeg(20 * number)
            handler.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data))
            handler.wfile.write(data + b"\r\n")
            time.sleep(0.2)
        while True:
            time.sleep(0.1)
            handler.wfile.write(b"")
            if handler.server.closing:  # type: ignore[attr-defined]
                return
    except OSError:
        return


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            return

    this = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    this.closing = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=this.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{this.server_port}/picture"
    finally:
        this.closing = True  # type: ignore[attr-defined]
        this.shutdown()
        this.server_close()
        thread.join(5)


Shown = tuple[float, int]
"""When a picture came (monotonic s), and its mean."""


def shown(of: Source, count: int | None = None) -> Iterator[Shown]:
    """The first pictures, or all until the camera is lost."""
    of.open()
    decoder = Decoder()
    try:
        for number, packet in enumerate(of.packets(), 1):
            assert packet.stamp is None or isinstance(of, FolderSource), "HTTP carries no time: FFmpeg makes it up"
            image = decoder.newest([packet])
            assert image is not None
            yield packet.arrived, round(float(image[0].mean()))
            if number == count:
                return
    finally:
        of.close()


def snapshots(url: str, **more: Any) -> Source:
    return source(device(url, snapshot=True, capture={"timeout": "1s", "snapshot_every": "200ms"}, **more))


def grey(url: str, count: int, **more: Any) -> list[int]:
    """The means of the first single pictures."""
    return [mean for _at, mean in shown(snapshots(url, **more), count)]


def until_lost(of: Source, seen: list[Shown]) -> None:
    """Note what comes until the camera is lost."""
    for each in shown(of):
        seen.append(each)  # what came before the loss is to be there


def test_single_pictures_are_asked_for_as_often_as_set() -> None:
    with server(picture) as url:
        begun = time.monotonic()
        assert grey(url, 4) == [100] * 4
        assert 0.55 < time.monotonic() - begun < 5


def test_a_camera_that_asks_for_digest_gets_it() -> None:
    with server(digest) as url:
        assert grey(url, 2, user=USER, password=PASSWORD) == [100, 100]
        with pytest.raises(DeniedError, match="401") as raised:
            grey(url, 1, user=USER, password="wrong-one")
    assert "wrong-one" not in repr(raised.value)


def test_an_answer_that_never_ends_is_given_up_in_time() -> None:
    with server(drip) as url:
        begun = time.monotonic()
        with pytest.raises(LostError, match="sends nothing"):
            grey(url, 1)
        assert time.monotonic() - begun < 3


def test_a_picture_that_was_cut_off_is_none_and_a_camera_that_gives_only_such_is_lost() -> None:
    with server(lambda handler: picture(handler, jpeg(100)[:300])) as url, pytest.raises(LostError, match="no JPEG"):
        grey(url, 1)


@pytest.mark.parametrize(("code", "words"), [(404, "path"), (403, "may not"), (500, "error of its own")])
def test_a_refusal_is_said_in_words(code: int, words: str) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(code)

    with server(refuse) as url, pytest.raises(LostError, match=words):
        grey(url, 1)


def test_mjpeg_is_read_in_the_time_of_its_arrival_and_its_silence_noticed() -> None:
    seen: list[Shown] = []
    with server(mjpeg) as url:
        with pytest.raises(LostError, match="sends nothing"):
            until_lost(source(device(url, capture={"timeout": "1s"})), seen)
        waited = time.monotonic() - seen[-1][0]
    assert [mean for _at, mean in seen][:5] == [0, 20, 40, 60, 80]
    assert 0.5 < waited < 3
    assert seen[8][0] - seen[2][0] > 0.5


def test_a_folder_gives_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(40 * number) if number != 2 else b"no picture")
    seen: list[Shown] = []
    begun = time.monotonic()
    with pytest.raises(EndedError):
        until_lost(source(device(f"file:{tmp_path}", capture={"snapshot_every": "200ms"})), seen)
    assert [mean for _at, mean in seen] == [0, 40, 120]
    assert time.monotonic() - begun > 0.5
