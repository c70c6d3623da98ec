from __future__ import annotations

import pytest

from edge_agent.drivers.modbus.trace import registers
from profiles.wire.messages import Source


@pytest.mark.parametrize(
    ("coded", "scale", "offset", "value", "expected"),
    [
        ("uint16 ABCD", 0.001, 0.0, 1.234, (1234, "04d2")),
        ("int16 ABCD", 0.1, -40.0, -45.5, (-55, "ffc9")),
        ("uint32 CDAB", 1.0, 0.0, 65538, (65538, "00020001")),
        ("bcd16 ABCD", 1.0, 0.0, 1234, (1234, "1234")),
        ("float32 DCBA", 1.0, 0.0, 0.5, (0.5, "0000003f")),
        ("uint16 ABCD", 0.001, 0.0, 1.2345, None),  # no whole number gives it
        ("uint16 ABCD", 1.0, 0.0, 70_000, None),
        ("float32 ABCD", 0.1, 0.0, 0.05, None),
        ("float32 ABCD", 1.0, 0.0, 0.1, None),  # no float32 is exactly this double
        ("uint16 ABCD mask 0xff", 1.0, 0.0, 7, None),
        ("bit ABCD bit 3", 1.0, 0.0, 1, None),
        ("string ABCD", 1.0, 0.0, 1, None),
        ("", 1.0, 0.0, 1, None),
        ("uint16 ABCD", 0.0, 0.0, 0, None),
        ("uint16 ABCD", float("inf"), 0.0, 0, None),
    ],
)
def test_registers_are_told_only_where_decoding_them_gives_the_value(
    coded: str, scale: float, offset: float, value: float, expected: tuple[float, str] | None
) -> None:
    found = registers(Source(at="40001", coded=coded, scale=scale, offset=offset), value)
    assert (None if found is None else (found[0], found[1].hex())) == expected
