"""Writes down every attempt to do something else than read, in the file that EDGE_FORBIDDEN_LOG names.

The agent only reads (docs/modbus.md, docs/opcua.md). Whoever wants that proven over many runs, such as this project's
tests, sets the variable for all of them and finds the file empty or missing at the end. Refused attempts count as well.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

VARIABLE = "EDGE_FORBIDDEN_LOG"
OPCUA_SERVICES = {
    673: "Write",
    712: "Call",
    700: "HistoryUpdate",
    488: "AddNodes",
    494: "AddReferences",
    500: "DeleteNodes",
    506: "DeleteReferences",
}
"""Services that change a server, by the node id of their request's binary encoding (OPC UA part 6, annex A)."""


def note_forbidden(text: str) -> None:
    """Append a line to the file that the environment names, if it names one."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def watch_opcua(processor: Any) -> None:
    """Have asyncua's (or opcua's) `UaProcessor` note the services that change something, before it looks at them.

    Neither library has a hook that hears of every service, refused and unknown ones included; both decode a request in
    this one method. Its servers make a processor for each connection, hence the class and not an object of it.
    """
    answer = processor._process_message
    if hasattr(answer, "__wrapped__"):
        return

    @functools.wraps(answer)
    def noting(self: Any, typeid: Any, *rest: Any) -> Any:
        name = OPCUA_SERVICES.get(typeid.Identifier)
        if name is not None:
            note_forbidden(f"OPC UA {name}")
        return answer(self, typeid, *rest)

    processor._process_message = noting
