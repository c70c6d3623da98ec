"""Readings of other points that stand in a record beside its own: those of the same code but for its sensor type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from collector.reports.encoders.base import Due, Gateway
from collector.reports.encoders.facts import number
from profiles.model import Profile
from profiles.textfile.values import text_files


def siblings(profile: Profile, kind: str, code: str) -> dict[str, str]:
    """By field of a kind the code of the point whose reading stands there beside that of `code`."""
    written, at = text_files(profile).kinds[kind].written, profile.codes["point"].quantity_at
    if written is None or at is None:
        return {}
    return {field: code[: at - 1] + sort + code[at - 1 + len(sort) :] for field, sort in written.beside.items()}


def as_written(gateway: Gateway, seen: Mapping[str, Due]) -> dict[str, str]:
    """Readings by field, those that have a value that counts, with the decimals of their quantities."""
    return {
        field: number(due.value, due.quantity(gateway.profile).decimals)
        for field, due in seen.items()
        if due.value is not None and due.valid
    }


def with_siblings(gateway: Gateway, kind: str, due: Due, rows: Iterable[Due]) -> Due:
    """A reading with those of its siblings among all of the same file."""
    wanted = siblings(gateway.profile, kind, due.place.point.code)
    if not wanted:
        return due
    known = {each.place.point.code: each for each in rows}
    seen = {field: known[code] for field, code in wanted.items() if code in known}
    return replace(due, beside=as_written(gateway, seen))
