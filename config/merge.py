"""One file completed by another: its tables are merged key by key, and each value keeps the place it came from."""

from __future__ import annotations

import dataclasses
from typing import Any

from config.nodes import Document, KeyPath


def completed(document: Document, base: Document) -> Document:
    """`document` with what it leaves out taken from `base`; null removes an inherited key; lists are not merged."""
    merged = Document(None, {}, {}, {})
    merged.data = _merge(document, base, (), merged)
    return merged


def without(document: Document, keys: tuple[str, ...]) -> Document:
    """`document` without some of its first keys, such as those that are not inherited."""
    return dataclasses.replace(document, data={k: v for k, v in document.data.items() if k not in keys})


def _merge(document: Document, base: Document, path: KeyPath, into: Document) -> Any:
    value, under = _at(document.data, path), _at(base.data, path)
    into.values[path] = document.mark(path)
    if not isinstance(value, dict) or not isinstance(under, dict):
        _copy(document, value, path, into)
        return value
    result = {}
    for key in [*under, *(key for key in value if key not in under)]:
        at = (*path, key)
        if key not in value:
            _copy(base, under[key], at, into)
            result[key] = under[key]
        elif value[key] is not None or key not in under:
            into.keys[at] = document.keys[at]
            result[key] = _merge(document, base, at, into) if key in under else value[key]
            if key not in under:
                _copy(document, value[key], at, into)
    return result


def _copy(source: Document, value: Any, path: KeyPath, into: Document) -> None:
    """The places of a value and of all that is in it."""
    for places, noted in ((source.keys, into.keys), (source.values, into.values), (source.written, into.written)):
        if path in places:
            noted[path] = places[path]  # type: ignore[assignment]  # the two are of one kind
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        _copy(source, child, (*path, key), into)


def _at(data: Any, path: KeyPath) -> Any:
    for step in path:
        data = data[step]
    return data
