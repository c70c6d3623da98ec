"""Whether the loops of a program move on: each says at every round by when it will have come round again.

A watchdog that is fed by a timer only proves that the timer runs. This one is fed while every loop that reads, commits,
delivers or acknowledges keeps its word, and starves when one of them hangs, or when the event loop itself does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

GRACE = 60.0
"""Seconds that a loop may be late: a disk that is slow, or a machine that has much to do, is no hang."""
Step = Callable[[float], None]
"""Told by a loop that it has come round, and within how many seconds it will have done so again."""


def unwatched(_within: float) -> None:
    """The `Step` of a loop that nobody watches."""


@dataclass(slots=True)
class _Loop:
    due: float | None = None
    """Monotonic seconds by which it will have come round; None before its first round."""
    rounds: int = 0


class Progress:
    """The loops of one program, by name. Not thread-safe: the event loop's alone."""

    def __init__(self, grace: float = GRACE, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._grace, self._monotonic = grace, monotonic
        self._loops: dict[str, _Loop] = {}

    def watch(self, name: str) -> Step:
        """Watch a loop; what it calls at every round."""
        loop = self._loops[name] = _Loop()

        def step(within: float) -> None:
            loop.due = self._monotonic() + within
            loop.rounds += 1

        return step

    def forget(self, name: str) -> None:
        """The loop has ended in good order."""
        self._loops.pop(name, None)

    def clear(self) -> None:
        """The program begins anew."""
        self._loops.clear()

    @property
    def ready(self) -> bool:
        """Whether there are loops, and all of them have come round once."""
        return bool(self._loops) and all(loop.due is not None for loop in self._loops.values())

    def rounds(self) -> dict[str, int]:
        """How often each loop came round."""
        return {name: loop.rounds for name, loop in self._loops.items()}

    def stuck(self) -> Sequence[str]:
        """The loops that are later than they said, by more than the grace."""
        now = self._monotonic()
        return [name for name, loop in self._loops.items() if loop.due is not None and now > loop.due + self._grace]
