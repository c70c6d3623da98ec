"""``edge-collector doctor``: what is amiss, and what to do."""

from collector.doctor.examine import examine
from config.doctor.commands import doctor_command

command = doctor_command("edge-collector", "collector.yaml", examine)
