"""What the figures of a record tell among themselves: extremes, means, spans, changes (notes on mines, 1.3, 1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from collector.platform.fields import Fault, millis
from collector.platform.text_kinds import TIME

STATISTIC = 300_000
"""Ms of the span of a `TJSJ` record; spans lie by the clock."""
GATHERED = 60_000
"""Ms that the changes of a `KGBH` file are gathered at most."""
SWITCH = re.compile(r".{14}KG")
STATION = re.compile(r".{12}\d{2}DT\d{4}[0-9A-Za-z]{1,12}$")
ANALOGUE = re.compile(r".{14}MN")
CUT_OFF = "KG1009"
FED = (CUT_OFF, "KG1011", "KG1015")
_FIGURES = (("max", "max_time"), ("min", "min_time"))


def figures(path: str, kind: str, record: Mapping[str, str]) -> Iterator[Fault]:
    """Faults of one record whose fields are each as they should be."""
    if kind in ("TJSJ", "WFSJ"):
        yield from _statistic(path, kind, record)
    elif kind == "KGBH" and not (SWITCH.match(record["point"]) and record["value"] in ("0", "1")):
        yield Fault(f"{path}value", "expected the 0 or 1 of a switch (KG)")
    elif kind == "YCBJ" and record["abnormal"] == "003" and record["point"][14:20] not in FED:
        yield Fault(f"{path}abnormal", f"is of a feed, and the point is none of {', '.join(FED)}")
    elif kind == "KZLD":
        yield from _action(path, record)
    elif kind == "FZSS" and not STATION.match(record["station"]):
        yield Fault(f"{path}station", "is no substation (DT)")
    if "mean" in record:
        yield from _extremes(path, record)


def gathered(kind: str, time: int, records: Sequence[Mapping[str, str]]) -> Iterator[Fault]:
    """Faults of a file of changes as a whole; `time` is its header's, ms UTC."""
    if kind != "KGBH":
        return
    if not records:
        yield Fault("", "has no record; such a file is sent only with content")
    last: dict[str, str] = {}
    for at, record in enumerate(records):
        if time - (millis(record["data_time"], TIME) or 0) > GATHERED:
            yield Fault(f"record[{at}].data_time", "lies more than 60 s before the file")
        if last.get(record["point"]) == record["value"]:
            yield Fault(f"record[{at}].value", "is no change")
        last[record["point"]] = record["value"]


def _statistic(path: str, kind: str, record: Mapping[str, str]) -> Iterator[Fault]:
    if not ANALOGUE.match(record["point"]):
        yield Fault(f"{path}point", "is no analogue point (MN)")
    start, end = (millis(record.get(name), TIME) for name in ("start", "end"))
    if kind == "TJSJ" and (start is None or end is None or end - start != STATISTIC or start % STATISTIC):
        yield Fault(f"{path}start", "expected five minutes by the clock")
    for name in ("max", "min", "mean"):
        if not record[name]:
            yield Fault(path + name, "is missing")


def _action(path: str, record: Mapping[str, str]) -> Iterator[Fault]:
    if record["point"][14:20] != CUT_OFF:
        yield Fault(f"{path}point", f"is no cut-off device ({CUT_OFF})")
    if record["trigger_value"] and not record["trigger"]:
        yield Fault(f"{path}trigger_value", "is of no point")
    if record["mode"] == "auto" and not record["trigger"]:
        yield Fault(f"{path}mode", "expected the triggering point of what is automatic")


def _extremes(path: str, record: Mapping[str, str]) -> Iterator[Fault]:
    """All three or none of them, each time beside its value, in their order and within the span."""
    there = [name for name in ("max", "min", "mean") if record[name]]
    if len(there) not in (0, 3):
        yield Fault(path + there[0], "expected maximum, minimum and mean, or none of them")
        return
    if there and not float(record["min"]) <= float(record["mean"]) <= float(record["max"]):
        yield Fault(f"{path}mean", "does not lie between minimum and maximum")
    start, end = (millis(record.get(name), TIME) for name in ("start", "end"))
    for name, moment in _FIGURES:
        at = millis(record[moment], TIME)
        if (at is None) == bool(record[name]):
            yield Fault(path + moment, f"expected one beside {name}, and none without it")
        elif at is not None and start is not None and not start <= at <= (end or at):
            yield Fault(path + moment, "lies outside of the span")
