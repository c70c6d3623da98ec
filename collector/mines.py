"""What the supervisor ordered of each mine: its state, and the permits while it is sealed (notes on mines, 5.7).

By it an event of its seal (电子封条) has its level: `judged` for one event, `Orders` for the alarm book.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from pydantic import Field

from collector.sinks.base import EventRecord
from config.load import Fault
from config.model import Settings
from config.nodes import KeyPath
from profiles.load import Library
from profiles.periods import Dated
from profiles.seal import NOTICE, Seal, is_sealed, level
from profiles.wire.messages import Event, Level


class Permit(Dated):
    """What may go on in a sealed mine, from when to when."""

    positions: tuple[str, ...] = ()
    """Positions of the profile, such as P02; left out: all of them."""
    max_persons: Annotated[int, Field(ge=0)] | None = None
    """With more people at once it does not hold; left out: any number."""
    works: tuple[str, ...] = ()
    """What is done, for the record: pump, vent, inspect, rescue."""

    def covers(self, position: str, persons: float) -> bool:
        """Whether it is for this position, and for so many people."""
        return (not self.positions or position in self.positions) and (
            self.max_persons is None or persons <= self.max_persons
        )


class MineOrder(Settings):
    """One mine, by the signed order and not by what the mine says of itself."""

    state: str
    """State by the profile: producing, building, stopped, stopped_building, closing, closed."""
    order: str = ""
    """Number of the order (文号), for the record."""
    permits: tuple[Permit, ...] = ()
    """What is allowed while it is sealed."""
    positions: tuple[str, ...] = ()
    """Positions that must be watched, such as P01; left out: those of the mine that ever had a camera or a contact."""

    def permitted_until(self, moment: int, position: str, persons: float) -> int:
        """Up to when, exclusive, permits that follow on each other cover a moment (ms UTC); itself where none does."""
        covering = [each for each in self.permits if each.covers(position, persons)]
        until = moment
        while ends := [each.until for each in covering if each.begin <= until < each.until]:
            until = max(ends)
        return until


@dataclass(frozen=True, slots=True)
class Judged:
    """An event of a seal as the mine's order has it."""

    level: int
    """1 grave, 2 warning, 3 notice."""
    forbidden: bool
    """Whether the mine is sealed and no permit covers it."""


def judged(seal: Seal, event: Event, position: str, order: MineOrder | None) -> Judged:
    """Notes on mines, 5.7, at a position such as P06; without an order as in a sealed mine.

    What lasts is permitted as long as permits cover it, up to when it surely went on: it is told as over only after its
    clearing time. KeyError for an event that the profile does not know.
    """
    state = order.state if order else ""
    persons = number(event.facts.get("persons", 1))
    went_on = max(event.since, event.time - round((seal.events[event.code].off or 0) * 1000))
    permitted = order is not None and order.permitted_until(event.since, position, persons) > went_on
    lasting = (event.time - event.since) / 1000
    return Judged(
        level(seal, event.code, state, permitted=permitted, lasting=lasting), is_sealed(seal, state) and not permitted
    )


def number(persons: float | int | bool | str) -> float:
    """How many people an event tells of, as its facts have it; what is no number is one."""
    return float(persons) if isinstance(persons, int | float) else 1.0


class Orders:
    """The events of seals as the alarm book takes them, whatever level their agents gave them (decision 0009)."""

    def __init__(self, orders: Mapping[str, MineOrder], library: Library) -> None:
        self._orders, self._library = orders, library

    def __call__(self, record: EventRecord) -> EventRecord | None:
        """An event with its ordered level; None for one that has no life: a fact without an end, such as a restart.

        A passage (`noted`) of a seal is one where the order makes it more than a notice.
        """
        profile = self._library.get(record.profile)
        seal = profile.seal if profile and record.event.kind == "seal" else None
        if seal is None or record.event.code not in seal.events:
            return None if record.event.state == "noted" else record
        found = judged(seal, record.event, record.position, self._orders.get(record.site)).level
        if record.event.state == "noted" and found == NOTICE:
            return None
        return dataclasses.replace(record, event=msgspec.structs.replace(record.event, level=level_name(seal, found)))


def level_name(seal: Seal, found: int) -> Level:
    """The level on the wire and in the book of 1 (grave) to 3."""
    return seal.levels[str(found)]  # type: ignore[index]  # the profile has all three: profiles.seal.check


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
        named: list[tuple[KeyPath, tuple[str, ...]]] = [(("positions",), mine.positions)]
        named += [(("permits", index, "positions"), each.positions) for index, each in enumerate(mine.permits)]
        for path, chosen in named:
            for at, position in enumerate(chosen):
                if position not in positions:
                    known = ", ".join(sorted(positions))
                    what = f"{position!r} is no position; expected one of {known}"
                    yield Fault(("mines", code, *path, at), what)
