"""``python -m edge_agent.drivers.camera.models``: fetch the trained network, convert it, check it, and keep it."""

from __future__ import annotations

import sys

from edge_agent.drivers.camera.models.fetch import FetchError, fetch


def main() -> int:
    """0 when the network stands; 1 with a plain message when it does not."""
    try:
        path = fetch(lambda line: print(f"models: {line}", file=sys.stderr))  # noqa: T201  # a program's own words
    except FetchError as error:
        print(f"models: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(path)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
