"""docs/spec-tests.md names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py)?(?:::(test_\w+))?`")


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "spec-tests.md").read_text(encoding="utf-8")
    module, missing, count = "", [], 0
    for file, name in NAMED.findall(page):
        module = file or module
        path = ROOT / "tests" / module
        if not path.is_file() or (name and f"def {name}(" not in path.read_text(encoding="utf-8")):
            missing.append(f"{module}::{name}")
        count += bool(name)
    assert missing == []
    assert count > 60
