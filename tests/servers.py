"""Real servers for the tests, each on a port that the system hands out, on 127.0.0.1, ended by its own process id.

A server that is not installed skips its tests by name; with EDGE_REQUIRE_SERVERS=1 (CI) it fails them instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collector.demo.real import influxdb_settings

LOCAL = "127.0.0.1"


def free_port(host: str = LOCAL) -> int:
    """A TCP port that nobody uses now."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "the condition") -> None:
    """Return once `condition` is true; AssertionError names `what` after a bound that only a hang reaches."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)


def accepts(port: int, host: str = LOCAL) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket(_family(host)) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def find_server(program: str) -> str:
    """The path of an installed server; otherwise skip the test, or fail it where the servers are required."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        message = f"{program} is not installed; make test installs it where root and apt are at hand"
        if os.environ.get("EDGE_REQUIRE_SERVERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path


@dataclass
class Server:
    """A server process that a test may kill and start again on the same port and files."""

    command: list[str]
    port: int
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    host: str = LOCAL

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **self.env}
            )
        wait_for(lambda: self._died() or accepts(self.port, self.host), what=f"{self.command[0]} on port {self.port}")

    def _died(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            tail = self.log.read_text()[-2000:]
            raise AssertionError(f"{self.command[0]} ended with {self.process.returncode}: {tail}")
        return False

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it does not end."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server for the length of a block."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def mosquitto(folder: Path, extra: str = "") -> Server:
    """A mosquitto broker without TLS or log-in; `extra` is appended to its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} {LOCAL}\nallow_anonymous true\nmax_packet_size 16777216\n{extra}\n")
    return Server([find_server("mosquitto"), "-c", str(settings)], port, folder / "mosquitto.log")


def influxdb(folder: Path) -> Server:
    """InfluxDB 1.x with its files under `folder`; `port` is its HTTP port; create the database before writing."""
    folder.mkdir(parents=True, exist_ok=True)
    port, rpc = free_port(), free_port()
    settings = folder / "influxdb.conf"
    settings.write_text(influxdb_settings(folder, port, rpc))
    server = Server([find_server("influxd"), "-config", str(settings)], port, folder / "influxdb.log")
    server.env = {"HOME": str(folder)}
    return server


def nginx_v2(folder: Path, influx_port: int) -> Server:
    """nginx that maps the v2 write path to an InfluxDB 1.x, so that influxdb-client works against it."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = folder / "nginx.conf"
    rewrite = "rewrite ^ /write?db=$arg_bucket&precision=$arg_precision? break;"
    settings.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events {}\n"
        "http { access_log off; client_max_body_size 64m; client_body_buffer_size 8m;\n"
        f"  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;\n"
        f"  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"  server {{ listen {LOCAL}:{port};\n"
        f"    location = /api/v2/write {{ {rewrite} proxy_pass http://{LOCAL}:{influx_port}; }}\n"
        f"    location / {{ proxy_pass http://{LOCAL}:{influx_port}; }}\n"
        "  } }\n"
    )
    return Server([find_server("nginx"), "-c", str(settings), "-p", str(folder)], port, folder / "nginx.log")
