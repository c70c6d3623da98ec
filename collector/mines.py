"""What the supervisor ordered of each mine: its state, and the permits while it is sealed (notes on mines, 5.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from config.load import Fault
from config.model import Settings
from profiles.load import Library


class Permit(Settings):
    """What may go on in a sealed mine, from when to when."""

    start: AwareDatetime
    """Beginning, with its offset from UTC: 2026-11-24T08:00+08:00."""
    end: AwareDatetime
    """End."""
    positions: tuple[str, ...] = ()
    """Positions of the profile, such as P02; left out: all of them."""
    max_persons: Annotated[int, Field(ge=0)] | None = None
    """With more people at once it does not hold; left out: any number."""
    works: tuple[str, ...] = ()
    """What is done, for the record: pump, vent, inspect, rescue."""

    @model_validator(mode="after")
    def _forward(self) -> Permit:
        if self.start >= self.end:
            raise PydanticCustomError("permit", "start must be before end")
        return self


class MineOrder(Settings):
    """One mine, by the signed order and not by what the mine says of itself."""

    state: str
    """State by the profile: producing, building, stopped, stopped_building, closing, closed."""
    order: str = ""
    """Number of the order (文号), for the record."""
    permits: tuple[Permit, ...] = ()
    """What is allowed while it is sealed."""

    def permits_at(self, moment: int, position: str, persons: float) -> bool:
        """Whether a permit covers `persons` people at a position at a moment (ms since 1970 UTC)."""
        return any(
            each.start.timestamp() * 1000 <= moment < each.end.timestamp() * 1000
            and (not each.positions or position in each.positions)
            and (each.max_persons is None or persons <= each.max_persons)
            for each in self.permits
        )


def mine_faults(mines: Mapping[str, MineOrder], pushed: int | None, library: Library) -> Iterator[Fault]:
    """States and positions that no profile of a seal knows; `pushed`: the first target that needs orders."""
    if not mines:
        if pushed is not None:
            what = "a seal platform is told nothing of a mine without an order: mines: {CODE: {state: …}}"
            yield Fault(("reports", pushed, "family"), what, "warning")
        return
    seals = [seal for name in library if (seal := library[name].seal) is not None]
    states = {state for seal in seals for state in seal.states}
    positions = {position for seal in seals for position in seal.positions}
    for code, mine in mines.items():
        if mine.state not in states:
            yield Fault(
                ("mines", code, "state"), f"{mine.state!r} is no state; expected one of {', '.join(sorted(states))}"
            )
        for index, permit in enumerate(mine.permits):
            for at, position in enumerate(permit.positions):
                if position not in positions:
                    known = ", ".join(sorted(positions))
                    what = f"{position!r} is no position; expected one of {known}"
                    yield Fault(("mines", code, "permits", index, "positions", at), what)
