"""``edge-collector evidence`` beside a running collector: lists, verifies, gives out only what is as it was hashed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli.main import main
from collector.evidence.store import EvidenceStore
from tests.collector.evidence.make import NOW, chunks, file, seen

BODY = b"a picture"
NAME = "14010000001320000006/20251009/165320000-belt_run-a.jpg"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "collector.yaml"
    path.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1, tls: disabled}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    return path


@pytest.fixture
def running(settings: Path) -> Iterator[EvidenceStore]:
    """The register as the collector holds it: one file whole, one not yet."""
    store = EvidenceStore(settings.parent / "state")
    store.write([], [seen(file(NAME, BODY)), seen(file("film", BODY), alarm="A2")])
    for part in chunks(NAME, BODY):
        store.put("mine-a", *part)
    yield store
    store.close()


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["evidence", *(str(word) for word in words)])


@pytest.mark.usefixtures("running")
def test_files_are_listed_with_their_events(settings: Path) -> None:
    rows = json.loads(call("list", settings, "--json").output)
    assert {(row["id"], row["event"], row["source"], row["state"], row["time"]) for row in rows} == {
        (NAME, "belt_run", "mouth", "verified", NOW), ("film", "belt_run", "mouth", "incomplete", NOW),
    }  # fmt: skip
    assert json.loads(call("list", settings, "--site", "999999999999", "--json").output) == []
    assert "verified" in call("list", settings).output


def test_a_forged_file_is_found_and_not_given_out(settings: Path, running: EvidenceStore, tmp_path: Path) -> None:
    sound = call("verify", settings)
    assert (sound.exit_code, sound.output) == (0, "2 files: 0 altered or gone, 1 not whole yet\n")
    running.path("mine-a", NAME).write_bytes(b"forged!!!")
    forged = call("verify", settings, "--json")
    assert (forged.exit_code, json.loads(forged.output)) == (1, {"files": 2, "incomplete": 1, "altered": [NAME]})
    refused = call("export", settings, NAME, tmp_path / "copy.jpg")
    assert refused.exit_code == 1
    assert "do not have the hash" in refused.output
    assert not (tmp_path / "copy.jpg").exists()


@pytest.mark.usefixtures("running")
def test_a_file_is_taken_out_by_its_id(settings: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.jpg"
    assert call("export", settings, NAME, target).exit_code == 0
    assert target.read_bytes() == BODY
    assert "exists" in call("export", settings, NAME, target).output
    assert "there is no evidence 'nothing'" in call("export", settings, "nothing", tmp_path / "b").output
    assert "is incomplete" in call("export", settings, "film", tmp_path / "b").output


def test_without_a_collector_it_says_so(settings: Path) -> None:
    assert "no collector has run" in call("list", settings).output
