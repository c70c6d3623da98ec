"""Settings without the entries at fault, so that what the others mean is checked in the same run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from config.nodes import KeyPath


class Without:
    """`data` without the innermost list entry (a tag, a device) around each of `paths`; None where one has no entry."""

    def __init__(self, data: Any, paths: Iterable[KeyPath]) -> None:
        entries = [_entry(path) for path in paths]
        self._gone = set(entries)
        self._kept: dict[KeyPath, list[int]] = {}
        self._lost: dict[KeyPath, list[Any]] = {}
        self.data = None if None in self._gone else self._copy(data, ())

    def original(self, path: KeyPath) -> KeyPath:
        """Where a path of the reduced data stands in the whole."""
        found: KeyPath = ()
        for step in path:
            kept = self._kept.get(found)
            found = (*found, kept[step] if kept is not None and isinstance(step, int) else step)
        return found

    def has_lost(self, path: KeyPath, name: str) -> bool:
        """Whether an entry left out of the list at `path` has this name, or has none and may be meant."""
        lost = self._lost.get(self.original(path), [])
        names = [each.get("name") if isinstance(each, dict) else None for each in lost]
        return any(each is None or str(each) == name for each in names)

    def _copy(self, data: Any, path: KeyPath) -> Any:
        if isinstance(data, dict):
            return {key: self._copy(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            kept = [index for index in range(len(data)) if (*path, index) not in self._gone]
            if len(kept) < len(data):
                self._kept[path] = kept
                self._lost[path] = [each for index, each in enumerate(data) if (*path, index) in self._gone]
            return [self._copy(data[index], (*path, index)) for index in kept]
        return data


def _entry(path: KeyPath) -> KeyPath | None:
    last = max((at for at, step in enumerate(path) if isinstance(step, int)), default=None)
    return None if last is None else path[: last + 1]
