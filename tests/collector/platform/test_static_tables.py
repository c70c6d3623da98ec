"""The platform takes a sound row of every static table, and refuses it with one thing changed, naming the column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.cli.simulate import command
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.static_tables import MOST, TABLES, faults

Row = dict[str, object]
HAZARD = "110110001001"
ROWS: dict[str, Row] = {
    "enterprise": {"COMPANY_CODE": "110110001", "COMPANY_NAME": "示例化工", "CREDIT_CODE": "91350100M000100Y43",
                   "AREA_CODE": "110110", "LONGITUDE": "116.612300", "LATITUDE": "39.901200"},
    "gateway": {"GATEWAY_CODE": "11011000101", "COMPANY_CODE": "110110001", "FREQUENCY": "5", "PORT": "502"},
    "hazard": {"HAZARD_CODE": HAZARD, "COMPANY_CODE": "110110001", "HAZARD_NAME": "罐区", "HAZARD_RANK": "2",
               "AREA_CODE": "110110", "GATEWAY_CODE": "11011000101", "R_VALUE": "62.5", "IN_PARK": "1"},
    "equipment": {"EQUIP_CODE": f"{HAZARD}G0001", "EQUIP_NAME": "1#罐", "EQUIP_TYPE": "G0", "HAZARD_CODE": HAZARD,
                  "GATEWAY_CODE": "11011000101", "PRODCELL_TYPE": "HEV01", "EQUIP_STATE": "1"},
    "WC_ENT_CGQ": {"TARGET_CODE": f"{HAZARD}G0001YW001", "TARGET_NAME": "液位", "EQUIP_CODE": f"{HAZARD}G0001",
                   "EQUIP_NAME": "1#罐", "EQUIP_TYPE": "G0", "GATEWAY_CODE": "11011000101", "UNIT": "m",
                   "LOW_VALUE": "0", "LOW_VALUE_01": "0.5", "LOW_VALUE_02": "1", "TOP_VALUE_01": "10",
                   "TOP_VALUE_02": "11.5", "TOP_VALUE": "12", "BIT_NO": "LT-101", "IS_ACTIVE": "1"},
    "WC_ENT_LEAKPOINT": {"EQUIP_CODE": f"{HAZARD}Q0004", "HAZARD_CODE": HAZARD, "LEAKPOINT_NAME": "氨",
                         "MONITOR_TYPE": "有毒气体", "MONITOR_CASCODE": "7664-41-7", "IS_USE": "0"},
    "WC_ENT_SBJZ": {"ID": f"{HAZARD}G0001", "EQUIP_CODE": f"{HAZARD}G0001", "EQUIP_TYPE": "G0", "MEDIUM": "液氨",
                    "CAS": "7664-41-7", "MEDIUM_STATUS": "H4701"},
}  # fmt: skip
GONE = object()


STOPPED: Row = ROWS["WC_ENT_LEAKPOINT"] | {
    "IS_USE": "1", "STOP_REMARK": "探头送检", "STOP_PSN": "李工", "STOP_TIME": "2026-11-24 08:00:00"
}  # fmt: skip


def refused(book: Ledger, table: str, rows: object) -> list[str]:
    """The columns that a platform's ledger names of rows that it does not take."""
    before, kept = len(book.refusals()), book.packets()
    reply = Platform(book, Secret(), plan("success")).take(frame(table, rows))
    assert (reply.status, book.packets()) == (400, kept)
    return [path for path, _reason in book.refusals()[before:]]


def test_a_gas_point_that_is_stopped_says_why_by_whom_and_when() -> None:
    assert list(faults("WC_ENT_LEAKPOINT", [STOPPED])) == []


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("IS_USE", "0", "STOP_REMARK"),
        ("IS_USE", GONE, "STOP_REMARK"),
        ("STOP_REMARK", GONE, "IS_USE"),
        ("STOP_PSN", GONE, "IS_USE"),
        ("STOP_TIME", GONE, "IS_USE"),
        ("STOP_REMARK", "", "STOP_REMARK"),
        ("STOP_TIME", "20261124080000", "STOP_TIME"),
        ("STOP_TIME", "2026-11-31 08:00:00", "STOP_TIME"),
    ],
)
def test_one_thing_changed_in_what_it_says_of_its_stop_is_refused(
    book: Ledger, column: str, value: object, named: str
) -> None:
    row = {name: text for name, text in (STOPPED | {column: value}).items() if text is not GONE}
    assert f"[0].{named}" in refused(book, "WC_ENT_LEAKPOINT", [row])


@pytest.mark.parametrize("table", TABLES)
def test_a_sound_row_is_taken(table: str) -> None:
    assert list(faults(table, [ROWS[table]])) == []


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("enterprise", "COMPANY_CODE", "11011000"),
        ("enterprise", "CREDIT_CODE", "91350100M000100Y44"),
        ("enterprise", "CREDIT_CODE", GONE),
        ("enterprise", "AREA_CODE", "1101"),
        ("enterprise", "LONGITUDE", 116.6123),
        ("enterprise", "LONGITUDE", "116.6"),
        ("enterprise", "LATITUDE", "91.000000"),
        ("enterprise", "TELEPHONE", "1"),
        ("gateway", "GATEWAY_CODE", "21011000101"),
        ("gateway", "FREQUENCY", "1000000"),
        ("hazard", "HAZARD_CODE", "210110001001"),
        ("hazard", "HAZARD_RANK", "5"),
        ("hazard", "HAZARD_RANK", 2),
        ("hazard", "IN_PARK", "yes"),
        ("equipment", "EQUIP_CODE", "210110001001G0001"),
        ("equipment", "EQUIP_TYPE", "Q0"),
        ("equipment", "EQUIP_NAME", ""),
        ("equipment", "PRODCELL_TYPE", "G0"),
        ("WC_ENT_CGQ", "TARGET_CODE", f"{HAZARD}G0002YW001"),
        ("WC_ENT_CGQ", "TARGET_CODE", f"{HAZARD}G0001yw001"),
        ("WC_ENT_CGQ", "GATEWAY_CODE", "110110001"),
        ("WC_ENT_CGQ", "LOW_VALUE_02", "0.4"),
        ("WC_ENT_CGQ", "TOP_VALUE", "11"),
        ("WC_ENT_CGQ", "TOP_VALUE", "1e3"),
        ("WC_ENT_CGQ", "TOP_VALUE_02", 11.5),
        ("WC_ENT_CGQ", "UNIT", None),
        ("WC_ENT_LEAKPOINT", "MONITOR_CASCODE", "7664-41-8"),
        ("WC_ENT_LEAKPOINT", "MONITOR_CASCODE", "氨"),
        ("WC_ENT_LEAKPOINT", "IS_USE", "2"),
        ("WC_ENT_LEAKPOINT", "IS_USE", "1"),
        ("WC_ENT_LEAKPOINT", "STOP_REMARK", "检修"),
        ("WC_ENT_LEAKPOINT", "STOP_PSN", "李工"),
        ("WC_ENT_LEAKPOINT", "EQUIP_CODE", "110110001002Q0004"),
        ("WC_ENT_SBJZ", "MEDIUM", GONE),
        ("WC_ENT_SBJZ", "MEDIUM_STATUS", "液体"),
    ],
)
def test_one_thing_changed_is_refused_with_the_column_named(
    book: Ledger, table: str, column: str, value: object
) -> None:
    row = {name: text for name, text in (ROWS[table] | {column: value}).items() if text is not GONE}
    assert f"[1].{column}" in refused(book, table, [ROWS[table], row])


def test_of_two_limits_out_of_their_order_the_upper_one_is_named(book: Ledger) -> None:
    row = ROWS["WC_ENT_CGQ"] | {"TOP_VALUE_01": "11.6"}
    assert refused(book, "WC_ENT_CGQ", [row]) == ["[0].TOP_VALUE_02"]


@pytest.mark.parametrize("body", [[], {}, [ROWS["hazard"]] * (MOST + 1), [ROWS["hazard"]] * 2, ["x"]])
def test_what_is_no_list_of_different_rows_is_refused(body: object) -> None:
    assert list(faults("hazard", body))


def frame(service: str, body: object) -> bytes:
    return json.dumps({"appId": "a", "serviceId": service, "dataId": "one", "data": json.dumps(body)}).encode()


def test_the_service_id_says_which_table_it_is_and_an_unknown_one_is_no_right(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    platform = Platform(ledger, Secret(), plan("success"), tables={"20011": "hazard"})
    body = [ROWS["hazard"]]
    assert [platform.take(frame(service, body)).status for service in ("20012", "20011", "hazard")] == [401, 200, 200]
    assert platform.take(frame("equipment", body)).status == 400
    assert platform.take(frame("hazard", ROWS["hazard"])).status == 400
    assert [(each.family, each.code, each.kind) for each in ledger.values()] == [("S.static", HAZARD, "hazard")]
    assert ledger.packets() == {"one": 2}
    assert ledger.refusals()[0][0] == "serviceId"
    ledger.close()


def test_an_interface_id_of_a_table_that_nobody_knows_is_a_usage_error(tmp_path: Path) -> None:
    words = ["platform", "--tcp", "0", "--ledger", str(tmp_path / "x.db"), "--table", "WC_ENT_XYZ=20011"]
    answer = CliRunner().invoke(command, words)
    assert answer.exit_code == 2
    assert "'WC_ENT_XYZ' is none of enterprise, gateway" in answer.output
