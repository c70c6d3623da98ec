"""Evidence at the collector: bounded, kept once however often it comes, and waiting while the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.evidence.files import LEAST, EvidenceFiles, EvidenceFullError
from profiles.wire.messages import EvidenceChunk

QUOTA = 4 * LEAST


def chunk(offset: int, total: int, name: str = "e") -> EvidenceChunk:
    return EvidenceChunk(v=1, stream="0" * 32, seq=1, era=0, manifest="0" * 64, id=name, offset=offset, total=total)


def test_chunks_in_any_order_and_twice_make_one_file(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path, QUOTA)
    whole = [files.put("plant", chunk(offset, 8), body) for offset, body in [(0, b"half"), (4, b"done"), (0, b"half")]]
    assert whole == [False, True, True]
    assert files.path("plant", "e").read_bytes() == b"halfdone"


def test_a_folder_that_cannot_be_made_only_waits(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file in the way")
    files = EvidenceFiles(tmp_path, QUOTA)
    with pytest.raises(EvidenceFullError, match="plant"):
        files.put("plant", chunk(0, 4), b"half")
    (tmp_path / "evidence").unlink()
    files.put("plant", chunk(0, 4), b"half")
    assert files.path("plant", "e").read_bytes() == b"half"


def test_beyond_the_quota_evidence_waits_and_repeats_cost_nothing(tmp_path: Path) -> None:
    half, files = b"h" * LEAST, EvidenceFiles(tmp_path, LEAST)
    files.put("plant", chunk(0, 2 * LEAST), half)
    files.put("plant", chunk(0, 2 * LEAST), half)
    with pytest.raises(EvidenceFullError):
        files.put("plant", chunk(LEAST, 2 * LEAST), half)
    files.put("neighbour", chunk(0, 2 * LEAST), half)
    files.delete("plant", "e")
    files.delete("plant", "e")
    files.put("plant", chunk(0, LEAST), half)


@pytest.mark.parametrize("body", [b"", b"x"])
def test_files_of_next_to_nothing_have_a_number_too(tmp_path: Path, body: bytes) -> None:
    files = EvidenceFiles(tmp_path, 3 * LEAST)
    for name in "abcabc":
        files.put("plant", chunk(0, len(body), name), body)
    for this in (files, EvidenceFiles(tmp_path, 3 * LEAST)):
        with pytest.raises(EvidenceFullError):
            this.put("plant", chunk(0, len(body), "d"), body)
    files.delete("plant", "a")
    files.put("plant", chunk(0, len(body), "d"), body)
    assert len(list(files.path("plant", "a").parent.iterdir())) == 3


def test_a_chunk_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected chunks"):
        EvidenceFiles(tmp_path, QUOTA).put("plant", chunk(4, 4), b"beyond")
