"""All dashboards, in the order in which an operator goes deeper."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards import (
    alarms,
    compliance,
    gateways,
    hazchem,
    mines,
    seal,
    sites_map,
    tailings,
    tank,
)
from profiles.load import Library

MODULES = {
    "map": sites_map, "hazchem": hazchem, "tank": tank, "tailings": tailings, "mines": mines, "seal": seal,
    "alarms": alarms, "compliance": compliance, "gateways": gateways,
}  # fmt: skip
"""File → module; another dashboard is a module and a line here."""


def boards(library: Library) -> dict[str, Dashboard]:
    """File's name → dashboard. KeyError where a profile lacks a quantity that a dashboard shows."""
    return {name: module.build(library) for name, module in MODULES.items()}
