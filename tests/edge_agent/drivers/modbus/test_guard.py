import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.modbus.guard import FUNCTIONS, Expected, LinkError, RefusedError, Tap
from edge_agent.drivers.modbus.settings import Table
from tests.edge_agent.drivers.modbus.hostile import crc


def request(rtu: bool, unit: int, function: int, count: int, transaction: int = 7) -> bytes:
    body = struct.pack(">BBHH", unit, function, 5, count)
    return body + crc(body) if rtu else struct.pack(">HHH", transaction, 0, len(body)) + body


def frame(rtu: bool, unit: int, pdu: bytes, transaction: int = 7) -> bytes:
    body = bytes([unit]) + pdu
    return body + crc(body) if rtu else struct.pack(">HHH", transaction, 0, len(body)) + body


def data_of(function: int, count: int) -> bytes:
    size = (count + 7) // 8 if function <= 2 else 2 * count
    return bytes(at % 251 for at in range(size))


asked = st.tuples(st.booleans(), st.integers(1, 247), st.sampled_from([1, 2, 3, 4]), st.integers(1, 125))


def test_the_four_tables_are_read_by_functions_1_to_4_and_there_are_no_others() -> None:
    assert sorted(FUNCTIONS) == sorted(get_args(Table))
    assert sorted(FUNCTIONS.values()) == [1, 2, 3, 4]


@given(asked)
def test_the_right_answer_passes_in_any_pieces_and_is_complete_at_its_last_byte(
    what: tuple[bool, int, int, int],
) -> None:
    rtu, unit, function, count = what
    data = data_of(function, count)
    whole = frame(rtu, unit, bytes([function, len(data)]) + data)
    expected = Expected.to(request(rtu, unit, function, count), rtu=rtu)
    for end in range(1, len(whole)):
        assert expected.is_possible(whole[:end])
        assert not expected.is_complete(whole[:end])
    assert expected.is_possible(whole)
    assert expected.is_complete(whole)
    assert expected.body(whole) == data


@given(asked, st.integers(0, 255))
def test_a_refusal_is_told_by_its_code(what: tuple[bool, int, int, int], code: int) -> None:
    rtu, unit, function, count = what
    whole = frame(rtu, unit, bytes([function | 0x80, code]))
    expected = Expected.to(request(rtu, unit, function, count), rtu=rtu)
    assert expected.is_possible(whole)
    assert expected.is_complete(whole)
    with pytest.raises(RefusedError) as caught:
        expected.body(whole)
    assert caught.value.code == code


@given(asked, st.data())
def test_no_other_header_and_no_further_byte_is_possible(what: tuple[bool, int, int, int], draw: st.DataObject) -> None:
    rtu, unit, function, count = what
    data = data_of(function, count)
    whole = bytearray(frame(rtu, unit, bytes([function, len(data)]) + data))
    expected = Expected.to(request(rtu, unit, function, count), rtu=rtu)
    assert not expected.is_possible(bytes(whole) + b"\0")
    at = draw.draw(st.integers(0, len(whole) - 1 if rtu else 8), label="byte that is another")
    whole[at] ^= draw.draw(st.integers(1, 255), label="by")
    assert not (expected.is_possible(bytes(whole)) and expected.is_complete(bytes(whole)))


@given(asked, st.integers(0, 65_535))
def test_an_answer_to_any_other_transaction_is_impossible_from_its_header_on(
    what: tuple[bool, int, int, int], transaction: int
) -> None:
    _rtu, unit, function, count = what
    data = data_of(function, count)
    whole = frame(False, unit, bytes([function, len(data)]) + data, transaction)
    expected = Expected.to(request(False, unit, function, count), rtu=False)
    assert expected.is_possible(whole[:2]) == expected.is_possible(whole) == (transaction == 7)


def test_the_tap_gives_nothing_that_is_doubtful_on_and_calls_at_once() -> None:
    tap, called = Tap(rtu=False), []
    tap.start()
    tap.expect(lambda: called.append("doubt"))
    tap.packet(True, request(False, 1, 3, 1))
    ill = frame(False, 2, b"\x03\x02\0\0")
    assert tap.packet(False, ill) == b""
    assert called == ["doubt"]
    right = frame(False, 1, b"\x03\x02\0\0")
    assert tap.packet(False, ill + right) == b"", "nor what comes behind it"
    with pytest.raises(LinkError, match=r"no answer to the request 00 07 .* 00 07 00 00 00 05 02 03"):
        tap.answer()


def test_what_comes_when_nothing_was_asked_is_doubtful() -> None:
    tap = Tap(rtu=True)
    tap.start()
    assert tap.packet(False, frame(True, 1, b"\x03\x02\0\0")) == b""
    assert tap.doubt.startswith("bytes came that were not asked for: 01 03 02")
    tap.start()
    assert tap.doubt == ""


def test_without_an_answer_there_is_no_value() -> None:
    tap = Tap(rtu=True)
    tap.start()
    tap.expect(lambda: None)
    tap.packet(True, request(True, 1, 3, 1))
    tap.packet(False, b"\x01\x03")
    with pytest.raises(LinkError, match="no answer came"):
        tap.answer()
