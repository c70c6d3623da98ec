"""How the fields of a message are held against a specification: a table of rules, and every fault with its path."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple, TypeGuard

BEIJING = timezone(timedelta(hours=8))
Check = Callable[[Any], str]
"""What is wrong with a value, or nothing."""


class Fault(NamedTuple):
    """One thing that is wrong: where (``datas[2].value``), and what."""

    path: str
    reason: str


class Field(NamedTuple):
    """One field of a message."""

    check: Check
    required: bool = True


def text(pattern: str, words: str) -> Check:
    """A string of a pattern."""
    return lambda value: "" if isinstance(value, str) and re.fullmatch(pattern, value) else f"expected {words}"


def one_of(*words: Any) -> Check:
    """One of some values, of the same type."""
    known = [(type(word), word) for word in words]
    return lambda value: "" if (type(value), value) in known else f"expected one of {', '.join(map(str, words))}"


def is_number(value: Any) -> TypeGuard[float]:
    """A JSON number; true and false are none, nor is what no double holds (1e999)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def number(value: Any) -> str:
    """A number."""
    return "" if is_number(value) else "expected a number"


def number_or_null(value: Any) -> str:
    """A number, or null."""
    return "" if value is None or is_number(value) else "expected a number or null"


def boolean(value: Any) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else "expected true or false"


def moment(form: str) -> Check:
    """A time of this form (strptime), written with all its digits."""

    def check(value: Any) -> str:
        return "" if millis(value, form) is not None else f"expected a time of the form {form}"

    return check


def millis(value: Any, form: str) -> int | None:
    """A Beijing time as ms since 1970 UTC; None when it is not of this very form."""
    try:
        found = datetime.strptime(value, form).replace(tzinfo=BEIJING)
    except (TypeError, ValueError):
        return None
    return round(found.timestamp() * 1000) if found.strftime(form) == value else None


def now() -> int:
    """Ms since 1970 UTC."""
    return round(datetime.now(UTC).timestamp() * 1000)


def held_against(message: Any, table: Mapping[str, Field], at: str = "", *, quoted: bool = True) -> Iterator[Fault]:
    """Every field that is missing, not known, or not as it should be; `quoted`: with what it says."""
    if not isinstance(message, dict):
        yield Fault(at.rstrip("."), "expected an object")
        return
    for name, field in table.items():
        if name not in message:
            if field.required:
                yield Fault(at + name, "is missing")
        elif reason := field.check(message[name]):
            yield Fault(at + name, f"{reason}, not {str(message[name])[:60]!r}" if quoted else reason)
    for name in message:
        if name not in table:
            yield Fault(at + str(name), "is not known")


def records(message: Mapping[str, Any], name: str, most: int) -> Iterator[tuple[str, Any]]:
    """The entries of a list in a message with their paths; none where it is no list."""
    found = message.get(name)
    if isinstance(found, list):
        for index, each in enumerate(found[:most]):
            yield f"{name}[{index}].", each
