"""``edge-collector support-bundle``: what helps to find out what ails it, without secrets and names."""

from collector.doctor.described import describe
from collector.doctor.examine import examine
from config.doctor.bundle import bundle_command

command = bundle_command("edge-collector", "collector.yaml", examine, describe)
