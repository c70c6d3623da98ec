"""Broken settings: every mistake at once, each with its file, line and column (tests/cases/config)."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.cli.check import command
from tests.cases import CASES

BROKEN = sorted((CASES / "config").iterdir())


@pytest.mark.parametrize("case", BROKEN, ids=[case.name for case in BROKEN])
def test_every_mistake_is_told_with_its_line(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    result = CliRunner().invoke(command, ["agent.yaml"])
    assert result.output == (case / "expected.txt").read_text(encoding="utf-8")
    assert result.exit_code == 2
