"""``edge-collector install-service``."""

from __future__ import annotations

from collector.settings import CollectorSettings, load_collector
from config.mqtt import link_files
from config.service.install import install_command
from config.service.unit import Needs


def needs(settings: CollectorSettings) -> Needs:
    """The state, embedded stores, and folders to which it reports."""
    parts = (*settings.sinks, *(target.transport for target in settings.reports))
    return Needs(
        state=settings.state.absolute(),
        writes=tuple(dict.fromkeys(path.absolute() for part in parts for path in part.writes())),
        reads=tuple(path.absolute() for path in link_files(settings.mqtt)),
    )


command = install_command(
    "edge-collector", "collector.yaml", "Central collector of edge gateways", load_collector, needs
)
