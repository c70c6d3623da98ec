"""Names of the files: mine, kind and time, and the next free one in the same second (mines, 1.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from profiles.textfile.model import FileNaming
from profiles.textfile.times import milliseconds, text


class FileName(NamedTuple):
    """What a name says; `time` in ms since 1970 UTC."""

    mine: str
    kind: str
    time: int


def parse(naming: FileNaming, zone: str, name: str) -> FileName | None:
    """What a name says; None for a file that is none of these."""
    match = re.fullmatch(naming.pattern, name)
    if match is None:
        return None
    try:
        return FileName(match["mine"], match["kind"], milliseconds(match["time"], naming.time, zone))
    except ValueError:
        return None


def compose(naming: FileNaming, zone: str, name: FileName) -> str:
    """The name of a file."""
    return naming.name.format(mine=name.mine, kind=name.kind, time=text(name.time, naming.time, zone))


def free(naming: FileNaming, zone: str, name: FileName, taken: Callable[[str], bool]) -> str:
    """The first name that is not taken: each further one has a second more in its name, and the same header."""
    while taken(composed := compose(naming, zone, name)):
        name = name._replace(time=name.time + 1000)
    return composed
