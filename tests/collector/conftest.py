"""Fixtures that most tests of a collector want."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, mosquitto, running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A mosquitto of the test's own."""
    with running(mosquitto(tmp_path / "broker")) as server:
        yield server
