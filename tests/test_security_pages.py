"""The pages on security name tests and pages that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("SECURITY.md", "docs/threat-model.md", "docs/graded-protection.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert links
    assert not [link for link in links if not ((ROOT / page).parent / link).exists()]


def test_each_threat_that_is_stopped_names_a_test_that_is_there() -> None:
    stopped = (
        (ROOT / "docs/threat-model.md").read_text().partition("## What stops them")[2].partition("## What is left")[0]
    )
    rows = [
        line for line in stopped.splitlines() if line.startswith("| ") and not line.startswith(("| threat", "| ---"))
    ]
    assert len(rows) > 10
    names = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for row in rows:
        told = re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])
        assert told, row
        for each in told:
            if each.startswith("…"):
                assert re.search(rf"def test_\w*{each.strip('…')}", source), each
            else:
                assert (ROOT / each).exists() or each in names, each
