"""``edge-agent reload``."""

from config.service.commands import reload_command
from edge_agent.settings import RELOADED, AgentSettings

command = reload_command("edge-agent", "agent.yaml", AgentSettings.model_fields["state"].default, ", ".join(RELOADED))
