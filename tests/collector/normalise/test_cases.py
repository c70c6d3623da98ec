"""Settings and samples to the lines in the store, and to what becomes a dead letter (tests/cases/normalise)."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from collector.normalise.compile import compile_manifest
from collector.normalise.lines import record_lines
from collector.normalise.records import normalise
from config.load import load
from edge_agent.manifest import build_manifest
from edge_agent.settings import agent_model
from profiles.load import library
from profiles.wire.messages import Data
from tests.cases import CASES

FOLDERS = sorted((CASES / "normalise").iterdir())


@pytest.mark.parametrize("case", FOLDERS, ids=[case.name for case in FOLDERS])
def test_samples_become_the_lines_that_are_expected(case: Path) -> None:
    """Only the model reads the settings: the faults that `check` would tell are what some cases are about."""
    manifest = build_manifest(load(case / "agent.yaml", agent_model()).settings, library())
    compiled = compile_manifest(manifest, library(), agent="plant-1")
    samples = json.loads((case / "samples.json").read_text(encoding="utf-8"))
    envelope = {"v": 1, "stream": "a" * 32, "seq": 1, "era": 3, "manifest": "b" * 64, "t0": 1_800_000_000_000}
    done = normalise(msgspec.convert(envelope | {"s": samples}, Data), compiled)
    lines = record_lines(done.records) + [f"dead letter: sample {index}: {reason}" for index, reason in done.faulty]
    expected = case / "expected.txt"
    assert "\n".join(lines) + "\n" == expected.read_text(encoding="utf-8")
