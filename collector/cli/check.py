"""``edge-collector check``."""

from collector.settings import load_collector
from config.commands import check_command

command = check_command(load_collector, "collector.yaml")
