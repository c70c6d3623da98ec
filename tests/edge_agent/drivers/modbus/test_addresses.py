from typing import Any

import pytest

from edge_agent.drivers.modbus.addresses import faults, place, span
from tests.edge_agent.drivers.modbus.test_settings import device, tag


@pytest.mark.parametrize(
    ("addressing", "written", "table", "address"),
    [
        ("5-digit", "00001", "coil", 0),
        ("5-digit", 10010, "discrete-input", 9),
        ("5-digit", 30001, "input-register", 0),
        ("5-digit", 40001, "holding-register", 0),
        ("5-digit", 49999, "holding-register", 9998),
        ("6-digit", "000001", "coil", 0),
        ("6-digit", 100001, "discrete-input", 0),
        ("6-digit", 300100, "input-register", 99),
        ("6-digit", 465536, "holding-register", 65535),
    ],
)
def test_the_first_digit_says_the_table_and_the_rest_counts_from_one(
    addressing: str, written: object, table: str, address: int
) -> None:
    kind = "bit" if table in ("coil", "discrete-input") else "uint16"
    loaded = device(tag(address=written, table=None, type=kind), addressing=addressing)
    assert place(loaded, loaded.tags[0]) == (table, address)
    assert list(faults(loaded)) == []


def test_a_plain_address_is_the_one_sent() -> None:
    loaded = device(tag(address=40001, type="float64"))
    assert span(loaded, loaded.tags[0]) == (40001, 4)


@pytest.mark.parametrize(
    ("addressing", "settings", "field", "message"),
    [
        ("plain", {"table": None}, "address", "table is missing; plain addresses do not say it"),
        (
            "5-digit",
            {"address": 40001, "table": "input-register"},
            "address",
            "40001 begins with 4, which is the table holding-register; the tag says input-register",
        ),
        ("5-digit", {"address": 400001}, "address", "400001 is no 5-digit address; expected one such as 40001"),
        ("6-digit", {"address": 40001}, "address", "40001 begins with 0, which is the table coil; the tag says"),
        ("5-digit", {"address": 40000}, "address", "40000 is no 5-digit address"),
        ("5-digit", {"address": 20001}, "address", "20001 is no 5-digit address"),
        ("plain", {"address": 65535, "type": "float32"}, "address", "reach beyond the last, 65535"),
        ("plain", {"table": "coil"}, "type", "a coil is a bit, not uint16; expected type bit"),
        ("plain", {"table": "coil", "type": "bit", "bit": 2}, "bit", "a coil is a bit already"),
        ("plain", {"type": "bit"}, "type", "a bit of a register needs `bit`"),
        ("plain", {"type": "string", "length": 11}, "type", "takes 11 registers; the device gives 10 in one answer"),
    ],
)
def test_an_address_that_cannot_be_meant_is_a_fault_of_its_tag(
    addressing: str, settings: dict[str, Any], field: str, message: str
) -> None:
    good = {"plain": 9, "5-digit": 40009, "6-digit": 400009}[addressing]
    loaded = device(tag(name="good", address=good), tag(**settings), addressing=addressing, max_registers=10)
    [(path, text)] = list(faults(loaded))
    assert path == ("tags", 1, field)
    assert message in text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "bit", "bit": 3}, {"type": "bit", "bit": 3}),
        ({"type": "bit", "bit": 3}, {}),
        ({"type": "bit", "bit": 3}, {"mask": 0x000C}),
        ({"type": "bit", "bit": 3, "order": "BADC"}, {"type": "bit", "bit": 11}),
        ({"type": "uint32"}, {"address": 1}),
        ({}, {}),
        ({"type": "uint32", "mask": 1}, {"address": 1, "type": "bit", "bit": 0}),
        ({"type": "uint32", "mask": 1, "order": "CDAB"}, {"type": "bit", "bit": 0}),
    ],
)
def test_an_overlapping_bit_is_a_fault_whatever_reads_it(first: dict[str, Any], second: dict[str, Any]) -> None:
    loaded = device(tag(name="A", **first), tag(name="B", **second))
    assert list(faults(loaded)) == [(("tags", 1, "address"), "overlapping bit: B reads what A reads already")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "bit", "bit": 3}, {"type": "bit", "bit": 4}),
        ({"mask": 0b101}, {"mask": 0b010}),
        ({"type": "bit", "bit": 3}, {"type": "bit", "bit": 3, "table": "input-register"}),
        ({"type": "uint32"}, {"address": 2}),
        ({"type": "uint32", "mask": 1}, {"type": "bit", "bit": 0}),
    ],
)
def test_neighbouring_bits_are_no_fault(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert list(faults(device(tag(name="A", **first), tag(name="B", **second)))) == []
