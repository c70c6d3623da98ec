"""What is wrong with a file that people wrote: where, what, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from config.printable import plain

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake; `line` and `column` count from 1 (for CSV and XLSX: row and column of the table)."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return plain(f"{self.file}:{self.line}:{self.column}: {mark}{self.message}")

    def as_dict(self) -> dict[str, str | int]:
        """For ``--json``."""
        return asdict(self)


class ConfigError(Exception):
    """All that is wrong with a file and what it includes, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))
