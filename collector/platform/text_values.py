"""What a sound text file says, as the ledger keeps it (notes on mines, 1.3, 2.1, 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from collector.platform.fields import millis
from collector.platform.ledger import Value
from collector.platform.text_kinds import KINDS, SYSTEMS, TIME

Record = dict[str, str]


class Parsed(NamedTuple):
    """A file taken apart; `time` is its header's in ms UTC."""

    mine: str
    kind: str
    time: int
    records: list[Record]


def number(kind: str, text: str) -> str:
    """A number as text; nothing for one that is missing: important equipment writes -9999 then (1.1)."""
    return "" if text == "-9999" and kind[:2] in SYSTEMS else text


def values(name: str, file: Parsed) -> Iterator[Value]:
    """What a sound file says, for the ledger: readings (T) and abnormal events (T.alarm); times in ms UTC."""
    if KINDS[file.kind].persons:
        there = [each for each in file.records if each.get("underground", "1") == "1" and not each.get("end")]
        yield Value("T.persons", file.mine, file.time, float(len(there)), True, file.kind, name)
        return
    for each in file.records:
        code = each.get("point") or each.get("area", "")
        if file.kind == "SPBJ":
            at = millis(each["end"] or each["start"], TIME) or 0
            yield Value(
                f"seal.{each['event_code']}", each["camera"], at, float(each["grade"]), True, each["phase"], name
            )
        elif file.kind == "SPZT":
            at = millis(each["since"], TIME) or 0
            yield Value("seal.status", each["camera"], at, float(each["camera_state"]), True, file.kind, name)
        elif file.kind in ("TJSJ", "WFSJ"):
            at, mean = file.time, float(each["mean"])
            yield Value("T.statistic", code, at, mean, True, file.kind, name)
        elif file.kind == "FZSS":
            at = millis(each["data_time"], TIME) or 0
            yield Value("T.station", each["station"], at, float(each["run"]), each["run"] == "0", file.kind, name)
        elif file.kind in ("KGBH", "KZLD", "DYSS", "WZSJ"):
            at, value = millis(each["data_time"], TIME) or 0, float(each["action" if file.kind == "KZLD" else "value"])
            of = "T.event" if "event_id" in each else "T.change"
            yield Value(of, code or file.mine, at, value, True, file.kind, name)
        elif "value" in each:
            text = number(file.kind, each["value"])
            normal = (
                not int(each.get("state") or each["eight"]) & ~3 if "state" in each else "1" not in _faults_of(each)
            )
            at = millis(each["data_time"], TIME) or 0
            yield Value("T", code, at, float(text) if text else None, normal, file.kind, name)
        elif "start" in each:
            sort = f"{file.kind} {each.get('abnormal', '')}".strip()
            at = millis(each["end"] or each["start"], TIME) or 0
            yield Value("T.alarm", code, at, None, True, f"{sort} {'closed' if each['end'] else 'open'}", name)


def _faults_of(record: Record) -> str:
    """The flags but for alarm and power, which say nothing of the value."""
    flags = record["eight"]
    return flags[:4] + flags[5] + flags[7]
