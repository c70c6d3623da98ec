"""What has too much for one packet, in parts that fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def parts(items: Iterable[T], size: Callable[[T], int], *, most: int, room: int) -> Iterator[list[T]]:
    """The items in their order, at most `most` and `room` bytes together; one that is larger is a part by itself."""
    part: list[T] = []
    taken = 0
    for item in items:
        length = size(item) + 1
        if part and (len(part) >= most or taken + length > room):
            yield part
            part, taken = [], 0
        part.append(item)
        taken += length
    if part:
        yield part
