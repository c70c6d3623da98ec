"""``edge-collector reload``."""

from __future__ import annotations

from pathlib import Path

from collector.cli.logged import logged
from collector.settings import RELOADED, CollectorSettings, load_collector
from config.service.commands import reload_command


def _log(file: Path) -> None:
    """Who is told of alarms is changed by somebody; ConfigError when the file has mistakes."""
    logged(load_collector(file).settings, "asked to take over", f"settings {file.absolute()}", {})


command = reload_command(
    "edge-collector", "collector.yaml", CollectorSettings.model_fields["state"].default, ", ".join(RELOADED), _log
)
