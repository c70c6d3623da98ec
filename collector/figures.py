"""Numbers for people: what an instrument gave as a float32 (IEEE 754 binary32) is not shown with a double's digits."""

from __future__ import annotations

import struct

LARGEST = 2.0**24
"""Every whole number up to here is a float32, so that nothing tells a fraction's width beyond it."""
DIGITS = range(6, 10)
"""Significant digits of a float32: six survive for sure, nine tell any two apart (C11, FLT_DIG, FLT_DECIMAL_DIG)."""


def figure(value: object) -> str:
    """A value in words: a fraction that is a float32 by the shortest decimal of that float32, all else by `str`."""
    if not isinstance(value, float) or value.is_integer() or not abs(value) < LARGEST or _single(value) != value:
        return str(value)
    return next(text for text in (str(float(f"{value:.{digits}g}")) for digits in DIGITS) if _single(text) == value)


def _single(number: float | str) -> float:
    [nearest] = struct.unpack("<f", struct.pack("<f", float(number)))
    return float(nearest)
