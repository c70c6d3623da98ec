"""Codes issued from above: length and characters are checked hard, the inner structure softly (notes, 1.7).

Every message says at which character (from 1) the code goes wrong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from config.errors import Severity
from config.load import load
from config.model import Settings
from profiles.checkdigits import CHECK_DIGITS
from profiles.model import CodeRule
from profiles.regions import Counties, region_faults

_WORDS = {
    "0-9": "a digit", "A-Z": "a capital letter", "0-9A-Z": "a digit or a capital letter",
    "0-9A-Za-z": "a digit or a letter", "0-9-": "a digit or '-'", "1-9": "a digit other than 0",
    "0-9A-HJ-NPQRTUWXY": "a digit or a capital letter other than I, O, S, V, Z",
}  # fmt: skip
_ATOM = re.compile(r"(\\.|\[[^\]]*\]|\([^()]*\)|[^\\\[\]()|])(?:\{(\d+)(?:,(\d+))?\})?")
"""One element of a code's pattern, and how often it stands."""


class StandardCodes(Settings):
    """Codes of national standards, the same for all specifications."""

    credit: CodeRule
    cas: CodeRule
    video: CodeRule
    region: CodeRule


@functools.cache
def standard_codes() -> StandardCodes:
    """As profiles/tables/codes.yaml has them."""
    return load(Path(__file__).parent / "tables" / "codes.yaml", StandardCodes).settings


def code_faults(
    rule: CodeRule, code: str, around: str = "", quantity: str = "", counties: Counties | None = None
) -> Iterator[tuple[str, Severity]]:
    """What is wrong with a code.

    `around`: what it should begin with, where known; `quantity`: its indicator type; `counties`: the operator's list.
    """
    name = f"{rule.zh} {code!r}"
    if fault := _wrong_length(rule, code) or _wrong_character(rule, code):
        yield f"{name}{fault}", "error"
        return
    if rule.pattern is not None and not re.fullmatch(rule.pattern, code):
        yield f"{name}: {_broken(rule.pattern, code)}", "warning"
    elif rule.check_digit is not None and code[-1] != (wanted := CHECK_DIGITS[rule.check_digit](code)):
        yield f"{name}: {_at(code, len(code))}: expected the check digit {wanted!r}; a character is wrong", "warning"
    if not code.startswith(around):
        at = next((n for n, (is_, should) in enumerate(zip(code, around, strict=False)) if is_ != should), len(code))
        yield f"{name}: {_at(code, at + 1)}: expected {around[at]!r}, since it should begin with {around!r}", "warning"
    if rule.quantity_at is not None and quantity:
        start = rule.quantity_at - 1
        found = code[start : start + len(quantity)]
        if found != quantity:
            where = f"characters {start + 1}–{start + len(quantity)} {found!r}"
            yield f"{name}: {where}: expected the indicator type {quantity!r}", "warning"
    if rule.region_at is not None:
        start = rule.region_at - 1
        for fault in region_faults(code[start : start + (rule.region_digits or 6)], counties or {}, rule.region_at):
            yield f"{name}: {fault}", "warning"


def _wrong_length(rule: CodeRule, code: str) -> str:
    shortest = rule.length if rule.shortest is None else rule.shortest
    if shortest <= len(code) <= rule.length:
        return ""
    expected = rule.length if shortest == rule.length else f"{shortest} to {rule.length}"
    where = f"character {len(code) + 1} is missing"
    if len(code) > rule.length:
        where = f"{_at(code, rule.length + 1)} is beyond its end"
    return f" has {len(code)} characters; expected {expected}: {where}"


def _wrong_character(rule: CodeRule, code: str) -> str:
    for position, character in enumerate(code, 1):
        if not re.fullmatch(f"[{rule.characters}]", character):
            return f": {_at(code, position)}: expected {_words(f'[{rule.characters}]')}"
    return ""


def _at(code: str, position: int) -> str:
    shown = repr(code[position - 1]) if position <= len(code) else "(missing)"
    return f"character {position} {shown}"


def _broken(pattern: str, code: str) -> str:
    """Where a code leaves its pattern: after the longest beginning of the pattern that it has.

    A pattern that is more than one element after the other (`a|b`) tells no position.
    """
    unknown = f"it is not of the structure known here ({pattern})"
    atoms = list(_ATOM.finditer(pattern))
    if "".join(atom[0] for atom in atoms) != pattern:
        return unknown
    begun, end = "", 0
    for element in _elements(atoms):
        match = re.match(begun + element, code)
        if match is None:
            return f"{_at(code, end + 1)}: expected {_words(element)}, by the structure known here ({pattern})"
        begun, end = begun + element, match.end()
    return f"{_at(code, end + 1)}: expected no more, by the structure known here ({pattern})"


def _elements(atoms: list[re.Match[str]]) -> Iterator[str]:
    """Each element as often as it must stand, then as often as it may."""
    for atom in atoms:
        least = int(atom[2] or 1)
        yield from [atom[1]] * least
        if atom[3]:
            yield f"{atom[1]}{{0,{int(atom[3]) - least}}}"


def _words(element: str) -> str:
    """An element of a pattern in words."""
    inner = "0-9" if element == r"\d" else element[1:-1]
    if element.startswith("("):
        return f"one of {inner.replace('|', ', ')}"
    if element.startswith("[") or element == r"\d":
        return _WORDS.get(inner, f"one of {inner}")
    return repr(element.removeprefix("\\"))
