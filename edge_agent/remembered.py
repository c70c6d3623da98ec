"""What must survive a restart beside the envelopes: committed with them in the outbox's small state, key by key.

Keys: ``clock`` (the latest ms seen or given by the agent's own clock), ``alarms:<tag>``, ``faults:<device>``,
``stamp:<tag>``, ``told:<tag>``, ``total:<tag>``, ``contact:<tag>``, ``expiry``; values are JSON, empty when there is
nothing any more.
``driver:<device>/<key>`` holds a driver's own text, ``evidence:<id>`` how far a file was carried,
``combined:<key>`` what combined rules remember.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from edge_agent.contacts import OpenContact
from edge_agent.evidence import Pending
from edge_agent.limits import OpenAlarm, Side
from edge_agent.links import Fault, OpenFault
from edge_agent.stamps import Stamp

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Remembered:
    """The small state as an earlier run left it."""

    high: int = 0
    alarms: dict[str, dict[Side, OpenAlarm]] = field(default_factory=dict)
    faults: dict[str, dict[Fault, OpenFault]] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    """The last value of each tag that accumulates."""
    drivers: dict[str, dict[str, str]] = field(default_factory=dict)
    """What drivers had remembered, by device and key."""
    evidence: dict[str, Pending] = field(default_factory=dict)
    """Files that are still to be carried, by id."""
    told: dict[str, int] = field(default_factory=dict)
    """Of tags whose device tells alarms, the time of the last one, ms."""
    contacts: dict[str, OpenContact] = field(default_factory=dict)
    """Of contacts of a seal, what stood open."""
    combined: dict[str, str] = field(default_factory=dict)
    """What combined rules had remembered."""
    expiry: OpenFault | None = None
    """The alarm of the agent's own certificates, while one stands."""

    @classmethod
    def read(cls, recall: Mapping[str, str]) -> Remembered:
        """Take the outbox's small state apart; an entry that is not readable is logged and left out."""
        this = cls()
        for key, text in recall.items():
            if not text:
                continue
            kind, _, name = key.partition(":")
            try:
                this._enter(kind, name, text)
            except msgspec.MsgspecError as err:
                log.warning("small state %r of the outbox is not readable and left out: %s", key, err)
        return this

    def _enter(self, kind: str, name: str, text: str) -> None:
        decoded: dict[str, tuple[dict[str, Any], Any]] = {
            "alarms": (self.alarms, dict[Side, OpenAlarm]), "faults": (self.faults, dict[Fault, OpenFault]),
            "stamp": (self.stamps, Stamp), "evidence": (self.evidence, Pending), "total": (self.totals, float),
            "told": (self.told, int), "contact": (self.contacts, OpenContact),
        }  # fmt: skip
        match kind:
            case "clock":
                self.high = _decode(text, int)
            case "expiry":
                self.expiry = _decode(text, OpenFault)
            case "driver":
                device, _, own = name.partition("/")
                self.drivers.setdefault(device, {})[own] = text
            case "combined":
                self.combined[name] = text
            case _ if kind in decoded:
                table, its = decoded[kind]
                table[name] = _decode(text, its)


def remember(value: Any) -> str:
    """One value of the small state as text; empty for None and for empty tables."""
    return msgspec.json.encode(value).decode() if value or value == 0 else ""


def _decode(text: str, kind: Any) -> Any:
    return msgspec.json.decode(text, type=kind)
