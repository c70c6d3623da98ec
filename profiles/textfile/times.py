"""Times as a specification writes them, in its zone, to ms since 1970 UTC and back."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta, timezone


@functools.lru_cache(maxsize=4096)
def milliseconds(text: str, form: str, zone: str) -> int:
    """A text as ms since 1970 UTC; `zone` is an offset such as +08:00. ValueError when it is not of the form."""
    found = datetime.strptime(text, form).replace(tzinfo=_zone(zone))
    return (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def text(ms: int, form: str, zone: str) -> str:
    """A time as its specification writes it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(_zone(zone)).strftime(form)


@functools.cache
def _zone(offset: str) -> timezone:
    sign = -1 if offset.startswith("-") else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6])))
