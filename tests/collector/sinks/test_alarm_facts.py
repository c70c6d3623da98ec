"""A life of the alarm book in every store: one point, whatever becomes of it."""

from __future__ import annotations

from pathlib import Path

from collector.alarms.facts import alarm_fact
from tests.collector.alarms.make import NOW, SECOND, book, life
from tests.collector.sinks.stores import Store


def test_a_life_is_one_point_in_every_store_however_it_goes_on(store: Store, tmp_path: Path) -> None:
    sink = store.sink()
    with book(tmp_path) as opened:
        opened.write([], life("A1", NOW, NOW + SECOND))
        sink.write_facts([alarm_fact(opened.get(1))])
        opened.write([], life("A0", NOW - SECOND, NOW - 1))  # late, and the life's first raise
        opened.act(1, "acknowledge", "li", "好的")
        for _ in range(2):
            assert sink.write_facts([alarm_fact(opened.get(1))]) == []
    sink.close()
    [(time, row)] = store.facts("alarm")
    assert time // 1_000_000 == NOW
    assert (row["raised"], row["count"], row["state"]) == (NOW - SECOND, 2, "acknowledged")
    assert (row["acknowledged_by"], row["acknowledged_note"]) == ("li", "好的")
    assert (row["closed"], row.get("closed_by", ""), row["chattering"], row["site"]) == (0, "", False, "110110001")
