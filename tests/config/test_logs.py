"""Logs: lines for people, JSON for machines, UTC in both."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from config.logs import LogSettings, configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_for_people_carry_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(level="warning"))
    logging.getLogger("x").warning("device %s: lost", "tank-farm")
    logging.getLogger("x").info("not shown")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING device tank-farm: lost\n", capsys.readouterr().err
    )


def test_json_is_one_object_a_line_even_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSettings(format="json"))
    try:
        raise ValueError("储罐\n二")
    except ValueError:
        logging.getLogger("edge_agent.app").exception("driver task failed")
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", "edge_agent.app", "driver task failed")
    assert "ValueError: 储罐" in entry["exception"]
