"""``edge-agent schema``."""

from config.commands import schema_command
from edge_agent.settings import agent_model

command = schema_command(agent_model, "agent.yaml")
