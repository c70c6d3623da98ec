"""Settings that name the file of a private key, and whether anybody but its owner may read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.keys import refuse_readable
from config.load import Fault
from config.model import Settings
from config.nodes import KeyPath


class KeyHolder(Settings):
    """Settings with a private key under `key`; where there is none of its own it stands with the `certificate`."""

    @property
    def private(self) -> Path | None:
        """The file that holds the private key."""
        held = self._held()
        return None if held is None else held[1]

    def guard(self) -> None:
        """Before the key is used: PermissionError when others may read it, since a key that leaked proves nobody."""
        if (file := self.private) is not None and file.is_file():
            refuse_readable(file)

    def _held(self) -> tuple[str, Path] | None:
        for name in ("key", "certificate"):
            if (file := getattr(self, name, None)) is not None:
                return name, file
        return None

    def faults(self) -> Iterator[tuple[str, str]]:
        """The name of the setting, and why its file will be refused."""
        if (held := self._held()) is not None:
            try:
                self.guard()
            except PermissionError as err:
                yield held[0], str(err)


def readable_keys(settings: BaseModel) -> Iterator[Fault]:
    """Keys that others may read: warnings, since only what uses such a key stands still, and the rest goes on."""
    for path, holder in _holders(settings, ()):
        for name, message in holder.faults():
            yield Fault((*path, name), message, "warning")


def _holders(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, KeyHolder]]:
    if isinstance(value, KeyHolder):
        yield path, value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _holders(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _holders(each, (*path, index))
