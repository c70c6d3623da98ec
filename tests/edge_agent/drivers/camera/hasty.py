"""The worker with the quality of pictures looked at five times a second instead of once, so that a test need not wait.

``python -m tests.edge_agent.drivers.camera.hasty`` in place of the worker's module; how long events take to be raised
stands in the test's profile.
"""

from __future__ import annotations

from edge_agent.drivers.camera import analysis, watching, worker
from edge_agent.drivers.camera.integrity import check, frozen, reference, replay


def _often(_scene: reference.Scene) -> float:
    return check.Check.every


def hasten() -> None:
    """In this process: never in that of a test, where every other test would be hasty as well."""
    check.Check.every = 0.2
    analysis.CALM = 0.1  # so that on a busy machine they are still those whose rate falls last
    reference.Scene.period = _often  # type: ignore[method-assign, assignment]  # what the checks compare is of their picture
    frozen.SHORT = 1.0
    replay.EXACT = 20
    watching.KEEP = 5.0, 5.0


if __name__ == "__main__":
    hasten()
    worker.main()
