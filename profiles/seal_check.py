"""What the parts of a profile's electronic seal contradict each other in."""

from __future__ import annotations

from collections.abc import Iterator

from config.load import Fault
from profiles.seal import NOTHING, NOTICE, Seal, effect_of


def check(seal: Seal) -> Iterator[Fault]:
    """What the parts contradict each other in."""
    for name, position in seal.positions.items():
        for index, event in enumerate(position.events):
            if event not in seal.events:
                yield Fault(("seal", "positions", name, "events", index), f"{event!r} is none of the seal's events")
    links = seal.links
    for name, event in (("camera", links.camera), ("terminal", links.terminal), ("mismatch", links.mismatch)):
        if event not in seal.events:
            yield Fault(("seal", "links", name), f"{event!r} is none of the seal's events")
    for name, told in seal.events.items():
        if told.contact and told.off is None:
            yield Fault(("seal", "events", name), "off is missing: a contact stands for a while, and is no passage")
    needed = {"persons", "share"}
    if links.mismatch in seal.events and (missing := needed - seal.events[links.mismatch].triggers.keys()):
        yield Fault(("seal", "events", links.mismatch, "triggers"), f"{', '.join(sorted(missing))} is missing")
    if missing := {"1", "2", "3"} - seal.levels.keys():
        yield Fault(("seal", "levels"), f"{', '.join(sorted(missing))} is missing")
    yield from _verdicts(seal)
    yield from _analyses(seal)


def _analyses(seal: Seal) -> Iterator[Fault]:
    known = {event.analysis for event in seal.events.values()}
    counted = seal.cm6.counted if seal.cm6 else ()
    parts = (("registered",), seal.registered), (("everywhere",), seal.everywhere), (("cm6", "counted"), counted)
    for at, analyses in parts:
        for index, analysis in enumerate(analyses):
            if analysis not in known:
                yield Fault(("seal", *at, index), f"{analysis!r} is the analysis of none of the seal's events")


def _verdicts(seal: Seal) -> Iterator[Fault]:
    at, verdicts = ("seal", "verdicts"), seal.verdicts
    known = ", ".join(verdicts.states)
    named: list[tuple[tuple[str, ...], str | None]] = [
        (("intact",), verdicts.intact), (("permit",), verdicts.permit), (("blind",), verdicts.blind)
    ]  # fmt: skip
    for part, effects in (("groups", verdicts.groups), ("events", verdicts.events)):
        for name, effect in effects.items():
            named += [((part, name, "standing"), effect.standing), ((part, name, "until_closed"), effect.until_closed)]
    for path, state in named:
        if state is not None and state not in verdicts.states:
            yield Fault((*at, *path), f"{state!r} is no state of a seal; expected one of {known}")
    for state in seal.states.keys() & verdicts.states.keys():
        yield Fault((*at, "states", state), f"{state!r} is a state of the mine as well (seal: states)")
    for name in verdicts.events.keys() - seal.events.keys():
        yield Fault((*at, "events", name), f"{name!r} is none of the seal's events")
    for name, event in seal.events.items():
        if event.group not in verdicts.groups:
            yield Fault((*at, "groups"), f"{event.group} is missing, which {name} is about")
        elif event.sealed == NOTICE and effect_of(seal, name) != NOTHING:
            what = "in a sealed mine it is no more than what is permitted (3), and so can have no effect on the seal"
            yield Fault(("seal", "events", name, "sealed"), what)
