"""Ledgers of a platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.platform.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A test's own."""
    with closing(Ledger(tmp_path / "ledger.db")) as made:
        yield made


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One for all the refusals of a module."""
    with closing(Ledger(tmp_path_factory.mktemp("platform") / "ledger.db")) as made:
        yield made
