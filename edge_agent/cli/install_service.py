"""``edge-agent install-service``."""

from __future__ import annotations

from pathlib import Path

from config.mqtt import link_files
from config.service.install import install_command
from config.service.unit import Needs
from edge_agent.settings import AgentSettings, load_agent


def needs(settings: AgentSettings) -> Needs:
    """The state, and what its devices need: serial ports, folders from which files are moved."""
    devices = settings.devices
    addresses = [device.address() for device in devices if not device.serial_port()]
    files = [path for path in map(Path, addresses) if path.is_absolute()]  # a folder of files
    return Needs(
        state=settings.state.absolute(),
        writes=tuple(dict.fromkeys(path.absolute() for device in devices for path in device.writes())),
        reads=(*files, *(path.absolute() for path in link_files(settings.mqtt))),
        ports=tuple(dict.fromkeys(port for device in devices if (port := device.serial_port()))),
    )


command = install_command("edge-agent", "agent.yaml", "Edge gateway: reads a site's instruments", load_agent, needs)
