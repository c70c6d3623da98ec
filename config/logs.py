"""Logging of both programs: lines for people or JSON for machines, on standard error, times in UTC."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Literal

from config.model import Settings
from config.printable import lines, plain
from config.service.journal import JournalHandler, leads_to_journal

LONGEST = 16_384
"""Characters of a message, and of a traceback, that are logged: what others write may be as long as a file."""


class LogSettings(Settings):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least grave messages that are shown."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""


class _Lines(logging.Formatter):
    """A record is one line, whatever an agent or instrument put into it; a traceback follows, set off to the right."""

    def format(self, record: logging.LogRecord) -> str:
        head = self.head(record) + plain(_cut(record.getMessage()))
        if not record.exc_info:
            return head
        return "\n    ".join([head, *lines(_cut(self.formatException(record.exc_info))).split("\n")])

    def head(self, record: logging.LogRecord) -> str:
        """What stands before the message: nothing, where the time and level are fields."""
        return ""


class _Text(_Lines):
    def head(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record)} {record.levelname:<7} "


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _cut(record.getMessage()),
        }
        if record.exc_info:
            entry["exception"] = _cut(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _cut(text: str) -> str:
    """Its beginning and its end (of a traceback the error), and how much is left out between them."""
    half = LONGEST // 2
    left = len(text) - LONGEST
    return text if left <= 0 else f"{text[:half]} … {left} characters … {text[-half:]}"


def configure(settings: LogSettings, program: str = "edge-gateway") -> None:
    """Set up the root logger; foreign libraries speak from warnings on, since they repeat what we say once.

    Under systemd, lines for people go to the journal with their fields, as `program`; JSON stays what was asked for.
    """
    handler: logging.Handler
    if settings.format == "text" and leads_to_journal(sys.stderr):
        handler = JournalHandler(program)
        handler.setFormatter(_Lines())
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_formatter(settings))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for name in ("pymodbus", "urllib3", "amqtt", "transitions", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what it logs as an error it raises as well


def _formatter(settings: LogSettings) -> logging.Formatter:
    formatter = _Json() if settings.format == "json" else _Text()
    formatter.converter = time.gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    return formatter
