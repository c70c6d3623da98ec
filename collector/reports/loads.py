"""How loaded an agent's computer is, by the limits of a profile (notes on mines, 4.1, kind 03)."""

from __future__ import annotations

from dataclasses import dataclass

from profiles.report import LoadLimits, LoadName
from profiles.wire.messages import Host

LEVELS = ("", "warning", "grave")
"""The lightest first."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load (%) of a computer that has reached a level."""

    host: Host
    name: LoadName
    value: float
    level: str


def reached(limits: LoadLimits, load: float, before: str) -> str:
    """Its level now; a level that was reached is left `back` % below its limit, so that a load at it is told once."""
    found = ""
    for level, limit in (("warning", limits.warning), ("grave", limits.grave)):
        stands = LEVELS.index(before) >= LEVELS.index(level)
        if load >= limit or (stands and load > limit - limits.back):
            found = level
    return found


def is_graver(level: str, before: str) -> bool:
    """Whether it is to be told: a load that falls is not."""
    return LEVELS.index(level) > LEVELS.index(before)
