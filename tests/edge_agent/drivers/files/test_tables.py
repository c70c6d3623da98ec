"""CSV and JSON by the mapping in the settings, also files that grow."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.settings import FilesDevice
from tests.edge_agent.drivers.files.bench import bench, now, put, stamp, until

CSV = {
    "type": "csv", "name": "*.csv", "time": "时间", "time_format": "%Y-%m-%d %H:%M:%S", "point": "测点", "value": "值",
    "state": {"field": "状态", "good": ["正常"]},
}  # fmt: skip
TAGS = [{"name": "A", "code": "P1"}, {"name": "B", "code": "P2"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


def device(folder: Path, form: dict[str, Any], tags: list[dict[str, Any]] | None = None) -> FilesDevice:
    return FilesDevice.model_validate({
        "name": "mine", "driver": "files", "folder": str(folder), "interval": "20ms", "format": form,
        "tags": TAGS if tags is None else tags,
    })  # fmt: skip


async def test_csv_as_excel_writes_it_in_china_is_taken(tmp_path: Path, folder: Path) -> None:
    at = now()
    put(
        folder / "values.csv",
        f"时间,测点,值,状态\r\n{stamp(at)},P1,1.5,正常\r\n{stamp(at)},P2,2.5,故障\r\n".encode("gb18030"),
    )
    async with bench(tmp_path / "state", device(folder, CSV | {"encoding": "gb18030"})) as this:
        await until(lambda: this.remembered(), "the file")
        assert this.samples() == [("A", at, 1.5, "good"), ("B", at, 2.5, "bad:instrument")]


async def test_lines_that_are_appended_are_taken_once_each_and_half_a_line_is_waited_for(
    tmp_path: Path, folder: Path
) -> None:
    at, path = now() - 60_000, folder / "values.csv"
    path.write_text(f"时间,测点,值,状态\n{stamp(at)},P1,1,正常\n", encoding="utf-8-sig")
    async with bench(tmp_path / "state", device(folder, CSV)) as this:
        for step in range(1, 4):
            await until(lambda: len(this.of("A")) == step and this.remembered(), "the lines so far")  # noqa: B023
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{stamp(at + 1000 * step)},P1,{step + 1},正常\n")
        await until(lambda: len(this.of("A")) == 4, "the last line")
    async with bench(tmp_path / "state", device(folder, CSV)) as this:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp(at + 9000)},P1,9,正常\n")
        await until(lambda: len(this.of("A")) == 5, "a line after a restart")
        assert this.of("A") == [(at + 1000 * n, n + 1, "good") for n in range(4)] + [(at + 9000, 9, "good")]
        await until(lambda: this.counted("readings") == 1, "the count")


async def test_at_the_first_start_files_written_long_ago_are_left_alone(tmp_path: Path, folder: Path) -> None:
    at = now()
    for name, age in (("old", 90_000), ("new", 80_000)):
        path = put(folder / f"{name}.csv", f"时间,测点,值,状态\n{stamp(at - age)},P1,{age},正常\n")
        os.utime(path, (at / 1000 - age, at / 1000 - age))
    async with bench(tmp_path / "state", device(folder, CSV)) as this:
        await until(lambda: this.remembered(), "the newer file")
        assert [value for _at, value, _q in this.of("A")] == [80_000]


async def test_columns_may_be_points(tmp_path: Path, folder: Path) -> None:
    at = now()
    form = {"type": "csv", "name": "wide_*.csv", "time": "t", "time_format": "s", "delimiter": ";"}
    tags: list[dict[str, Any]] = [{"name": "A", "field": "a"}, {"name": "B", "field": "b", "scale": 0.1}]
    put(folder / "wide_1.csv", f"t;a;b\n{at // 1000};1;20\n")
    put(folder / "other.csv", "this is not ours")
    async with bench(tmp_path / "state", device(folder, form, tags)) as this:
        await until(lambda: this.remembered(), "the file")
        assert this.samples() == [("A", at, 1, "good"), ("B", at, 2.0, "good")]


async def test_json_documents_and_lines_are_taken(tmp_path: Path, folder: Path) -> None:
    at = now()
    record = {"equip_no": "P1", "monitor_time": stamp(at), "x_disp": "1.25"}
    form = {"type": "json", "name": "*.json", "records": "data", "time": "monitor_time", "point": "equip_no",
            "time_format": "%Y-%m-%d %H:%M:%S", "value": "x_disp"}  # fmt: skip
    path = folder / "gnss.json"
    path.write_text(json.dumps({"data": [record, record | {"equip_no": "P2", "x_disp": True}]})[:-3])
    async with bench(tmp_path / "state", device(folder, form)) as this:
        await until(lambda: this.state().up, "the folder")
        assert this.samples() == []
        put(path, json.dumps({"data": [record, record | {"equip_no": "P2", "x_disp": 7}]}))
        await until(lambda: this.remembered(), "the document")
        assert this.samples() == [("A", at, 1.25, "good"), ("B", at, 7, "good")]
    lines = {key: value for key, value in form.items() if key != "records"} | {"lines": True, "name": "*.jsonl"}
    put(folder / "gnss.jsonl", "\n".join(json.dumps(record | {"x_disp": n}) for n in range(9)) + "\nnonsense\n")
    async with bench(tmp_path / "other", device(folder, lines)) as this:
        await until(lambda: this.remembered(), "the lines")
        await until(lambda: this.counted("faulty") == 1, "the count")
        assert [value for _at, value, _q in this.of("A")] == list(range(9))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zeit,测点,值,状态\n", "has no column 时间; there are zeit, 测点, 值, 状态"),
        ("时间,测点,值,状态\nx,P1,1,正常\n", "1 of 1 records are faulty"),
        ("时间,测点,值,状态\n1969-01-01 00:00:00,P1,1,正常\n", "before 1970"),
        ("时间,测点,值,状态\n2999-01-01 00:00:00,P1,1,正常\n", "ahead; expected at most 300 s"),
        (b"\xff\xfe\x00".decode("latin-1") + "\n", "has no column"),
    ],
)
async def test_what_does_not_fit_the_mapping_is_refused_and_said(
    tmp_path: Path, folder: Path, text: str, why: str
) -> None:
    put(folder / "values.csv", text)
    async with bench(tmp_path / "state", device(folder, CSV)) as this:
        await until(lambda: this.events("agent"), "the refusal")
        assert why in this.events("agent")[0].text
        assert this.samples() == []


@pytest.mark.parametrize(
    ("form", "tag", "where", "expected"),
    [
        (CSV, {"name": "A"}, "code", "the point's code as the files call it"),
        (CSV, {"name": "A", "code": "P1", "kind": "CDSS"}, "kind", "CSV and JSON have none"),
        ({**CSV, "point": ""}, {"name": "A", "code": "P1"}, "code", "no code, since the format names no point"),
        ({**CSV, "value": ""}, {"name": "A", "code": "P1"}, "field", "the column or key of the value"),
        ({"type": "text", "profile": "coal-safety"}, {"name": "A"}, "code", "the point's code"),
        ({"type": "text", "profile": "coal-safety"}, {"name": "A", "code": "x", "kind": "CDDY"}, "kind",
         "'CDDY' has no values; expected one of CDSS, FZSS, TJSJ, KGBH, KZLD"),
        ({"type": "text", "profile": "coal-safety"}, {"name": "A", "code": "x", "field": "value"}, "field", "kind"),
        ({"type": "text", "profile": "coal-safety"}, {"name": "A", "code": "x", "kind": "TJSJ", "field": "mx"},
         "field", "expected one of point, type_name"),
        ({"type": "text", "profile": "coal-personnel"},
         {"name": "A", "code": "x", "kind": "RYSS", "field": "person_name"}, "field", "since records are counted"),
        ({"type": "text", "profile": "hazchem-storage"}, {"name": "A", "code": "x"}, "profile",
         "describes no text files; expected one of coal-equipment, coal-personnel"),
        ({"type": "text", "profile": "coal"}, {"name": "A", "code": "x"}, "profile", "'coal' describes no text files"),
    ],
)  # fmt: skip
def test_mistakes_in_the_settings_are_told_at_their_field(
    folder: Path, form: dict[str, Any], tag: dict[str, Any], where: str, expected: str
) -> None:
    faults = FilesDriver.check([device(folder, form, [tag])])
    assert [(path[-1], expected in message) for path, message in faults] == [(where, True)], faults


async def test_the_gnss_files_of_a_slope_are_taken_with_their_numbers_as_text(tmp_path: Path, folder: Path) -> None:
    """Notes on mines, 4.3: a document with a list `data`, an item a station with all of its figures."""
    form = {
        "type": "json", "name": "*_gnssrealtime_*.json", "records": "data", "time": "monitor_time",
        "time_format": "%Y-%m-%d %H:%M:%S", "point": "equip_no",
    }  # fmt: skip
    tags = [
        {"name": "G1.speed", "code": "GNSS01", "field": "x_speed", "unit": "mm/d"},
        {"name": "G1.x", "code": "GNSS01", "field": "x_disp", "unit": "mm"},
    ]
    at = now()
    item = {"equip_no": "GNSS01", "monitor_time": stamp(at), "x_disp": "-3.20", "x_speed": "1.5"}
    other = item | {"equip_no": "GNSS02", "x_disp": "9"}
    document = {"send_time": stamp(at), "open_pit_no": "140199900001", "data": [item, other]}
    put(folder / "140199900001_gnssrealtime_202611240800000001.json", json.dumps(document))
    async with bench(tmp_path / "state", device(folder, form, tags)) as this:
        await until(lambda: this.remembered(), "the file")
        assert sorted(this.samples()) == [("G1.speed", at, 1.5, "good"), ("G1.x", at, -3.2, "good")]
