"""Codes issued from above: length and characters are checked hard, the inner structure softly (notes, 1.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.errors import Severity
from profiles.model import CodeRule


def code_faults(rule: CodeRule, code: str, around: str, quantity: str) -> Iterator[tuple[str, Severity]]:
    """What is wrong with a code; `around`: what it should begin with, where known; `quantity`: its indicator type."""
    shortest = rule.length if rule.shortest is None else rule.shortest
    if not shortest <= len(code) <= rule.length:
        expected = rule.length if shortest == rule.length else f"{shortest} to {rule.length}"
        yield f"{rule.zh} {code!r} has {len(code)} characters; expected {expected}", "error"
        return
    if not re.fullmatch(f"[{rule.characters}]+", code):
        yield f"{rule.zh} {code!r} has characters other than {rule.characters}", "error"
        return
    if rule.pattern is not None and not re.fullmatch(rule.pattern, code):
        yield f"{rule.zh} {code!r} is not of the structure known here ({rule.pattern})", "warning"
    if around and not code.startswith(around):
        yield f"{rule.zh} {code!r} does not begin with {around!r}", "warning"
    if rule.quantity_at is not None and quantity:
        start = rule.quantity_at - 1
        if code[start : start + len(quantity)] != quantity:
            yield (
                f"{rule.zh} {code!r} does not name the indicator type {quantity} at position {rule.quantity_at}",
                "warning",
            )
