"""What we write into text files: in which kind a point travels, how often, and its state (mines, 1.3, 1.4)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from profiles.stated import AbnormalName
from profiles.textfile.model import State, StateTable, TextFiles, Written
from profiles.wire import quality as q


def kinds(files: TextFiles, of: Written) -> Iterator[str]:
    """The kinds that we write of something, in the profile's order."""
    return (name for name, kind in files.kinds.items() if kind.written is not None and kind.written.of == of)


def kind_of(files: TextFiles, of: Written, code: str) -> str | None:
    """The kind in which a point is written: the first that wants its code."""
    return next((name for name in kinds(files, of) if re.match(wanted(files, name), code)), None)


def wanted(files: TextFiles, kind: str) -> str:
    """The regular expression for the codes that a kind wants; empty where it wants all."""
    written = files.kinds[kind].written
    return (written.points if written else None) or ""


def tells_type(files: TextFiles, kind: str) -> bool:
    """Whether records of two abnormal events of a point with the same beginning are told apart by their key."""
    its = files.kinds[kind]
    own = its.written.holds if its.written else {}
    return any(own.get(field, files.fields[field].holds) in ("alarm_type", "alarm_level") for field in its.key)


def told_beside(files: TextFiles) -> set[str]:
    """The sensor types of points that are written into the records of others."""
    return {sort for kind in files.kinds.values() if kind.written for sort in kind.written.beside.values()}


def interval(files: TextFiles, kind: str) -> float:
    """Seconds between two files of a kind."""
    own = files.kinds[kind].interval
    return own or (files.report.period if files.report else 60.0)


def state_of(
    table: StateTable, quality: str, *, valued: bool, crossed: Collection[AbnormalName] = (), high: bool | None = None
) -> tuple[str, bool]:
    """How a state is written, and whether a value stands beside it: the other way round from `values.state`.

    `valued`: there is a number; `crossed`: limits at or beyond which it lies; `high`: it lies above (below) its range.
    A bad quality that the table does not know is an instrument at fault, without a value.
    """
    if not q.is_bad(quality) and valued:
        found = [key for key, state in table.values.items() if set(state.limits) & set(crossed)]
        return _text(table, found), True
    key, value = bad_state(table, quality, valued=valued, high=high)
    return _text(table, [] if key is None else [key]), value


def bad_state(table: StateTable, quality: str, *, valued: bool, high: bool | None = None) -> tuple[str | None, bool]:
    """Which state a bad quality is, and whether a value stands beside it; see `state_of`."""
    side = None if high is None else ("high" if high else "low")
    for sought, value in ((quality, valued), (q.BAD_INSTRUMENT, False)):
        for key, state in table.values.items():
            if (state.quality, state.value) == (sought, value) and _side(state, side):
                return key, value
    return None, False


def _side(state: State, side: str | None) -> bool:
    return state.side is None or side is None or state.side == side


def _text(table: StateTable, keys: Collection[str]) -> str:
    if table.form == "sum":
        return str(sum(map(int, keys)))
    if table.form == "flags":
        return "".join("1" if str(at) in keys else "0" for at in range(1, max(map(int, table.values)) + 1))
    return next(iter(keys), next(key for key, state in table.values.items() if state.quality == q.GOOD))
