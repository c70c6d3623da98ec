"""``/metrics`` for Prometheus and ``/healthz`` for whoever restarts or alarms, on a local port; off unless it is set.

Both ask the event loop for the moment's status and wait a bounded time for it, so that a program whose loop hangs is
not healthy. Nothing is changed by asking; on loopback unless the settings say otherwise, since there is no log-in.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, make_wsgi_app
from prometheus_client.core import Metric
from pydantic import Field

from config.hosts import Host, endpoint
from config.model import Settings

PATIENCE = 5.0
"""Seconds within which the event loop has to answer."""


class MonitorSettings(Settings):
    """Where ``/metrics`` (Prometheus) and ``/healthz`` are served."""

    host: Host = "127.0.0.1"
    """Address to listen on; there is no log-in, so leave it on this machine and put a proxy before it."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""


class HealthSource:
    """What the monitor asks, from its threads: the loop's answer, or TimeoutError."""

    def __init__(
        self, health: Callable[[], Awaitable[dict[str, Any]]], metrics: Callable[[], Awaitable[Iterable[Metric]]]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._health, self._metrics = health, metrics

    def health(self) -> dict[str, Any]:
        """``ok`` and why not."""
        found: dict[str, Any] = self._asked(self._health)
        return found

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus_client at each scrape."""
        found: Iterable[Metric] = self._asked(self._metrics)
        return found

    def _asked(self, question: Callable[[], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            return await question()

        waiting = asyncio.run_coroutine_threadsafe(asked(), self._loop)
        try:
            return waiting.result(PATIENCE)
        finally:
            waiting.cancel()


class Monitor:
    """A small web server in threads of its own, while it is open."""

    def __init__(self, settings: MonitorSettings, source: HealthSource) -> None:
        """OSError when the address is taken."""
        self._source = source
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Described(source))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._metrics = make_wsgi_app(registry)
        try:
            self._server = _server(settings)
        except OSError as err:
            where = endpoint(settings.host, settings.port)
            raise OSError(f"monitor: cannot listen on {where}: {err.strerror}") from err
        self._server.set_app(self._app)
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _app(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "expected GET"})
        try:
            match environ["PATH_INFO"]:
                case "/metrics":
                    body: Iterable[bytes] = self._metrics(environ, start)
                    return body
                case "/healthz":
                    found = self._source.health()
                    return _answer(start, HTTPStatus.OK if found["ok"] else HTTPStatus.SERVICE_UNAVAILABLE, found)
                case _:
                    return _answer(start, HTTPStatus.NOT_FOUND, {"error": "expected /metrics or /healthz"})
        except TimeoutError:
            found = {"ok": False, "troubles": [f"the program does not answer within {PATIENCE:.0f} s"]}
            return _answer(start, HTTPStatus.SERVICE_UNAVAILABLE, found)


class _Described:
    """For prometheus_client: the families are known at each scrape only."""

    def __init__(self, source: HealthSource) -> None:
        self._source = source

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._source.collect()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        return  # a line a scrape says nothing


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Without the reverse look-up of the own name that the standard library makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server(settings: MonitorSettings) -> _Server:
    [family, *_rest] = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    kind = _Server6 if family == socket.AF_INET6 else _Server
    return kind((settings.host, settings.port), _Quiet)


def _answer(start: Any, status: HTTPStatus, body: dict[str, Any]) -> list[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Type", "application/json; charset=utf-8")])
    return [json.dumps(body, ensure_ascii=False).encode() + b"\n"]
