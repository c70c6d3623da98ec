"""Moments as people write and read them; inside, a moment is ms since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(millis: float) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def millis(text: str) -> int:
    """A moment in ISO 8601; without an offset it is this machine's time. ValueError says what was expected."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as err:
        raise ValueError(f"{text!r} is no time; expected one such as 2026-11-24T08:00 or 2026-11-24T00:00Z") from err
