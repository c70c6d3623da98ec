"""``edge-agent version``."""

from config.commands import version_command

command = version_command("edge-agent")
