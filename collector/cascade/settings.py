"""Settings of the higher collectors that a collector delivers to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Settings, Size, Written
from config.mqtt import MqttSettings
from edge_agent.evidence import CHUNK
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.uplink.settings import UplinkSettings
from profiles.wire.topics import ID_PATTERN, ID_WORDS


class CarriedSettings(Settings):
    """Whether and how pictures and films are passed on."""

    carry: bool = True
    """Whether the files that prove events follow them; events name them with their hashes in any case."""
    per_hour: Annotated[Size, Field(ge=CHUNK)] | None = None
    """Bytes of evidence an hour at most, for thin links; left out: as much as events and data leave."""


class CascadeSettings(Settings):
    """One higher collector (上级)."""

    collector: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Id of the higher collector; this one delivers to it under its own id, which is the name of its certificate."""
    mqtt: MqttSettings
    """The higher level's broker."""
    profiles: tuple[str, ...] = ()
    """Profiles that are passed on; left out: all."""
    regions: tuple[str, ...] = ()
    """Beginnings of county codes (行政区划代码) that are passed on; left out: all."""
    evidence: CarriedSettings = CarriedSettings()
    """Pictures and films that prove events."""
    outbox: OutboxSettings = OutboxSettings()
    """How much is kept while the higher level cannot be reached."""
    uplink: UplinkSettings = UplinkSettings()
    """How it is delivered."""
