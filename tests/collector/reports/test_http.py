"""Reports over HTTP: a real server, its verdicts by status and word, log-in by header and by OAuth2."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from collector.reports.transports.base import Answer, Outgoing
from collector.reports.transports.http.transport import HttpSettings, HttpTransport
from tests.certificates import Authority
from tests.servers import LOCAL, free_port

PACKET = Outgoing("d1", b'{"dataId":"d1"}', path="/mine/ai/camera")
SUCCESS = {"success": True, "dataId": "d1"}


@dataclass
class Upper:
    """What came, and what is answered: a status and a body, by the request's headers."""

    port: int = 0
    answer: Callable[[dict[str, str]], tuple[int, bytes]] = lambda _headers: (200, json.dumps(SUCCESS).encode())
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    tokens: int = 0
    known: bool = True


@contextmanager
def upper(certificate: tuple[Path, Path] | None = None) -> Iterator[Upper]:
    told = Upper()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/token":
                status, text = self._token(parse_qs(body.decode()))
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                told.requests.append((self.path, headers, body))
                status, text = told.answer(headers)
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _token(self, form: dict[str, list[str]]) -> tuple[int, bytes]:
            wanted = {
                "grant_type": ["client_credentials"],
                "client_id": ["us"],
                "client_secret": ["s3"],
                "scope": ["mine"],
            }
            if not told.known or form != wanted:
                return 401, b'{"error":"invalid_client"}'
            told.tokens += 1
            return 200, json.dumps({"access_token": f"t{told.tokens}", "expires_in": 3600}).encode()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing is printed."""

    server = ThreadingHTTPServer((LOCAL, 0), Handler)
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def transport(port: int, **rest: Any) -> HttpTransport:
    return HttpTransport(HttpSettings.model_validate({"type": "http", "url": f"http://{LOCAL}:{port}/api", **rest}))


OAUTH = {"client_id": "us", "client_secret": "s3", "scope": "mine"}


def saying(status: int, body: Any) -> Callable[[dict[str, str]], tuple[int, bytes]]:
    return lambda _headers: (status, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, SUCCESS, "accepted"),
        (200, {"code": 200, "msg": "操作成功"}, "accepted"),
        (200, {"success": False, "error": {"code": "400", "message": "x"}}, "refused"),
        (200, {"success": False, "error": {"code": "401", "message": "x"}}, "unauthorised"),
        (200, {"success": True, "dataId": "another"}, "later"),
        (200, {"success": False, "code": 200, "msg": "x"}, "refused"),
        (200, b"<html>welcome</html>", "later"),
        (200, b"[" * 50_000, "later"),
        (200, b" " * 10**6, "later"),
        (302, b"", "later"),
        (400, {"success": False}, "refused"),
        (404, b"no", "refused"),
        (401, b"", "unauthorised"),
        (403, b"", "unauthorised"),
        (408, b"", "later"),
        (429, b"", "later"),
        (500, b"oops", "later"),
    ],
)
async def test_the_verdict_follows_from_status_and_word(status: int, body: Any, verdict: str) -> None:
    with upper() as server:
        server.answer = saying(status, body)
        sender = transport(server.port, headers={"appsecret": "shh"})
        assert (await sender.send(PACKET)).verdict == verdict
        await sender.close()
    [(path, headers, sent)] = server.requests
    assert (path, headers["appsecret"], sent) == ("/api/mine/ai/camera", "shh", PACKET.body)
    assert headers["content-type"] == "application/json; charset=utf-8"


async def test_a_token_is_fetched_once_and_renewed_once_when_it_is_not_taken() -> None:
    with upper() as server:
        taken = {"Bearer t1"}
        server.answer = lambda headers: (
            (200, json.dumps(SUCCESS).encode()) if headers.get("authorization") in taken else (401, b"")
        )
        sender = transport(server.port, oauth2={"token_url": f"http://{LOCAL}:{server.port}/token", **OAUTH})
        assert (await sender.send(PACKET)).verdict == "accepted"
        assert (await sender.send(PACKET)).verdict == "accepted"
        assert server.tokens == 1
        taken.add("Bearer t2")
        taken.remove("Bearer t1")
        assert (await sender.send(PACKET)).verdict == "accepted"
        assert server.tokens == 2
        taken.clear()
        assert (await sender.send(PACKET)).verdict == "unauthorised"
        assert server.tokens == 3
        server.known = False
        answer = await sender.send(PACKET)
        assert answer == Answer("unauthorised", f"http://{LOCAL}:{server.port}/token gives no token: it answers 401")
        await sender.close()


async def test_a_platform_that_is_away_is_tried_again_and_no_secret_is_shown() -> None:
    port = free_port()
    sender = transport(
        port, headers={"appsecret": "shh"}, oauth2={"token_url": f"http://{LOCAL}:{port}/token", **OAUTH}
    )
    answer = await sender.send(PACKET)
    assert answer.verdict == "later"
    assert "s3" not in answer.message
    assert "shh" not in answer.message
    await sender.close()


async def test_over_https_the_server_is_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    Authority(tmp_path / "theirs")
    with upper(authority.issue("platform")) as server:
        url = f"https://{LOCAL}:{server.port}/api"
        for folder, verdict in (("theirs", "later"), ("ours", "accepted")):
            sender = HttpTransport(HttpSettings(type="http", url=url, ca=tmp_path / folder / "ca.crt"))
            answer = await sender.send(PACKET)
            assert answer.verdict == verdict, answer
            await sender.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["platform.example", "ftp://platform.example", "https://me:secret@platform.example/"])
def test_an_address_that_is_none_or_holds_a_log_in_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        HttpSettings(type="http", url=url)


@pytest.mark.parametrize("headers", [{"app secret": "x"}, {"token": "密钥"}, {"token": "a\r\nX: b"}])
def test_a_header_that_cannot_be_sent_is_a_fault_of_the_settings(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        transport(1, headers=headers)


async def test_a_content_type_of_the_settings_stands_alone() -> None:
    with upper() as server:
        server.answer = saying(200, SUCCESS)
        sender = transport(server.port, headers={"content-type": "text/json"})
        await sender.send(PACKET)
        await sender.close()
    assert server.requests[0][1]["content-type"] == "text/json"


@pytest.mark.parametrize("status", [400, 401, 503])
async def test_a_refusal_is_told_in_the_platforms_words_whatever_the_status(status: int) -> None:
    with upper() as server:
        server.answer = saying(status, {"success": False, "error": {"code": str(status), "id": "E7", "message": "why"}})
        sender = transport(server.port)
        assert (await sender.send(PACKET)).message == f"{status} E7 why"
        await sender.close()
