"""MQTT topics ``gw/v1/<collector>/<agent>/<kind>``: who speaks is taken from the topic, never from the payload."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["manifest", "data", "event", "evidence", "state", "ack", "request", "response"]
KINDS: tuple[str, ...] = get_args(Kind)
FROM_AGENT: tuple[Kind, ...] = ("manifest", "data", "event", "evidence", "state", "response")
TO_AGENT: tuple[Kind, ...] = ("ack", "request")

PREFIX = "gw/v1"
ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
ID_WORDS = "1 to 63 lower-case letters, digits and '-', not beginning with '-'"
"""Ids of agents and collectors: they stand in topics, client ids and certificates' common names."""
TRIAL, NOBODY = "_trial", "_nobody"
"""A collector and an agent that nobody can be called, since ids have no '_': for trying what a broker lets through."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the contract, taken apart."""

    collector: str
    agent: str
    kind: Kind

    def __str__(self) -> str:
        return f"{PREFIX}/{self.collector}/{self.agent}/{self.kind}"

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Take ``gw/v1/<collector>/<agent>/<kind>`` apart; ValueError says what was expected."""
        parts = text.split("/")
        if len(parts) != 5 or "/".join(parts[:2]) != PREFIX:
            raise ValueError(f"topic {text!r}: expected {PREFIX}/<collector>/<agent>/<kind>")
        for part in parts[2:4]:
            if not re.fullmatch(ID_PATTERN, part):
                raise ValueError(f"topic {text!r}: id {part!r} does not match {ID_PATTERN}")
        if parts[4] not in KINDS:
            raise ValueError(f"topic {text!r}: kind {parts[4]!r} is none of {', '.join(KINDS)}")
        return cls(parts[2], parts[3], parts[4])  # type: ignore[arg-type]  # checked just above


def subscription(collector: str, kind: Kind) -> str:
    """The filter by which a collector hears `kind` from all its agents."""
    return f"{PREFIX}/{collector}/+/{kind}"
