"""As `clocked`, for an agent with cameras, whose workers go by the same clock.

``python -m tests.faults.clocked_cameras``: with arguments the agent's command line, without them a worker; the
environment's `EDGE_CLOCK` names the clock's file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge_agent.cli import main as agent
from edge_agent.drivers.camera import process
from tests.faults.clocked import put

if __name__ == "__main__":
    put(Path(os.environ["EDGE_CLOCK"]))
    if sys.argv[1:]:
        process.MODULE = "tests.faults.clocked_cameras"
        agent.main()
    else:
        from edge_agent.drivers.camera import worker  # needs OpenCV, and the agent does without it

        worker.main()
