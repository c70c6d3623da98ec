"""Which lines does the store refuse? Found by halving, so that every other line is stored.

Whether it is the lines at all, a plain line of our own tells, before the search and after it: a store that refuses that
one too (a missing database name, a gateway that has lost its mind) only waits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from collector.sinks.base import SinkUnavailable

REQUESTS = 500
"""Requests of one search at most. What it has found by then is remembered, and the next try goes on from there."""
REMEMBERED = 100_000
"""Lines that are remembered between two tries at most."""
_DROPPED = re.compile(r"\bdropped=(\d+)$")
"""At the end alone: before it the store may repeat a line, and with it any text that an instrument sent."""


class LinesRefusedError(Exception):
    """The store refuses something about these lines; its own words."""


class Sieve:
    """Sends numbered lines and tells apart those that the store can never take."""

    def __init__(self, send: Callable[[str], None]) -> None:
        """`send` stores a body of lines, or raises LinesRefusedError, or SinkUnavailable for all else."""
        self._send = send
        self._found: dict[str, str] = {}

    def pour(self, lines: Sequence[tuple[int, str]]) -> dict[int, str]:
        """Store all lines but the refused ones; those by number, with the store's words. Raises SinkUnavailable."""
        untried = [line for _, line in lines if line not in self._found]
        try:
            if untried:
                self._send("\n".join(untried))
        except LinesRefusedError as err:
            self._probe()
            self._search(untried, str(err))
            self._probe()
        refused = {number: self._found[line] for number, line in reversed(lines) if line in self._found}
        self._found.clear()  # told; should they come again, for instance from the dead letters, they are tried again
        return refused

    def _search(self, lines: Sequence[str], words: str) -> None:
        """Halve until each refused part is a single line, or the store says that it dropped the whole part."""
        parts = self._split(lines, words)
        for _ in range(REQUESTS):
            if not parts:
                return
            part = parts.pop()
            try:
                self._send("\n".join(part))
            except LinesRefusedError as err:
                parts += self._split(part, str(err))
        if parts:
            raise SinkUnavailable(f"{len(self._found)} refused lines found after {REQUESTS} requests; going on")

    def _split(self, part: Sequence[str], words: str) -> list[Sequence[str]]:
        """What remains to be tried of a refused part."""
        dropped = _DROPPED.search(words)  # InfluxDB: "partial write: points beyond retention policy dropped=20000"
        if len(part) == 1 or (dropped and int(dropped[1]) == len(part)):
            if len(self._found) + len(part) > REMEMBERED:
                self._found.clear()
            self._found.update(dict.fromkeys(part, words))
            return []
        middle = len(part) // 2
        return [part[middle:], part[:middle]]

    def _probe(self) -> None:
        """Is it the lines, or does the store refuse everything? One point a minute at most is all that it leaves."""
        try:
            self._send(f"probe ok=true {time.time_ns() // 60_000_000_000 * 60_000_000_000}")
        except LinesRefusedError as err:
            self._found.clear()
            raise SinkUnavailable(f"the store refuses even a plain line: {err}") from err
