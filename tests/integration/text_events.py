"""What text files must tell of a point's events by what its instrument served, and what a platform has of them.

Notes on mines, 1.3 and 1.5: an event a limit, from where it was reached to where it was left, under the type and level
that the profile has for it; what the profile has no kind or no type for is told nowhere. Where a kind tells events
apart by point and beginning alone, of limits that were reached at once the gravest is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from collector.platform.fields import millis
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.text_files import judged
from collector.platform.text_kinds import KINDS, TIME
from collector.platform.text_values import Record, number
from edge_agent.simulators.ledger import Served
from profiles.model import Profile
from profiles.stated import AbnormalName
from profiles.textfile.abnormal import STATES
from profiles.textfile.values import text_files
from profiles.textfile.written import kind_of, kinds
from profiles.wire.messages import Limits
from tests.integration.crossings import Crossing, Expected, Side, Stood, Told, crossings

Words = tuple[str, str, str, str]
"""Kind of file, type and level (each nothing where the kind has none), open or closed."""


def types(profile: Profile, quantity: str) -> dict[AbnormalName, str]:
    """What the events of a quantity are called."""
    report = text_files(profile).report
    assert report is not None
    return report.alarm_types | report.quantity_alarm_types.get(quantity, {})


def words(profile: Profile, quantity: str, code: str, level: AbnormalName) -> tuple[str, str, str] | None:
    """Kind, type and level of an event; None where the files have none for it."""
    files = text_files(profile)
    kind, sort = kind_of(files, "alarms", code), types(profile, quantity).get(level)
    if kind is None or sort is None:
        return None
    assert files.report is not None
    fields = KINDS[kind].fields.split()
    return (kind, sort if "abnormal" in fields else "",
            files.report.alarm_levels.get(level, "") if "level" in fields else "")  # fmt: skip


def expected(profile: Profile, quantity: str, code: str, side: Side, found: Iterable[Crossing]) -> Iterator[Expected]:
    """Each beginning and end of the limits of a side, in their order."""
    standing: dict[AbnormalName, Stood] = {}
    names: list[AbnormalName] = list(side.limits)  # type: ignore[arg-type]  # conditions are watched as limits, too
    for each in found:
        of: AbnormalName = each.level  # type: ignore[assignment]  # a limit or condition of the side
        reached = () if each.cleared else names[: names.index(of) + 1]
        new = [level for level in reached if level not in standing]
        if new and (said := words(profile, quantity, code, of)) and "abnormal" not in KINDS[said[0]].key:
            del new[:-1]
        for level in names:
            if level in new:
                standing[level] = each.by[0]._replace(until=each.by[-1].until)
                yield from _told(profile, quantity, code, level, each.by, None)
            elif level not in reached and level in standing:
                yield from _told(profile, quantity, code, level, each.by, standing.pop(level))


def _told(
    profile: Profile, quantity: str, code: str, level: AbnormalName, by: Sequence[Stood], since: Stood | None
) -> Iterator[Expected]:
    said = words(profile, quantity, code, level)
    if said is None:
        return
    its, fields = profile.quantities[quantity], KINDS[said[0]].fields.split()
    told = {"recovery"} if since else {"max", "peak", "present"}
    valued = its.type == "number" and level not in STATES and not told.isdisjoint(fields)
    values = [each._replace(value=round(float(each.value), its.decimals) if valued else None) for each in by]  # type: ignore[arg-type]
    yield (*said, "closed" if since else "open"), values, since


def near(profile: Profile, limits: Limits, quantity: str, sides: Sequence[Side]) -> Iterator[Side]:
    """The parts of the way to a limit, from the opposite one or the opposite end of the range (1.5, `009`, `010`)."""
    ends = profile.quantities[quantity].range or (None, None)
    for name, each in text_files(profile).abnormal.items():
        limit, opposite = (limits.H, limits.L) if each.to == "H" else (limits.L, limits.H)
        begin = ends[0 if each.to == "H" else 1] if opposite is None else opposite
        if each.way is None or limit is None or begin is None:
            continue
        sign = 1 if each.to == "H" else -1
        of = next(side for side in sides if each.to in side.limits)
        start = sign * (begin + each.way * (limit - begin))
        yield Side({name: start}, sign, of.hysteresis, of.delay)  # type: ignore[dict-item]


def by_point(book: PlatformLedger, profile: Profile, areas: dict[str, str]) -> dict[str, dict[str, list[Told]]]:
    """By point, and by the type of what is no limit of it, what was told of each event at first; `areas`: the points
    of those by whose code a kind tells them."""
    files = text_files(profile)
    beside = {types(profile, "").get(name) for name in files.abnormal} | {types(profile, "").get("FEED")}
    found: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    known: set[tuple[str, Words, int]] = set()
    for kind, each in records(book, kinds(files, "alarms")):
        code = each.get("point") or areas[each["area"]]
        said = kind, each.get("abnormal", ""), each.get("level", ""), "closed" if each["end"] else "open"
        start, end = millis(each["start"], TIME), millis(each["end"], TIME)
        assert start is not None
        if (code, said, start) in known:
            continue
        known.add((code, said, start))
        at = Told(said, _value(kind, each), start if end is None else end, None if end is None else start)
        found[code][said[1] if said[1] in beside else ""].append(at)
    return found


def _value(kind: str, record: Record) -> float | None:
    """That of its beginning, or of its end, where the kind has a field for it."""
    sought = ("recovery",) if record["end"] else ("max", "peak", "present")
    text = next((number(kind, record[name]) for name in sought if name in record), "")
    return float(text) if text else None


def records(book: PlatformLedger, wanted: Iterable[str]) -> Iterator[tuple[str, Record]]:
    """Each record of the files of some kinds that the platform took, in the order of their coming."""
    sought = set(wanted)
    for name in book.packets():
        if name.split("_")[1] in sought:
            faults, parsed = judged(name, book.body(name).encode())
            assert parsed is not None, (name, faults)
            yield from ((parsed.kind, each) for each in parsed.records)


def changes(its: Sequence[Served]) -> dict[int, float]:
    """By its second each value that is another than the one before, and the first."""
    last = {each.time // 1000 * 1000: float(each.value) for each in its}  # type: ignore[arg-type]
    found: dict[int, float] = {}
    for time, value in last.items():
        if not found or value != [*found.values()][-1]:
            found[time] = value
    return found


def of_side(its: Sequence[Served], side: Side, low: float | None = None, high: float | None = None) -> list[Crossing]:
    """What was crossed by the values between `low` and `high`; others are none that count."""
    plausible = [each for each in its if low is None or high is None or low <= float(each.value) <= high]  # type: ignore[arg-type]
    return [*crossings(plausible, side)]
