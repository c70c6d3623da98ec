"""``edge-agent support-bundle``: what helps to find out what ails it, without secrets."""

from config.doctor.bundle import bundle_command
from edge_agent.doctor.described import describe
from edge_agent.doctor.examine import examine

command = bundle_command("edge-agent", "agent.yaml", examine, describe)
