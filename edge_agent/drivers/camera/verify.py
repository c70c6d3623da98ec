"""Whether a network can be used, tried in a process of its own: the settings are checked where no OpenCV may crash.

``python -m edge_agent.drivers.camera.verify``; the settings come over standard input, what is wrong goes to the output.
"""

from __future__ import annotations

import subprocess
import sys

from edge_agent.drivers.camera.settings import DetectorSettings

PATIENCE = 60.0
"""Seconds for a network to be loaded and to look at one test picture."""
_known: dict[tuple[str, int, int], str] = {}
"""What was found of a network as its file was then: settings are checked anew at each reload."""


def fault(detector: DetectorSettings) -> str:
    """Why this network cannot be used, naming its file; "" when it can. Blocks for a second or two, once."""
    try:
        about = detector.model.stat()
    except OSError as err:
        return f"{detector.model}: cannot be read: {err.strerror}"
    key = detector.model_dump_json(), about.st_mtime_ns, about.st_size
    if key not in _known:
        _known[key] = _tried(detector)
    return _known[key]


def _tried(detector: DetectorSettings) -> str:
    try:
        ended = subprocess.run(  # our own module
            [sys.executable, "-m", __name__],
            input=detector.model_dump_json(), capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{detector.model}: it was not loaded in {PATIENCE:.0f} s"
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        return f"{detector.model}: what tried to read it ended with exit code {ended.returncode}: {last}"
    return ended.stdout.strip()


def main() -> None:
    """Try the network whose settings are told."""
    from edge_agent.drivers.camera.presence.network import ModelError, Network  # needs the extra

    try:
        Network(DetectorSettings.model_validate_json(sys.stdin.read()))
    except ModelError as err:
        sys.stdout.write(str(err))


if __name__ == "__main__":
    main()
