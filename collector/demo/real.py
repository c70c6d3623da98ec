"""The demo's broker and store as on a site: mosquitto over TLS with client certificates and an ACL, and InfluxDB 1.x.

Both have all their files in the demo's folder and listen on ports of 127.0.0.1 that the system hands out.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.demo.processes import Child, ChildFailedError, free_port
from collector.pki.environment import Environment, make_environment
from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.prepare import prepare
from collector.sinks.influxdb.settings import InfluxSettings

PACKAGES = {"mosquitto": "mosquitto", "influxd": "influxdb"}
"""Program and the package of Debian that has it; influxd of another maker's package will do as well."""


class MissingError(Exception):
    """A server is not installed; the text says which, and how it comes."""


class Real:
    """See the module; `collector.demo.servers.Servers`. MissingError when made where a server is not installed."""

    def __init__(self, folder: Path, collector: str, agents: Sequence[str]) -> None:
        found = find_servers()
        self._folder, self._collector, self._agents = folder, collector, agents
        self._broker_port, self._store_port = free_port(), free_port()
        self._environment = Environment(folder / "closed")
        self._store_settings = folder / "influxdb.conf"
        broker = [found["mosquitto"], "-c", str(self._environment.broker)]
        store = [found["influxd"], "-config", str(self._store_settings)]
        self._broker, self._store = self._program("mosquitto", broker), self._program("influxdb", store)
        self.children = (self._store, self._broker)
        self.lasting = self.children
        self.hints = ["kill -9 $(cat mosquitto.pid influxdb.pid)  # both start again"]
        self.sink: dict[str, Any] = {
            "type": "influxdb", "name": "store", "url": f"http://127.0.0.1:{self._store_port}", "api": "v1",
            "database": "gateway",
        }  # fmt: skip

    async def start(self) -> None:
        """Certificates, settings, both servers, and the database within."""
        try:
            await asyncio.to_thread(self._write)
        except ValueError as err:  # a folder whose name mosquitto cannot have
            raise ChildFailedError(str(err)) from err
        for child, port in ((self._store, self._store_port), (self._broker, self._broker_port)):
            await child.start()
            await child.listening(port)
        try:
            await asyncio.to_thread(prepare, InfluxSettings.model_validate(self.sink), None)
        except SinkUnavailable as err:
            raise ChildFailedError(f"influxdb does not take a database: {err}; its log is {self._store.log}") from err

    def mqtt(self, name: str) -> dict[str, Any]:
        """With the certificate of that name."""
        return {"host": "127.0.0.1", "port": self._broker_port, "tls": self._environment.tls(name)}

    def _write(self) -> None:
        user = "root" if os.geteuid() == 0 else None  # else mosquitto would become a user that may not read the folder
        make_environment(self._environment.folder, self._collector, self._agents, port=self._broker_port, user=user)
        self._store_settings.write_text(
            influxdb_settings(self._folder / "influxdb", self._store_port, free_port()), encoding="utf-8"
        )

    def _program(self, name: str, command: list[str]) -> Child:
        return Child(name, self._folder, "collector.demo.program", str(self._folder / f"{name}.pid"), *command)


def find_servers() -> dict[str, str]:
    """Where each program lies; MissingError."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"  # Debian has mosquitto in sbin
    found = {program: shutil.which(program, path=path) for program in PACKAGES}
    if missing := [program for program, where in found.items() if where is None]:
        packages = " ".join(PACKAGES[program] for program in missing)
        raise MissingError(
            f"not installed: {', '.join(missing)} (as root: apt-get install {packages}). "
            "The demo without --real needs no server."
        )
    return {program: str(where) for program, where in found.items()}


def influxdb_settings(folder: Path, port: int, rpc: int) -> str:
    """influxdb.conf for an InfluxDB 1.x that keeps its files in `folder` and serves HTTP on 127.0.0.1:`port`."""
    return (
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n'
        f'[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\nmax-series-per-database = 0\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\nflux-enabled = false\n'
        "[monitor]\nstore-enabled = false\n[subscriber]\nenabled = false\n[continuous_queries]\nenabled = false\n"
    )
