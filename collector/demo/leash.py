"""Runs a module as ``python -m`` does, and ends it when the demo is gone: ``python -m collector.demo.leash MODULE …``.

The demo holds the other end of the child's standard input. However the demo ends, kill -9 included, the system closes
that end; no signal of the system would do on every platform, and no module that is run needs to know of it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

END_WITHIN = 30.0
"""Seconds that the module has to end by itself once the demo is gone."""


def _watch() -> None:
    while os.read(0, 1):
        pass  # nobody writes here
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_WITHIN)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_watch, name="leash", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
