"""Lines of InfluxDB's line protocol with a tag or field renamed in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LINE = re.compile(r"(?P<head>(?:\\.|[^ \\])+) (?P<fields>.+) (?P<time>\d+)")
_TAG = re.compile(r",((?:\\.|[^,=\\])+)=")
_FIELD = re.compile(r'([^,=]+)=("(?:\\.|[^"\\])*"|[^,]*),?')


class Name(NamedTuple):
    """A tag or a field of a measurement."""

    measurement: str
    name: str


def measurement_of(line: str) -> str:
    return re.split("[, ]", line, maxsplit=1)[0]


def names(lines: Iterable[str]) -> set[Name]:
    """Every tag and field that stands in the lines."""
    return {Name(measurement_of(line), name) for line in lines for name in _names(line)}


def _names(line: str) -> Iterator[str]:
    found = _LINE.fullmatch(line)
    assert found, line
    yield from _TAG.findall(found["head"])
    yield from (name for name, _value in _FIELD.findall(found["fields"]))


def rename(line: str, name: str, measurement: str) -> str:
    """The line with that tag or field under another name, in another measurement."""
    found = _LINE.fullmatch(line)
    assert found, line
    other = f"{name}_renamed"
    head = _TAG.sub(lambda tag: f",{other if tag[1] == name else tag[1]}=", found["head"])
    head = measurement + head.removeprefix(measurement_of(line))
    pairs = ((other if each == name else each, value) for each, value in _FIELD.findall(found["fields"]))
    return f"{head} {','.join(f'{each}={value}' for each, value in pairs)} {found['time']}"
