"""Log records with their fields to systemd's journal, where standard error leads there. No dependency for it.

Source: systemd's "Native Journal Protocol": a datagram of fields, ``KEY=value`` a line, or the key alone, the length as
64 bits little endian and the bytes where the value has line breaks. JOURNAL_STREAM names device and inode of the
stream that leads to the journal (systemd.exec(5)), so that one whose standard error leads elsewhere speaks there.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

SOCKET = Path("/run/systemd/journal/socket")
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""syslog(3)'s priorities: critical, error, warning, informational; what is below is debugging (7)."""


def leads_to_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to this stream lands in the journal."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or none of the system's
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class JournalHandler(logging.Handler):
    """Sends each record as MESSAGE, PRIORITY, LOGGER, CODE_* and SYSLOG_IDENTIFIER; a traceback follows the message.

    What the journal does not take (a text beyond a datagram's size, a journal that is down) goes to standard error.
    """

    def __init__(self, identifier: str, address: Path = SOCKET) -> None:
        super().__init__()
        self._identifier, self._address = identifier, address
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._instead = logging.StreamHandler(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._link.sendto(self._packed(record), str(self._address))
        except OSError:
            self._instead.handle(record)
        except Exception:  # noqa: BLE001  # as every handler of the standard library: logging harms nobody
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        self._link.close()
        super().close()

    def _packed(self, record: logging.LogRecord) -> bytes:
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        return b"".join(
            field(name, value)
            for name, value in (
                ("MESSAGE", self.format(record)), ("PRIORITY", str(priority)), ("LOGGER", record.name),
                ("SYSLOG_IDENTIFIER", self._identifier), ("CODE_FILE", record.pathname),
                ("CODE_LINE", str(record.lineno)), ("CODE_FUNC", record.funcName), ("THREAD", record.threadName or ""),
            )
        )  # fmt: skip


def field(name: str, value: str) -> bytes:
    """One field as the journal takes it."""
    body = value.encode("utf-8", "backslashreplace")
    if b"\n" in body:
        return name.encode() + b"\n" + struct.pack("<Q", len(body)) + body + b"\n"
    return name.encode() + b"=" + body + b"\n"
