"""One line of `doctor`: what was looked at, how it is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warning", "fault"]
STATES: tuple[State, ...] = ("ok", "warning", "fault")
"""From good to bad; the place of the worst is the exit code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `check` is a stable word for scripts; `advice` says what to do, empty where all is well."""

    check: str
    state: State
    text: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, advice: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding(check, "warning", text, advice)


def fault(check: str, text: str, advice: str) -> Finding:
    """It does not work, or something is being lost."""
    return Finding(check, "fault", text, advice)


def worst(findings: Iterable[Finding]) -> State:
    """The worst state among some findings; ``ok`` where there are none."""
    return STATES[max((STATES.index(each.state) for each in findings), default=0)]


def span(seconds: float) -> str:
    """A length of time, to the second or to two digits, in the unit that people would take."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if abs(seconds) >= 10 else f"{seconds:.2g} s"


def size(count: float) -> str:
    """Bytes, in the unit that people would take."""
    for unit, each in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= each:
            return f"{count / each:.1f} {unit}"
    return f"{count:.0f} B"
