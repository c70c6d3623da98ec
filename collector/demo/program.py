"""Runs an installed program as a child of the demo: ``python -m collector.demo.program PIDFILE PROGRAM ARGUMENT…``.

Under collector.demo.leash, so that a server of somebody else's ends with the demo as well, however that ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

END_WITHIN = 20.0
"""Seconds that the program has to end by itself after SIGTERM; less than the leash has."""


def main(pid_file: Path, command: list[str]) -> int:
    """Until the program ends, which SIGTERM makes it do; its exit code. Whatever it says goes to standard error."""
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        program.terminate()

    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno()) as program:
        signal.signal(signal.SIGTERM, stop)
        pid_file.write_text(f"{program.pid}\n", encoding="utf-8")
        while True:
            try:
                return program.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                if stopping:
                    program.kill()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
