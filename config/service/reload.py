"""Which changes of a settings file a running program takes over, and which it refuses because they need a restart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from config.load import Fault
from config.model import Settings

S = TypeVar("S", bound=Settings)


def needs_restart(running: S, reloaded: Collection[str]) -> Callable[[S], Iterator[Fault]]:
    """A check for `config.load.load`: a fault at each setting outside `reloaded` that is not as in `running`."""

    def check(settings: S) -> Iterator[Fault]:
        for name in type(settings).model_fields:
            if name not in reloaded and getattr(settings, name) != getattr(running, name):
                taken = ", ".join(reloaded)
                yield Fault(
                    (name,), f"a change of {name} needs a restart; without one only these are taken over: {taken}"
                )

    return check
