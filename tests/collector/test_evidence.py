"""Evidence at the collector: bounded, kept once however often it comes, and waiting while the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.evidence import EvidenceFullError, EvidenceStore
from profiles.wire.messages import EvidenceChunk


def chunk(offset: int, total: int) -> EvidenceChunk:
    return EvidenceChunk(v=1, stream="0" * 32, seq=1, era=0, manifest="0" * 64, id="e", offset=offset, total=total)


def test_chunks_in_any_order_and_twice_make_one_file(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    for offset, body in [(4, b"done"), (0, b"half"), (4, b"done")]:
        store.put("plant", chunk(offset, 8), body)
    assert store.path("plant", "e").read_bytes() == b"halfdone"


def test_a_folder_that_cannot_be_made_only_waits(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file in the way")
    store = EvidenceStore(tmp_path)
    with pytest.raises(EvidenceFullError, match="plant"):
        store.put("plant", chunk(0, 4), b"half")
    (tmp_path / "evidence").unlink()
    store.put("plant", chunk(0, 4), b"half")
    assert store.path("plant", "e").read_bytes() == b"half"


def test_beyond_the_quota_evidence_waits_and_repeats_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.evidence.QUOTA", 4)
    store = EvidenceStore(tmp_path)
    store.put("plant", chunk(0, 8), b"half")
    store.put("plant", chunk(0, 8), b"half")
    with pytest.raises(EvidenceFullError):
        store.put("plant", chunk(4, 8), b"done")
    store.put("neighbour", chunk(0, 8), b"half")


def test_a_chunk_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected chunks"):
        EvidenceStore(tmp_path).put("plant", chunk(4, 4), b"beyond")
