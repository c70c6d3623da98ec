"""A closed environment in one folder: authority, broker settings, certificates of a collector and its agents.

For demonstrations and tests, where all of them live on one machine; on a site each key is made where it stays
(docs/secure.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.broker import CERTIFICATES, LOOPBACK, SETTINGS, write_broker
from collector.pki.authority import CERTIFICATE, DAYS, Authority, opened
from collector.pki.index import Role
from collector.pki.published import publish
from config.keys import new_key, write_file, write_key

LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where everything lies. `broker` is the settings file for ``mosquitto -c``."""

    folder: Path

    @property
    def pki(self) -> Path:
        """The authority's folder."""
        return self.folder / "pki"

    @property
    def broker(self) -> Path:
        """The settings of mosquitto."""
        return self.folder / "broker" / SETTINGS

    def tls(self, name: str) -> dict[str, str]:
        """What stands under ``mqtt: tls:`` in the settings of the agent or collector `name`."""
        issued = self.pki / "issued"
        files = {"ca": self.pki / CERTIFICATE, "certificate": issued / f"{name}.crt", "key": issued / f"{name}.key"}
        return {key: str(file) for key, file in files.items()}

    def add(self, name: str, role: Role = "agent", *, hosts: Sequence[str] = (), days: float = DAYS) -> None:
        """One more key and certificate; ValueError when the name has one."""
        with opened(self.pki) as authority:
            self._issue(authority, name, role, hosts, days)

    def publish(self, user: str | None = None) -> None:
        """Give the broker what is new: a revocation list, its own certificate. It reads them on SIGHUP."""
        publish(self.pki, self.pki / "issued", "broker", self.broker.parent / CERTIFICATES, user)

    def _issue(self, authority: Authority, name: str, role: Role, hosts: Sequence[str], days: float) -> None:
        key, issued = new_key(), self.pki / "issued"
        authority.vacant(name)
        write_key(issued / f"{name}.key", key)
        made = authority.issue(name, role, key.public_key(), hosts=hosts, days=days)
        write_file(issued / f"{name}.crt", made.pem.encode())


def make_environment(
    folder: Path, collector: str, agents: Sequence[str], *, port: int, hosts: Sequence[str] = LOCAL,
    listen: Sequence[str] = LOOPBACK, connections: int = 100, user: str | None = None,
) -> Environment:  # fmt: skip
    """Make all of it in an empty `folder`; FileExistsError where there is an authority already.

    `user`: whom mosquitto becomes when root starts it, and whose its key is; left out: mosquitto itself says.
    """
    made = Environment(folder)
    Authority.create(made.pki, f"authority of {collector}")
    made.add("broker", "broker", hosts=hosts)
    made.add(collector, "collector")
    for agent in agents:
        made.add(agent)
    made.publish(user)
    write_broker(made.broker.parent, [collector], listen=listen, port=port, connections=connections, user=user)
    return made
