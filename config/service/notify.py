"""What systemd is told: ready, alive, reloading, stopping. A few lines on its own socket, hence no dependency.

Source: sd_notify(3) and sd_watchdog_enabled(3): one datagram a message to the socket in NOTIFY_SOCKET, whose name
begins with ``@`` where it is an abstract one; WATCHDOG_USEC is within how many microseconds ``WATCHDOG=1`` is awaited.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that the manager may take to take a message; after that the next one tells."""


class Notifier:
    """Tells the service manager that started this process, or nobody where none did."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._told = False
        self.watchdog = _watchdog(environment)
        """Seconds within which `alive` is awaited; None where nobody waits."""

    def ready(self) -> bool:
        """The program is at work; False when that could not be told, so that it is to be told again."""
        return self._tell("READY=1")

    def alive(self) -> None:
        """The program has moved on."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The program ends."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """One line that ``systemctl status`` shows."""
        self._tell(f"STATUS={text.replace(chr(10), ' ')}")

    def _tell(self, message: str) -> bool:
        if not self._address:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
                link.settimeout(PATIENCE)  # its queue is short: a manager that is busy is waited for
                link.sendto(message.encode(), self._address)
        except OSError as err:
            if not self._told:
                log.warning("the service manager cannot be told %s: %s", message, err)
            self._told = True
            return False
        self._told = False
        return True


def _watchdog(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(environment.get("WATCHDOG_USEC", "")) / 1_000_000 or None
    except ValueError:
        return None
