"""By how much the clocks of agents are off, by what their states say and when these come.

A state that waits on its way seems to be of a clock that is behind; so of the newest ones that which is furthest ahead
counts, which was the quickest. What a broker had kept (retained) tells nothing.
"""

from __future__ import annotations

from collections import deque

NEWEST = 5
"""States of an agent that are compared."""


class Clocks:
    """Of the agents that this collector has heard in this run; as many as its registry has."""

    def __init__(self) -> None:
        self._ahead: dict[str, deque[int]] = {}

    def heard(self, agent: str, said: int, now: int) -> None:
        """A state that was said at `said` by the agent's clock came at `now` (ms UTC)."""
        self._ahead.setdefault(agent, deque(maxlen=NEWEST)).append(said - now)

    def ahead(self, agent: str) -> int | None:
        """By how much an agent's clock is ahead of this computer's, ms; None: it was not heard yet."""
        states = self._ahead.get(agent)  # once: another thread may forget it meanwhile
        return max(states) if states else None

    def forget(self, agent: str) -> None:
        """It is gone, or begins anew."""
        self._ahead.pop(agent, None)
