"""The outbox against a bare SQLite insert, side by side in one run: ``python -m benchmarks.outbox [FOLDER]``.

Envelopes of 500 samples, a commit each, then acknowledged 20 at a time. The bare insert writes the same frames into one
table with the same durability (WAL, synchronous=FULL). The two take turns, so that both see the same disk. FOLDER names
the disk to be measured; left out: the temporary folder, which must not be a tmpfs. One JSON line; the ratio is what to
keep. `encode_ms` is the part of a commit that freezing (JSON, zlib, SHA-256) takes, which the bare insert is spared.
"""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from edge_agent.outbox.draft import DataDraft
from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.rows import Row
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.outbox.store import Outbox
from profiles.wire.codec import digest

SAMPLES, COMMITS, ROUNDS, TOGETHER = 500, 300, 5, 20
NOW = 1_700_000_000_000


def draft(dice: random.Random, number: int) -> DataDraft:
    rows = [
        (f"tank{i % 50}.level", NOW + 1000 * number + i, round(dice.uniform(0, 12), 3), "good") for i in range(SAMPLES)
    ]
    return DataDraft(0, "a" * 64, tuple(rows))


def bare(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE envelope (id INTEGER PRIMARY KEY, frame BLOB NOT NULL)")
    return db


def by_outbox(box: Outbox, drafts: list[DataDraft]) -> tuple[float, list[Row]]:
    began, rows = time.perf_counter(), []
    for each in drafts:
        rows += box.commit([each])
    return len(drafts) / (time.perf_counter() - began), rows


def by_hand(db: sqlite3.Connection, frames: list[bytes]) -> float:
    began = time.perf_counter()
    for each in frames:
        db.execute("INSERT INTO envelope (frame) VALUES (?)", [each])
    return len(frames) / (time.perf_counter() - began)


def crossed_off(box: Outbox, rows: list[Row]) -> float:
    began = time.perf_counter()
    for start in range(0, len(rows), TOGETHER):
        box.acknowledge(box.stream, [(row.seq, row.digest) for row in rows[start : start + TOGETHER]])
    return len(rows) / (time.perf_counter() - began)


def encoding(box: Outbox, drafts: list[DataDraft]) -> float:
    began = time.perf_counter()
    for number, each in enumerate(drafts, 1):
        digest(each.freeze(box.stream, number))
    return 1000 * (time.perf_counter() - began) / len(drafts)


def main(folder: Path) -> None:
    dice = random.Random(1)
    box = open_outbox(folder / "outbox.db", OutboxSettings())
    db = bare(folder)
    ours, theirs, acknowledged, encode, size = [], [], [], [], 0
    for number in range(ROUNDS):
        drafts = [draft(dice, number * COMMITS + i) for i in range(COMMITS)]
        speed, rows = by_outbox(box, drafts)
        frames = [frame for row in rows if (frame := box.frame(row)) is not None]
        ours.append(speed)
        theirs.append(by_hand(db, frames))
        acknowledged.append(crossed_off(box, rows))
        encode.append(encoding(box, drafts))
        size = sum(map(len, frames)) // len(frames)
    box.close()
    db.close()
    outbox_speed, bare_speed = statistics.median(ours), statistics.median(theirs)
    found = {
        "samples_per_commit": SAMPLES,
        "frame_bytes": size,
        "outbox_commits_per_s": round(outbox_speed),
        "outbox_samples_per_s": round(outbox_speed * SAMPLES),
        "bare_commits_per_s": round(bare_speed),
        "ratio": round(outbox_speed / bare_speed, 2),
        "encode_ms": round(statistics.median(encode), 3),
        "acknowledged_per_s": round(statistics.median(acknowledged)),
    }
    print(json.dumps(found))  # the benchmark's result


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
