"""What records mean: values of points with their time and quality, counts, definitions (mines, 1.3, 1.4, 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from profiles.model import Profile
from profiles.releases import inside
from profiles.stated import LimitName, ReleaseName
from profiles.textfile.codec import Record
from profiles.textfile.model import Count, Definition, Kind, State, StateTable, TextFiles
from profiles.textfile.times import milliseconds
from profiles.wire import quality as q

BEIJING = "+08:00"
"""Where a profile states no times of its own."""
FORM = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class PointValue:
    """A point's record: `time` in ms since 1970 UTC, `texts` by field; `blank`: by its state it has no value."""

    point: str
    time: int
    texts: Mapping[str, str]
    field: str
    """Which of the texts is the value."""
    quality: str = q.GOOD
    blank: bool = False


@dataclass(frozen=True, slots=True)
class PointDefinition:
    """A point as its system defines it; texts as they stand there, numbers where they are some."""

    point: str
    name: str
    sensor: str
    asset: str
    unit: str
    range: tuple[float, float] | None
    limits: Mapping[LimitName, float]
    releases: Mapping[ReleaseName, float]


def text_files(profile: Profile) -> TextFiles:
    """Its text files; ValueError for a profile that has none."""
    if profile.files is None:
        raise ValueError(f"profile {profile.profile} describes no text files")
    return profile.files


def zone(profile: Profile) -> str:
    """The zone of its times."""
    return profile.time.zone if profile.time else BEIJING


def time_of(profile: Profile, text: str) -> int:
    """A time within a file, ms since 1970 UTC; ValueError when it is none."""
    return milliseconds(text, profile.time.format if profile.time else FORM, zone(profile))


def number(text: str) -> float | int | None:
    """A number as it is written, None for an empty text; ValueError when it is none."""
    if not text:
        return None
    found = float(text)
    if found != found or found in (float("inf"), float("-inf")):
        raise ValueError(f"{text!r} is not a number")
    return int(text) if text.lstrip("-").isdecimal() and abs(found) < 2**53 else found


def state(table: StateTable, text: str) -> State:
    """What a point's state means: of several the gravest quality, and no value where one of them has none."""
    if table.form == "word":
        found = [table.values[text]] if text in table.values else None
    elif table.form == "flags":
        found = _flags(table, text)
    else:
        found = _bits(table, text)
    if found is None:
        return State(zh="未知状态", en="unknown state", quality=q.UNCERTAIN_INSTRUMENT)
    worst = q.GOOD
    for each in found:
        worst = q.worst(worst, each.quality)
    return State(
        zh=" ".join(each.zh for each in found), en=" ".join(each.en for each in found),
        quality=worst, value=all(each.value for each in found),
    )  # fmt: skip


def _bits(table: StateTable, text: str) -> list[State] | None:
    if not text.isdecimal():
        return None
    bits = [str(1 << at) for at in range(int(text).bit_length()) if int(text) >> at & 1]
    return [table.values[bit] for bit in bits] if all(bit in table.values for bit in bits) else None


def _flags(table: StateTable, text: str) -> list[State] | None:
    if not text or set(text) - {"0", "1"}:
        return None
    places = [str(at) for at, char in enumerate(text, 1) if char == "1"]
    return [table.values[at] for at in places] if all(at in table.values for at in places) else None


def point_value(profile: Profile, kind: Kind, record: Record, header: Record) -> PointValue | None:
    """The value in a record of a kind that has some; ValueError when its time is none."""
    this = kind.values
    if this is None:
        return None
    judged = State(zh="", en="")
    if this.state is not None and this.states is not None:
        judged = state(text_files(profile).states[this.states], record[this.state])
    time = time_of(profile, record[this.time])
    point = record[this.point] if this.point in kind.fields else header[this.point]
    return PointValue(point, time, record, this.value, judged.quality, not judged.value)


def _as_stated(_record: Record) -> float | None:
    return None


def counts(
    profile: Profile, kind: Kind, mine: str, time: int, records: Iterable[Record], wanted: Collection[str],
    longer: Callable[[Record], float | None] = _as_stated,
) -> dict[str, dict[str, int]]:  # fmt: skip
    """How many records count, for the whole mine and for each code wanted: who is not in the file is not there.

    By code, and then by the name of the count (`count` is the kind's own); `time` is the file's, ms UTC; `longer`: see
    `counted`.
    """
    rules = {"count": kind.count, **kind.counts} if kind.count else {}
    found = {code: dict.fromkeys(rules, 0) for code in wanted}
    for record in records:
        for name, rule in rules.items():
            if counted(profile, rule, record, time, longer(record)):
                for code in (mine, record[rule.by]):
                    if code in found:
                        found[code][name] += 1
    return found


def counted(profile: Profile, rule: Count, record: Record, time: int, longer: float | None = None) -> bool:
    """Whether a record counts in a file of that time (ms UTC); one whose `since` is no time does not.

    `longer` (s) takes the place of the rule's, if it has one.
    """
    if not all(record[field] in texts for field, texts in rule.where.items()):
        return False
    if rule.since is None or rule.longer is None:
        return True
    try:
        return time - time_of(profile, record[rule.since]) >= (rule.longer if longer is None else longer) * 1000
    except ValueError:
        return False


def definitions(kind: Kind, records: Iterable[Record]) -> Iterator[PointDefinition]:
    """The points that the records of a definition kind define."""
    this = kind.definition
    if this is None:
        return
    for record in records:
        ends = [_number(record, field) for field in (this.low, this.high)]
        limits = {name: value for name, field in this.limits.items() if (value := _number(record, field)) is not None}
        yield PointDefinition(
            record[this.point], record[this.name], record[this.sensor], _text(record, this.asset),
            _text(record, this.unit), _range(ends), limits, _released(this, record, limits),
        )  # fmt: skip


def _released(this: Definition, record: Record, limits: Mapping[LimitName, float]) -> dict[ReleaseName, float]:
    """Of limits that the point has; what lies on their outer side is none."""
    numbers = ((name, _number(record, field)) for name, field in this.releases.items())
    return {
        name: value for name, value in numbers
        if value is not None and name in limits and inside(name, value, limits[name])
    }  # fmt: skip


def _range(ends: list[float | None]) -> tuple[float, float] | None:
    low, high = ends
    return (low, high) if low is not None and high is not None and low < high else None


def _text(record: Record, field: str | None) -> str:
    return record[field] if field else ""


def _number(record: Record, field: str | None) -> float | None:
    try:
        return number(_text(record, field))
    except ValueError:
        return None
