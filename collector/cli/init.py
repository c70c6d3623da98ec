"""``edge-collector init``."""

from collector.settings import collector_model
from config.commands import init_command

command = init_command("collector", collector_model, "collector.yaml")
