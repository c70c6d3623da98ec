"""Text files of mines, judged as a platform should: name, encoding, marks, fields, codes, states, times, rhythm.

Written from the notes on mines (1.1 to 1.6, 2.3, 2.5, 3) with a parser of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator

from collector.platform import person_files
from collector.platform.fields import Fault, millis, now
from collector.platform.images import MAGIC
from collector.platform.ledger import Ledger, Value
from collector.platform.mine_tables import UNITS
from collector.platform.platform import Secret
from collector.platform.text_figures import figures, gathered
from collector.platform.text_kinds import CHECKS, KINDS, SYSTEMS, TIME, Kind
from collector.platform.text_values import Parsed, Record, number, values

NAME = re.compile(r"([0-9A-Z]{12,20})_([A-Z]+)_(\d{14})\.[tT][xX][tT]")
EARLY = 300_000
"""Ms that a header's time may lie ahead (2.3)."""
LATER = 60_000
"""Ms by which the time in a name may lie behind the header's: a second for each name that was taken (1.1)."""
LOST_BITS, LOST_FLAGS = 16 | 32 | 64 | 128, (0, 5, 7)
"""States without a value: bits of the sum, places (from 0) of the eight flags (1.4)."""
PLAIN = Secret()
KEPT = 100_000
"""Mines and kinds whose rhythm is watched."""


class TextPlatform:
    """Takes files one after another; `told` is called with a line a file. `secret`: how whole files are encrypted."""

    def __init__(
        self, ledger: Ledger, encoding: str = "utf-8", told: Callable[[str], None] = lambda _: None,
        secret: Secret = PLAIN,
    ) -> None:  # fmt: skip
        self._ledger, self._encoding, self._told, self._secret = ledger, encoding, told, secret
        self._last: OrderedDict[tuple[str, str], tuple[int, frozenset[str]]] = OrderedDict()

    def complete(self, raw: bytes) -> bool:
        """Whether the end has come: the last characters that are no blanks (2.3)."""
        try:
            return self._opened(raw).rstrip().endswith((b"||", b"]]]"))
        except ValueError:
            return False

    def _opened(self, raw: bytes) -> bytes:
        return raw if self._secret.kind == "none" else self._secret.opened(raw.decode("ascii"))

    def take(self, name: str, raw: bytes) -> bool:
        """Judge a file and note it, durable on return; False when it is refused."""
        received = now()
        try:
            raw = self._opened(raw)
        except ValueError as err:
            shown = _shown(name, raw, self._encoding)[:4000]
            self._ledger.refuse(received, [("", f"cannot be opened: {err}")], shown)
            self._told(f"refused {name}: cannot be opened: {err}")
            return False
        shown = _shown(name, raw, self._encoding)
        if (known := self._ledger.body(name)) is not None:
            faults = [] if known == shown else [Fault("name", "is that of a file with another content")]
            parsed = None
        else:
            faults, parsed = judged(name, raw, self._encoding)
        if faults:
            self._ledger.refuse(received, faults, f"{name}: {shown[:4000]}")
            self._told(f"refused {name}: " + "; ".join(f"{path}: {reason}" for path, reason in faults[:5]))
            return False
        self._ledger.accept(name, "T", received, shown, [] if parsed is None else values(name, parsed))
        if parsed is not None:
            self._rhythm(received, parsed)
        self._told(f"{name}: " + ("known already" if parsed is None else f"{len(parsed.records)} records"))
        return True

    def take_proof(self, path: str, raw: bytes) -> bool:
        """Judge a picture or film of an event, by its path; the ledger keeps its hash. False when it is refused."""
        received, film = now(), path.endswith(".mp4")
        found = hashlib.sha256(raw).hexdigest()
        if not (raw[4:8] == b"ftyp" if film else MAGIC["jpg"].match(raw)):
            self._ledger.refuse(received, [("", f"is no {'film (mp4)' if film else 'picture (jpg)'}")], path)
            self._told(f"refused {path}")
            return False
        value = Value("seal.proof", path, 0, len(raw), True, found, path)
        self._ledger.accept(path, "proof", received, found, [value])
        self._told(f"{path}: {len(raw)} bytes")
        return True

    def _rhythm(self, received: int, file: Parsed) -> None:
        """Newer files must come often enough and name every point; older ones complete the past."""
        kind = KINDS[file.kind]
        key, points = (file.mine, file.kind), frozenset(each[kind.key.split()[0]] for each in file.records)
        before, there = self._last.get(key, (file.time, points))
        if kind.every is None or file.time < before:
            return
        if file.time - before > 2000 * kind.every:
            late = (file.time - before) / 1000
            self._ledger.find(
                received, f"{file.mine} {file.kind}: {late:.0f} s between two files; every {kind.every:g} s"
            )
        if file.time > before and kind.full and (gone := there - points):
            self._ledger.find(received, f"{file.mine} {file.kind}: {', '.join(sorted(gone)[:3])} is there no more")
        if file.time > before or key not in self._last:
            self._last[key] = file.time, points
            if len(self._last) > KEPT:
                self._last.popitem(last=False)


def _shown(name: str, raw: bytes, encoding: str) -> str:
    """A file as the ledger keeps it; of one that tells of persons only a digest."""
    match = NAME.fullmatch(name)
    if match and (kind := KINDS.get(match[2])) is not None and kind.persons:
        return f"tells of persons, SHA-256 {hashlib.sha256(raw).hexdigest()}"
    return raw.decode(encoding, errors="replace")


def judged(name: str, raw: bytes, encoding: str = "utf-8") -> tuple[list[Fault], Parsed | None]:
    """Everything that a platform should refuse in a file; the file, where there is nothing."""
    match = NAME.fullmatch(name)
    if match is None:
        return [Fault("name", "expected MINE_KIND_yyyyMMddHHmmss.txt")], None
    mine, word, stamp = match.groups()
    named = millis(stamp, "%Y%m%d%H%M%S")
    if named is None:
        return [Fault("name", f"{stamp} is no time")], None
    kind = KINDS.get(word)
    if kind is None:
        return [Fault("name", f"the kind {word} is not known")], None
    try:
        content = raw.decode(encoding)
    except UnicodeDecodeError as err:
        return [Fault("", f"byte {err.start} is not {encoding}")], None
    if fault := _marks(content, kind):
        return [fault], None
    record, end = ("^", "]]]") if kind.non_coal else ("~", "||")
    head, *lines = content.removesuffix(end).split(record)
    if lines[-1:] != [""]:
        return [Fault("", f"expected {record} after the header and after every record")], None
    faults, header = _header(head, mine, word, kind, named)
    found = [line.split(";") for line in lines[:-1]]
    names = kind.fields.split()
    faults += _counted(header, names, found)
    if faults:
        return faults, None
    time = millis(header["file_time"], TIME) or 0
    parsed = Parsed(mine, word, time, [dict(zip(names, fields, strict=True)) for fields in found])
    faults = list(_records(parsed, kind))
    return faults, None if faults else parsed


def _marks(content: str, kind: Kind) -> Fault | None:
    end = "]]]" if kind.non_coal else "||"
    if content.startswith("\ufeff"):
        return Fault("", "begins with a byte order mark; expected none")
    if not content.endswith(end):
        return Fault("", f"does not end with {end}")
    if found := re.search(r"[\r\n；]", content):
        return Fault("", f"has the character {found[0]!r}, which is no mark")
    return None


def _header(head: str, mine: str, word: str, kind: Kind, named: int) -> tuple[list[Fault], Record]:
    names, fields = kind.header.split(), head.split(";")
    if len(fields) != len(names):
        return [Fault("header", f"has {len(fields)} fields; expected {len(names)}")], {}
    header = dict(zip(names, fields, strict=True))
    faults = list(_fields("header.", header))
    if header["mine"] != mine:
        faults.append(Fault("header.mine", f"is not the {mine} of the name"))
    if "system_code" in header and header["system_code"] != SYSTEMS[word[:2]]:
        faults.append(Fault("header.system_code", f"expected {SYSTEMS[word[:2]]} of {word}"))
    if (time := millis(header["file_time"], TIME)) is not None:
        if time > now() + EARLY:
            faults.append(Fault("header.file_time", "lies in the future"))
        if not 0 <= named - time <= LATER:
            faults.append(Fault("name", f"its time is {(named - time) / 1000:.0f} s behind the header's"))
    return faults, header


def _counted(header: Record, names: list[str], found: list[list[str]]) -> Iterator[Fault]:
    for at, fields in enumerate(found):
        if len(fields) != len(names):
            yield Fault(f"record[{at}]", f"has {len(fields)} fields; expected {len(names)}")
    if header.get("count", str(len(found))) != str(len(found)):
        yield Fault("header.count", f"there are {len(found)} records")


def _fields(path: str, record: Record) -> Iterator[Fault]:
    for name, value in record.items():
        if name in CHECKS and (reason := CHECKS[name](value)):
            yield Fault(path + name, reason if name in person_files.PERSONAL else f"{reason}, not {value[:60]!r}")


def _records(file: Parsed, kind: Kind) -> Iterator[Fault]:
    seen: set[tuple[str, ...]] = set()
    for at, record in enumerate(file.records):
        path = f"record[{at}]."
        wrong = list(_fields(path, _missing_as_empty(file.kind, record)))
        yield from wrong
        key = tuple(record[name] for name in kind.key.split())
        if key in seen:
            yield Fault(path + kind.key.split()[0], "stands twice in the file")
        seen.add(key)
        if not wrong:
            yield from _point(path, file, record)
            yield from person_files.faults(path, file.mine, file.time, record)
            yield from _times(path, file, record)
            yield from _lost(path, file.kind, record)
            yield from figures(path, file.kind, record)
    yield from gathered(file.kind, file.time, file.records)


def _missing_as_empty(kind: str, record: Record) -> Record:
    """In part 2 a missing number is -9999 (1.1)."""
    return record if kind[:2] not in SYSTEMS else {name: number(kind, text) for name, text in record.items()}


def _point(path: str, file: Parsed, record: Record) -> Iterator[Fault]:
    if file.kind.startswith("SP") or file.kind == "WZSJ":  # a camera's code is its own, and an event has no point
        return
    code = record.get("point") or record.get("area") or record.get("station", "")
    if not KINDS[file.kind].persons and "area_code" not in record and not code.startswith(file.mine):
        yield Fault(
            f"{path}{'point' if 'point' in record else 'code'}", f"does not begin with the mine code {file.mine}"
        )
    if "point" not in record:
        return
    kind = code[16:20]
    if record.get("type", kind) != kind:
        yield Fault(f"{path}type", f"is not the {kind} of the point code")
    if record.get("value_type", code[14:16]) != code[14:16] or record.get("system", code[12:14]) != code[12:14]:
        yield Fault(f"{path}system", "system and value type are not those of the point code")
    if "unit" in record and kind in UNITS and record["unit"] not in UNITS[kind]:
        yield Fault(f"{path}unit", f"expected {' or '.join(sorted(UNITS[kind]))} of sensor type {kind}")


def _times(path: str, file: Parsed, record: Record) -> Iterator[Fault]:
    moments = {name: at for name, text in record.items() if (at := millis(text, TIME)) is not None}
    for name, at in moments.items():
        if at > file.time:
            yield Fault(path + name, "lies behind the time of the file")
    start, end = moments.get("start"), moments.get("end")
    if start is not None and end is not None and end < start:
        yield Fault(path + "end", "lies before the start")


def _lost(path: str, kind: str, record: Record) -> Iterator[Fault]:
    """A lost point has no value, and every other one has."""
    if "value" not in record or not ("state" in record or "eight" in record):
        return
    if "state" in record:
        lost = bool(int(record["state"]) & LOST_BITS)
    else:
        lost = any(record["eight"][at] == "1" for at in LOST_FLAGS)
    if lost == bool(number(kind, record["value"])):
        yield Fault(path + "value", "expected none in this state" if lost else "is missing, and the state says nothing")
