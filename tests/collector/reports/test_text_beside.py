"""Records that hold several points' readings, or an event a reading (notes on mines, 3: DYSS, WZSJ, DBCXCDSS)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.reports.encoders.base import Due
from collector.reports.encoders.text_file import TextFileEncoder
from collector.reports.statistics import SETTLED
from profiles.load import library
from profiles.textfile.codec import decode, encode
from profiles.textfile.values import text_files
from tests.collector.reports import coal
from tests.collector.reports.coal import Colliery
from tests.collector.reports.test_text_file import AT, gateway, place
from tests.collector.reports.test_text_spans import START, tell
from tests.profiles.textfile.examples import MINE

HEARD, SHOCK = f"{MINE}17MN1701A1", f"{MINE}17MN1702B1"
SHOCK_X, MAGNITUDE = f"{MINE}17MN1704B1", f"{MINE}17MN1703B1"
POINTS = {
    HEARD: ("1701", "1301运顺", None), SHOCK: ("1702", "1301工作面", None), SHOCK_X: ("1704", "X", None),
    MAGNITUDE: ("1703", "震级", None), f"{MINE}17MN1703B2": ("1703", "别的震级", None),
}  # fmt: skip


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Colliery]:
    monkeypatch.setattr(coal, "PROFILE", "coal-pressure")
    monkeypatch.setattr(coal, "POINTS", POINTS)
    made = Colliery(tmp_path)
    yield made
    made.close()


async def test_each_ground_sound_is_an_event_also_one_as_strong_as_the_one_before(mine: Colliery) -> None:
    mine.write(HEARD, (START + 1000, 500.0, "good"), (START + 3250, 500.0, "good"), (START + 4000, 9.0, "bad:range"))
    await tell(mine, START + 10_000 + SETTLED)
    [records] = mine.told("DYSS")
    assert [[*each.values()] for each in records] == [
        [f"{HEARD}20251124080001000", "1701", "500", HEARD, "2025-11-24 08:00:01"],
        [f"{HEARD}20251124080003250", "1701", "500", HEARD, "2025-11-24 08:00:03"],
    ]  # fmt: skip


async def test_a_microseismic_event_has_what_was_said_of_it_at_the_same_moment_and_nothing_of_another(
    mine: Colliery,
) -> None:
    mine.write(SHOCK, (START + 1000, 52000.0, "good"))
    mine.write(SHOCK_X, (START + 1000, 4245615.6, "good"))
    mine.write(MAGNITUDE, (START + 900, 0.5, "good"))
    mine.write(f"{MINE}17MN1703B2", (START + 1000, 3.0, "good"))
    await tell(mine, START + 10_000 + SETTLED)
    [[record]] = mine.told("WZSJ")
    assert record == {
        "event": f"{SHOCK}20251124080001000", "data_time": "2025-11-24 08:00:01", "x": "4245615.60", "y": "", "z": "",
        "energy": "52000", "magnitude": "", "stations_used": "", "place": "1301工作面",
    }  # fmt: skip


def surface(dx: float | None) -> dict[str, str]:
    """The record of a surface point whose X is this, or lost."""
    found = [place(f"{MINE}01MN{sort}C1", sort, "沉陷点", profile="coal-water") for sort in ("0504", "0505", "0506")]
    values = (-12.5, dx, 2.0)
    due = [
        Due(spot, AT - 1000, value, None, "good" if value is not None else "bad:link")
        for spot, value in zip(found, values, strict=True)
    ]  # fmt: skip
    end = (AT // 1_800_000 + 1) * 1_800_000
    [draft] = TextFileEncoder.readings(gateway("coal-water"), end, due, resumed=False)
    files = text_files(library()["coal-water"])
    read = decode(files, "DBCXCDSS", draft.body)
    assert encode(files, "DBCXCDSS", read.header, read.records.values()) == draft.body
    return read.records[1]


def test_a_surface_point_has_its_three_movements_in_one_record() -> None:
    assert [surface(1.0)[each] for each in ("point", "dx", "dy", "dz")] == [f"{MINE}01MN0504C1", "1.0", "2.0", "-12.5"]


def test_a_movement_that_is_lost_is_empty() -> None:
    assert [surface(None)[each] for each in ("dx", "dy", "dz")] == ["", "2.0", "-12.5"]


def test_displacements_stand_with_the_coordinates_of_their_point_and_equipment_with_its_attributes() -> None:
    spot = place(
        f"{MINE}14MN1402D1", "1402", "运顺", profile="coal-pressure", facts={"x": "1.0", "y": "2.0", "z": "3.0"}
    )
    end = (AT // 1_800_000 + 1) * 1_800_000
    [draft] = TextFileEncoder.readings(gateway("coal-pressure"), end, [Due(spot, AT, 3.2, None, "good")], resumed=False)
    record = decode(text_files(library()["coal-pressure"]), "WYSS", draft.body).records[1]
    assert [*record.values()] == [
        spot.point.code,
        "1402",
        "运顺",
        "3.2",
        "0",
        "2026-11-24 08:00:10",
        "1.0",
        "2.0",
        "3.0",
    ]
    fan = place(f"{MINE}30MN0026E1", "0026", "轴承", profile="coal-equipment",
                facts={"model": "FBCDZ", "power": "110", "equipment_place": "风井"})  # fmt: skip
    drafts = TextFileEncoder.definitions(gateway("coal-equipment"), AT, [fan])
    [body] = [draft.body for draft in drafts if "_JBSJ_" in draft.name]
    read = decode(text_files(library()["coal-equipment"]), "JBSJ", body)
    assert (read.header["system_code"], read.records[1]["equipment"]) == ("", fan.point.asset)
    assert [read.records[1][each] for each in ("model", "power", "equipment_place", "voltage")] == [
        "FBCDZ",
        "110",
        "风井",
        "",
    ]
