"""The list of what a backup holds, ``manifest.json``, written last: a folder without it is no backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

FILE = "manifest.json"


class BackupError(Exception):
    """A backup cannot be made, or is none that can be put back; the text says why, and what was expected."""


class Item(Struct, frozen=True):
    """One file of the backup: its size in bytes and the SHA-256 of its bytes, in hex."""

    size: int
    sha256: str


class Record(Struct, frozen=True, kw_only=True):
    """What a backup holds: of which collector, made by which version, as of which `moment` (ms since 1970 UTC)."""

    v: int = 1
    software: str
    collector: str
    settings: str
    """Name of the settings file."""
    moment: int
    files: dict[str, Item]
    """By the path in the backup."""
    stores: dict[str, str]
    """Name of an SQLite store → its path in the backup."""
    left_out: list[str]
    """What is not in it, in sentences."""


def item(path: Path) -> Item:
    """A file as the record has it."""
    with path.open("rb") as file:
        return Item(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def read_record(folder: Path) -> tuple[Record, str]:
    """The record of a backup and its own SHA-256. BackupError: there is none, or none of ours."""
    try:
        text = (folder / FILE).read_bytes()
    except OSError as err:
        why = "there is no such folder" if not folder.is_dir() else f"it has no {FILE}, so it was not finished"
        raise BackupError(f"{folder} is no backup: {why} ({err.strerror})") from err
    try:
        record = msgspec.json.decode(text, type=Record)
    except msgspec.DecodeError as err:
        raise BackupError(f"{folder / FILE} is none of ours, or damaged: {err}") from err
    if record.v != 1:
        raise BackupError(f"{folder / FILE} is of version {record.v}; this build knows version 1")
    return record, hashlib.sha256(text).hexdigest()


def faults(folder: Path, record: Record) -> Iterator[str]:
    """What of a backup is not as it was written, each in a sentence."""
    for name, wanted in record.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            yield f"{name}: it does not lie in the backup"
            continue
        try:
            found = item(path)
        except OSError as err:
            yield f"{name}: {err.strerror}"
            continue
        if found != wanted:
            yield f"{name}: its bytes are not those that were written ({found.size} bytes, expected {wanted.size})"
