"""Check digits: each from the characters before it. The code is of the rule's length, characters and structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from profiles.model import CheckDigit

_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit(code: str) -> str:
    """Of a unified social credit code (统一社会信用代码, GB 32100; notes, 7.2): weights 3^i, modulo 31."""
    total = sum(_CREDIT.index(character) * 3**place for place, character in enumerate(code[:17]))
    return _CREDIT[-total % 31]


def cas(code: str) -> str:
    """Of a CAS number (notes, 7.3): digits times their place from the right, modulo 10."""
    digits = code[:-1].replace("-", "")
    return str(sum(place * int(digit) for place, digit in enumerate(reversed(digits), 1)) % 10)


CHECK_DIGITS: Mapping[CheckDigit, Callable[[str], str]] = {"credit": credit, "cas": cas}
