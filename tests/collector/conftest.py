"""Agents as most tests of a collector want them; their broker is that of tests/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector.field import Agent
from tests.servers import Server


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    """The agent plant-a."""
    made = Agent(broker.port)
    yield made
    made.close()


@pytest.fixture
def neighbour(broker: Server) -> Iterator[Agent]:
    """Another agent, plant-b, on the same broker."""
    made = Agent(broker.port, "plant-b")
    yield made
    made.close()
