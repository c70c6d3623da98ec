"""What of an agent's settings may leave the house in a support bundle."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from config.doctor.bundle import Described
from edge_agent.settings import load_agent
from edge_agent.tags import DeviceSettings, TagSettings

HARMLESS = frozenset({
    "agent", "collector", "adcode", "code", "gateway", "host", "profile", "asset", "point", "quantity", "unit", "node",
    "port", "kind", "position", "measure", "group", "order", "framing", "volume_unit", "level_unit", "security_policy",
})  # fmt: skip
"""Fields whose texts are codes, addresses of machines and units. All else is people's own words."""


def keeps(model: BaseModel, field: str) -> bool:
    """Names of devices and tags stay: without them nothing can be told apart."""
    return field in HARMLESS or (field == "name" and isinstance(model, DeviceSettings | TagSettings))


def describe(file: Path) -> Described:
    """See `config.doctor.bundle.Describe`."""
    settings = load_agent(file).settings
    return Described(settings, settings.state, keeps)
