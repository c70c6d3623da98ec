"""Offsets from UTC as people write them."""

from __future__ import annotations

from datetime import timedelta, timezone


def offset(zone: str) -> timezone:
    """The time zone of ``+08:00``; ValueError for anything else."""
    hours, minutes = zone[1:].split(":")
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-size if zone[0] == "-" else size)
