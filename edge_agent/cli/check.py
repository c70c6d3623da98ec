"""``edge-agent check``."""

from config.commands import check_command
from edge_agent.settings import load_agent

command = check_command(load_agent, "agent.yaml")
