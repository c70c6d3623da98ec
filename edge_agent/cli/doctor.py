"""``edge-agent doctor``: what is amiss, and what to do."""

from config.doctor.commands import doctor_command
from edge_agent.doctor.examine import THOROUGH, examine

command = doctor_command("edge-agent", "agent.yaml", examine, THOROUGH)
