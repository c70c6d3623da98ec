"""The file of alarms, audit log and messages: one, so that a change, its entry and its messages are one transaction.

The command line works on it while the collector runs.
"""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from pathlib import Path

from collector.audit import Algorithm, Deed
from collector.audit_file import AuditFile

FILE = "alarms.db"


class AlarmFile(AuditFile):
    """The open file of a collector's state folder."""

    def __init__(self, folder: Path, algorithm: Algorithm = "sha256", *, mend: bool = True) -> None:
        """StateError when it cannot be opened; `mend`: see `collector.state_file.open_state`."""
        schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        lost = "alarms, audit log and messages in it have to be salvaged by hand"
        super().__init__(folder, FILE, algorithm, schema=schema, lost=lost, mend=mend)


def log_deed(folder: Path, algorithm: Algorithm, deed: Deed) -> None:
    """Put one entry into the log of a collector's state folder: for commands that change something else there."""
    with closing(AlarmFile(folder, algorithm, mend=False)) as file, file.transaction():
        file.log([deed])
