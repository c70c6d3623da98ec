"""``edge-agent init``."""

from config.commands import init_command
from edge_agent.settings import agent_model

command = init_command("agent", agent_model, "agent.yaml")
