"""``edge-collector version``."""

from config.commands import version_command

command = version_command("edge-collector")
