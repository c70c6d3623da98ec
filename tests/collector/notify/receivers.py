"""Real servers that take messages, in this process: HTTP by the standard library, SMTP by aiosmtpd."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import LOCAL, free_port


@dataclass
class Robot:
    """What an HTTP server was sent, and what it answers."""

    port: int = 0
    status: int = 200
    answer: bytes = b'{"errcode": 0, "code": 0}'
    paths: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    hold: threading.Event | None = None
    """Answers wait for it."""

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.port}/robot/send?access_token=SECRET-TOKEN"


@contextmanager
def robot(port: int = 0) -> Iterator[Robot]:
    """An HTTP server for the length of a block."""
    told = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            told.paths.append(self.path)
            if told.hold is not None:
                told.hold.wait(30)
            self.send_response(told.status)
            self.send_header("content-length", str(len(told.answer)))
            self.end_headers()
            self.wfile.write(told.answer)

        def handle(self) -> None:
            with suppress(ConnectionError):  # the other side was killed
                super().handle()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer((LOCAL, port), Handler)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """What a mail server was sent; addresses in `refused` it does not take."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, to: str, _options: Any
    ) -> str:
        if to in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.to.append(list(envelope.rcpt_tos))
        return "250 OK"


def log_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bureau", b"hunter22")
    return AuthResult(success=good, handled=False)  # not handled: the server answers by itself


@contextmanager
def mailbox(certificate: tuple[Path, Path] | None = None, *, at_once: bool = False) -> Iterator[Mailbox]:
    """An SMTP server for the length of a block: plain, or with STARTTLS or TLS and a log-in that it insists on."""
    box = Mailbox(free_port())
    secure: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        secure = {"authenticator": log_in}
        secure |= (
            {"ssl_context": context, "auth_require_tls": False}
            if at_once
            else {"tls_context": context, "require_starttls": True, "auth_required": True}
        )
    controller = Controller(box, hostname=LOCAL, port=box.port, **secure)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
