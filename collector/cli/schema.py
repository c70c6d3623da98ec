"""``edge-collector schema``."""

from collector.settings import collector_model
from config.commands import schema_command

command = schema_command(collector_model, "collector.yaml")
