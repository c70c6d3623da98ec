import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.modbus.decode import decoder, encode_registers, reorder
from edge_agent.drivers.modbus.settings import ModbusTag, Order
from profiles.wire.messages import Value
from profiles.wire.quality import BAD_DECODE, BAD_INSTRUMENT, BAD_NOT_FINITE, GOOD
from tests.edge_agent.drivers.modbus.test_settings import tag

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
WHOLE = {"int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1), "int32": (-(2**31), 2**31 - 1),
         "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1),
         "bcd16": (0, 10**4 - 1), "bcd32": (0, 10**8 - 1), "bcd64": (0, 10**16 - 1)}  # fmt: skip


def made(**settings: Any) -> ModbusTag:
    return ModbusTag.model_validate(tag(**settings))


def read(raw: str, **settings: Any) -> tuple[Value, str]:
    return decoder(made(**settings))(bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("order", "sent"),
    [("ABCD", "41 BC 00 00"), ("CDAB", "00 00 41 BC"), ("BADC", "BC 41 00 00"), ("DCBA", "00 00 BC 41")],
)
def test_the_four_orders_of_23_5_read_alike(order: Order, sent: str) -> None:
    assert read(sent, type="float32", order=order) == (23.5, GOOD)


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        ("ABCD", "01 02 03 04 05 06 07 08"),
        ("CDAB", "07 08 05 06 03 04 01 02"),
        ("BADC", "02 01 04 03 06 05 08 07"),
        ("DCBA", "08 07 06 05 04 03 02 01"),
    ],
)
def test_the_orders_of_64_bits_go_over_all_four_words(order: Order, sent: str) -> None:
    assert read(sent, type="uint64", order=order) == (0x0102030405060708, GOOD)


@given(st.binary(min_size=8, max_size=8), st.sampled_from(ORDERS))
def test_every_order_is_its_own_inverse(raw: bytes, order: Order) -> None:
    assert reorder(reorder(raw, order), order) == raw


@given(st.data(), st.sampled_from(sorted(WHOLE)), st.sampled_from(ORDERS))
def test_whole_numbers_come_back_as_they_were_sent(data: st.DataObject, kind: str, order: Order) -> None:
    number = data.draw(st.integers(*WHOLE[kind]))
    sent = made(type=kind, order=order)
    assert decoder(sent)(encode_registers(sent, number)) == (number, GOOD)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(ORDERS))
def test_doubles_come_back_exactly(number: float, order: Order) -> None:
    sent = made(type="float64", order=order)
    assert decoder(sent)(encode_registers(sent, number)) == (number, GOOD)


@given(st.integers(0, 65535), st.integers(0, 6))
def test_a_decimal_scale_gives_the_decimal_that_the_display_shows(number: int, digits: int) -> None:
    sent = made(scale=float(f"1e-{digits}"))
    value, quality = decoder(sent)(encode_registers(sent, number))
    assert (value, quality) == (float(f"{number}e-{digits}"), GOOD)


def test_1234_times_0_001_is_1_234() -> None:
    assert read("04D2", scale=0.001) == (1.234, GOOD)
    assert read("04D2", scale=0.1, offset=-50.0) == (73.4, GOOD)


@pytest.mark.parametrize("sent", ["7FC00000", "7F800000", "FF800000"])
def test_a_number_that_is_not_finite_is_null_and_bad(sent: str) -> None:
    assert read(sent, type="float32") == (None, BAD_NOT_FINITE)


def test_a_number_that_its_scale_makes_infinite_is_bad() -> None:
    assert read("7FEFFFFFFFFFFFFF", type="float64", scale=10.0) == (None, BAD_NOT_FINITE)


def test_a_nibble_beyond_nine_is_no_bcd() -> None:
    assert read("12 34", type="bcd16") == (1234, GOOD)
    assert read("12 3A", type="bcd16") == (None, BAD_DECODE)


@pytest.mark.parametrize(
    ("sent", "settings"),
    [
        ("7FFF", {"type": "int16", "invalid": [0x7FFF]}),
        ("8000", {"type": "int16", "invalid": [-32768]}),
        ("8000", {"type": "int16", "invalid": ["0x8000"]}),
        ("FFFF", {"type": "uint16", "invalid": [1, 0xFFFF]}),
        ("FFFF", {"type": "uint16", "invalid": [-1]}),
        ("C479F99A", {"type": "float32", "invalid": [-999.9]}),
    ],
)
def test_the_instruments_code_for_no_value_is_bad_instrument(sent: str, settings: dict[str, Any]) -> None:
    assert read(sent, **settings) == (None, BAD_INSTRUMENT)


def test_a_code_for_no_value_is_looked_for_before_scale_and_mask() -> None:
    assert read("7FFE", type="int16", invalid=[0x7FFF], scale=0.5) == (16383.0, GOOD)
    assert read("FFFF", mask=0x0F, invalid=[0x0F]) == (0x0F, GOOD)


def test_a_mask_is_shifted_down_to_its_lowest_bit() -> None:
    assert read("A5C3", mask=0x0F00) == (5, GOOD)
    assert read("00A5 0000", type="uint32", order="CDAB", mask=0xF0) == (0xA, GOOD)


def test_a_bit_of_a_register_is_a_flag() -> None:
    assert read("8001", type="bit", bit=15) == (True, GOOD)
    assert read("8001", type="bit", bit=1) == (False, GOOD)
    assert read("8000", type="bit", bit=7, order="BADC") == (True, GOOD)


def test_a_number_without_a_text_is_bad_and_not_a_foreign_text() -> None:
    states = {0: "停止", 1: "运行"}
    assert read("0001", enum=states) == ("运行", GOOD)
    assert read("0002", enum=states) == (None, BAD_DECODE)
    assert read("0010", mask=0x30, enum=states) == ("运行", GOOD)


@pytest.mark.parametrize(
    ("sent", "settings", "value"),
    [
        (b"PUMP-1  ", {}, "PUMP-1"),
        (b"PUMP\0\0XX", {}, "PUMP"),
        (b"UPPM1-  ", {"order": "BADC"}, "PUMP-1"),
        (b"PUMP-1  ", {"order": "CDAB"}, "PUMP-1"),
        ("储罐".encode("gb18030") + bytes(4), {"encoding": "gb18030"}, "储罐"),
        ("储罐".encode() + bytes(2), {"encoding": "utf-8"}, "储罐"),
    ],
)
def test_strings_lose_their_padding_alone(sent: bytes, settings: dict[str, Any], value: str) -> None:
    assert decoder(made(type="string", length=4, **settings))(sent) == (value, GOOD)


def test_bytes_that_are_no_text_of_the_encoding_are_bad() -> None:
    assert decoder(made(type="string", length=1))(b"\xb4\xa2") == (None, BAD_DECODE)


def test_a_float_without_a_scale_is_exactly_what_was_sent() -> None:
    [exact] = struct.unpack(">f", bytes.fromhex("3DCCCCCD"))
    assert read("3DCCCCCD", type="float32") == (exact, GOOD)
