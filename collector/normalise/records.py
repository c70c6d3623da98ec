"""Samples to records: specification codes and units, range, and the field that the tag's type has for ever.

Only rules without a memory are applied here, so that a repeat never changes a verdict; those with one stand at the
agent.
"""

from __future__ import annotations

import math
import re
import sys
from typing import NamedTuple

from collector.normalise.compile import Compiled, Rule
from collector.sinks.base import Record
from profiles.wire.messages import Data, Sample, Value
from profiles.wire.quality import BAD_NOT_A_NUMBER, BAD_RANGE, GOOD, is_bad

_INTEGER = re.compile(r"-?[0-9]{1,39}")
MAX_TEXT = 64_000
"""Bytes of a text in UTF-8 at most: a string field of InfluxDB has 64 KB
(https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/#data-types)."""
SHOWN = 40
"""Characters of a value that a reason shows."""
MAX_NUMBER = int(sys.float_info.max)
LATEST_MS = 9_223_372_036_854
"""The last millisecond that ns in 64 bits can tell (2262-04-11), and that the stores take."""


class Normalised(NamedTuple):
    """Records in the order of the samples, and the samples (by index) that cannot be used, with the reason."""

    records: list[Record]
    faulty: list[tuple[int, str]]


def normalise(data: Data, compiled: Compiled) -> Normalised:
    """Every sample becomes a record or is named as faulty; nothing is left out."""
    records: list[Record] = []
    faulty: list[tuple[int, str]] = []
    rules, t0, era = compiled.rules, data.t0, data.era
    for index, sample in enumerate(data.s):
        rule = rules.get(sample.tag)
        at = t0 + sample.dt
        if rule is None or not 0 <= at < LATEST_MS:
            faulty.append((index, _why(sample, at, compiled)))
            continue
        value, time = sample.value, at * 1_000_000 + era
        if type(value) is float and rule.type == "number":
            number = value if rule.plain else rule.converter.of(value)
            if rule.low <= number <= rule.high:  # nearly all samples; the bounds are finite
                records.append(Record(rule.series, time, number, None, None, sample.quality))
                continue
        record = _record(rule, time, value, sample.quality)
        if isinstance(record, str):
            faulty.append((index, f"tag {sample.tag!r}: {record}"))
        else:
            records.append(record)
    return Normalised(records, faulty)


def _record(rule: Rule, time: int, value: Value, quality: str) -> Record | str:
    """The record of a sample, or why there is none."""
    if value is None:
        return Record(rule.series, time, None, None, None, BAD_NOT_A_NUMBER if quality == GOOD else quality)
    if rule.type == "flag":
        if isinstance(value, bool) or value in (0, 1):
            return Record(rule.series, time, None, None, bool(value), quality)
        return f"expected true or false, not {_shown(value)}"
    if rule.type == "text":
        if isinstance(value, str):
            if len(value) > MAX_TEXT // 4 and len(value.encode()) > MAX_TEXT:
                return f"expected a text of at most {MAX_TEXT} bytes, not {_shown(value)}…"
            return Record(rule.series, time, None, value, None, quality)
        return f"expected text, not {_shown(value)}"
    return _number(rule, time, value, quality)


def _number(rule: Rule, time: int, value: Value, quality: str) -> Record | str:
    exact = None
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            return f"expected a number, not {_shown(value)}"
        exact, value = value, float(int(value))  # an integer beyond 2^53: its digits stay beside the nearest double
    if isinstance(value, bool) or value is None:
        return f"expected a number, not {_shown(value)}"
    if abs(value) > MAX_NUMBER:
        return f"expected a number that a double holds, not {_shown(value)}"
    number = float(value) if rule.plain else rule.converter.of(value)
    if not math.isfinite(number):
        return f"expected a number that a double holds once it is converted, not {_shown(value)}"
    if not rule.low <= number <= rule.high and not is_bad(quality):
        quality = BAD_RANGE  # the number is kept
    return Record(rule.series, time, number, exact, None, quality)


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return repr(value[:SHOWN])
    return repr(value) if isinstance(value, bool) or not isinstance(value, int) else str(value)[:SHOWN]


def _why(sample: Sample, at: int, compiled: Compiled) -> str:
    if sample.tag in compiled.faults:
        return f"tag {sample.tag!r}: {compiled.faults[sample.tag]}"
    if sample.tag not in compiled.rules:
        return f"tag {sample.tag!r} does not stand in the manifest"
    return f"tag {sample.tag!r}: time {at} ms is beyond what can be stored (1970 to 2262)"
