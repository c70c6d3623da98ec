"""When what failed is tried again: after a second, then after twice the pause, up to a minute."""

from __future__ import annotations

from collections.abc import Hashable

FIRST, LONGEST = 1_000, 60_000
"""Ms."""
REMEMBERED = 200_000
"""Failures that are remembered; beyond that all are forgotten, and so tried at once."""


class Attempts:
    """Failures by what they are about; times in ms."""

    def __init__(self) -> None:
        self._failed: dict[Hashable, tuple[int, int]] = {}

    def due(self, about: Hashable, now: int) -> bool:
        """Whether it is to be tried now."""
        return self._failed.get(about, (0, 0))[0] <= now

    def failed(self, about: Hashable, now: int) -> None:
        """It was tried, and failed."""
        if len(self._failed) >= REMEMBERED:
            self._failed.clear()
        _again, pause = self._failed.get(about, (0, FIRST // 2))
        pause = min(LONGEST, pause * 2)
        self._failed[about] = now + pause, pause

    def done(self, about: Hashable) -> None:
        """It was tried, and did not fail."""
        self._failed.pop(about, None)

    def any_due(self, now: int) -> bool:
        """Whether anything that failed is to be tried now; what was long since, and is tried no more, is forgotten."""
        self._failed = {about: each for about, each in self._failed.items() if each[0] > now - 2 * LONGEST}
        return any(again <= now for again, _pause in self._failed.values())
