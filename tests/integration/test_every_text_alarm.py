"""Every kind of event of every profile with text files, from the register or the mine's own files to the folder: what
the platform has of them is what the instruments' own ledger has, each with its beginning, its end and its values.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collector.directory import Place
from collector.platform.fields import millis
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.text_files import TextPlatform
from collector.platform.text_kinds import TIME
from edge_agent.simulators.ledger import Ledger, Served
from profiles.limits import effective
from profiles.load import Library, library
from profiles.model import Profile, Quantity
from profiles.textfile.values import text_files
from profiles.textfile.written import kind_of, kinds
from profiles.wire.messages import Limits, ManifestTag, Value
from tests.collector.platform.test_every_kind import PROFILES, places
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.courses import Course, Step, course, steps
from tests.integration.crossings import Expected, Side, compare, sides
from tests.integration.ledgers import last_told
from tests.integration.site_to_platform import instrument, stored
from tests.integration.test_every_alarm import DELAY, SAME, ends, quick, spaced, whole
from tests.integration.test_every_text_profile import agent, collector, plc
from tests.integration.text_events import by_point, changes, expected, near, of_side, records, words
from tests.servers import LOCAL, mosquitto, running

APART = 1.2
"""S between two events of a point: files tell seconds."""
SPANS = ("changes", "readings", "actions")


def fast(name: str, folder: Path) -> Library:
    """A profile that extends `name`, with shorter delays and intervals."""
    profile = library()[name]
    files = text_files(profile)
    often = {kind: {"interval": "1s"} for of in ("values", *SPANS) for kind in kinds(files, of)}  # type: ignore[arg-type]
    soon = {state: {"after": f"{DELAY:g}s"} for state, each in files.abnormal.items() if each.after}
    own = {
        "profile": f"fast-{name}", "version": "0.0.1-wd", "extends": name,
        "spec": {"zh": "快", "en": "fast", "status": "working-definition"},
        "files": {"kinds": often, "report": {"period": "1s"}} | ({"abnormal": soon} if soon else {}),
        **({"linkage": {"after": f"{DELAY:g}s"}} if profile.linkage else {}), **quick(name),
    }  # fmt: skip
    (folder / f"fast-{name}.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    return library([folder])


@dataclass
class Mine:
    """Points of a mine with what their instruments do, each by its code."""

    profile: Profile
    found: list[Place]
    tags: dict[str, ManifestTag] = field(default_factory=dict)
    hold: dict[str, Limits] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    """By the code of a feeder that of its cut-off device."""

    def __post_init__(self) -> None:
        self._link()
        self._limit()
        for of in SPANS:
            self._count(of)

    def _add(self, place: Place, its: Course | None = None, stated: Limits | None = None, **facts: str) -> None:
        point = msgspec.structs.replace(
            place.point, profile=self.profile.profile, attributes=place.point.attributes | facts
        )  # fmt: skip
        code = point.code
        self.tags[code] = msgspec.structs.replace(place.spec, point=point, limits=stated)
        self.courses[code] = its or Course([Step(Side({}), ends(self._quantity(place)))], APART)

    def _quantity(self, place: Place) -> Quantity:
        return self.profile.quantities[place.point.quantity]

    def _link(self) -> None:
        """A feeder that does not follow its device, of every kind of file; the feeder has voltage all the time."""
        linkage = self.profile.linkage
        for kind in {self._kind(place) for place in self.found} if linkage else ():
            its = [place for place in self.found if self._kind(place) == kind]
            device = next((each for each in its if linkage and each.point.quantity in linkage.devices), None)
            feeder = next((each for each in its if linkage and each.point.quantity in linkage.feeders), None)
            if device is None or feeder is None:
                continue
            self.devices[feeder.point.code] = device.point.code
            side = self.feed
            self._add(
                device, Course([*steps(side, 0, 1), *steps(side, 0, 1)], APART), relations=f"D-{feeder.point.code}"
            )
            self._add(feeder, Course([Step(Side({}, alarm_when=True), (1, 1))], APART))

    @property
    def feed(self) -> Side:
        """A device that cuts while its feeder has voltage."""
        return Side({"FEED": 1.0}, delay=DELAY, alarm_when=False)  # type: ignore[dict-item]

    def _limit(self) -> None:
        """A point of each kind of limits in each kind of file, or in none; combined rules' points are left out."""
        raised = {quantity for rule in self.profile.combined.values() for quantity in rule.raises}
        made: set[tuple[object, ...]] = set()
        own = {
            each.point.code: effective(None, each.point, self.profile, each.manifest.assets, SAME)
            for each in self.found
        }  # fmt: skip
        for place in sorted(self.found, key=lambda each: not whole(own[each.point.code], self._quantity(each))):
            quantity, code = self._quantity(place), place.point.code
            types = text_files(self.profile).report.quantity_alarm_types.get(place.point.quantity)  # type: ignore[union-attr]
            kind = self._kind(place), frozenset(quantity.limits), quantity.range is None, bool(types)
            if not quantity.limits or place.point.quantity in raised or kind in made or code in self.tags:
                continue
            made.add(kind)
            limits = own[code] if whole(own[code], quantity) else None
            self.hold[code] = limits or spaced(quantity)
            its = course(sides(self.hold[code], place.point.quantity, self.profile), *ends(quantity))
            more = [*_jumps(its), *self._beyond(place)]
            self._add(place, Course([*its, *more], APART), None if limits else self.hold[code])

    def _beyond(self, place: Place) -> Iterator[Step]:
        """Out of the range and back, where the files tell that."""
        quantity = self._quantity(place)
        if (side := self.over(place.point.quantity)) is not None:
            low, high = ends(quantity)
            limits = self.hold[place.point.code]
            known = [each for each in (limits.H, limits.HH, limits.BLUE) if each is not None]
            inside = max([low, *(each for each in (limits.L, limits.LL) if each is not None)]), min([high, *known])
            yield from (Step(side, inside), Step(side, (high, high + (high - low) / 10)), Step(side, inside))

    def over(self, quantity: str) -> Side | None:
        """Beyond the range of a quantity, where the files tell that."""
        its = self.profile.quantities[quantity].range
        if its is None or "OVER_RANGE" not in text_files(self.profile).abnormal:
            return None
        return Side({"OVER_RANGE": its[1]}, delay=DELAY)  # type: ignore[dict-item]

    def _kind(self, place: Place) -> str | None:
        return kind_of(text_files(self.profile), "alarms", place.point.code)

    def _count(self, of: str) -> None:
        """A point of each kind that tells each change or reading."""
        files = text_files(self.profile)
        for kind in kinds(files, of):  # type: ignore[arg-type]
            if not any(kind_of(files, of, code) == kind for code in self.tags):  # type: ignore[arg-type]
                self._add(next(each for each in self.found if kind_of(files, of, each.point.code) == kind))  # type: ignore[arg-type]


def _jumps(its: list[Step]) -> Iterator[Step]:
    """Once more through the two limits of a side, but from inside beyond both at once."""
    for side in {id(each.side): each.side for each in its}.values():
        if len(side.limits) == 2:
            inside, _between, *rest = (each for each in its if each.side is side)
            yield from (inside, *rest)


@dataclass
class Way:
    """A mine's registers, an agent, a broker, a collector and the folder."""

    folder: Path
    name: str
    profiles: Library
    mine: Mine
    its: dict[str, list[Served]] = field(default_factory=dict)

    async def go(self, complete: Callable[[PlatformLedger], bool]) -> PlatformLedger:
        """Until all courses are over and the platform is `complete`."""
        folder, courses = self.folder, self.mine.courses
        served = Ledger(folder / "instrument.jsonl")

        def sampler(tag: ManifestTag, low: float, step: float) -> Callable[[], tuple[Value, bytes]]:
            assert tag.point is not None
            return courses[tag.point.code]

        unit, tags = instrument(self.mine.tags, self.profiles, served, sampler)
        book = PlatformLedger(folder / "platform.db")
        modbus = await unit.serve(LOCAL, 0)
        stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        with running(mosquitto(folder / "broker")) as broker:
            mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
            county = collector(folder, mqtt, [self.name])
            tasks = [
                asyncio.create_task(county.run(end)),
                asyncio.create_task(Folder(TextPlatform(book), folder / "upload").watch(over)),
            ]
            await until(lambda: county.connected, "the collector: what is sent before it hears comes again only later")
            its = agent(
                folder, mqtt, self.name, self.mine.found, plc(modbus.sockets[0].getsockname()[1], tags, "100ms")
            )
            reading = asyncio.create_task(its.run(stop))
            try:
                await until(
                    lambda: all(each.over for each in courses.values()), f"all courses; {book.refusals()[:3]}", 120
                )
                stop.set()
                await reading
                await until(lambda: not county.reports.status()[0].due, "everything packed")
                await until(lambda: not county.reports.status()[0].waiting, "everything sent")
                self.its = stored(folder, self.mine.tags)
                await until(lambda: complete(book), f"what is told of spans; refused: {book.refusals()[:3]}")
                await until(lambda: len(book.packets()) == len(list((folder / "upload").rglob("*.txt"))), "all taken")
            finally:
                for event in (stop, end, over):
                    event.set()
                await asyncio.gather(reading, *tasks)
                modbus.close()
                served.close()
        return book


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", PROFILES)
async def test_the_events_in_the_files_are_the_crossings_of_what_the_instruments_served(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, value in (("packer.PATIENCE", 500), ("reporter.PACK_EVERY", 0.1), ("statistics.SOONEST", 1500)):
        monkeypatch.setattr(f"collector.reports.{what}", value)
    for each in ("profiles", "upload"):
        (tmp_path / each).mkdir()
    profiles = fast(name, tmp_path / "profiles")
    mine = Mine(profiles[f"fast-{name}"], places(library()[name]))
    way = Way(tmp_path, name, profiles, mine)
    book = await way.go(lambda book: spans_told(book, mine) == spans_served(way.its, mine))
    assert (book.refusals(), book.findings()) == ([], [])
    events = wanted(mine, way.its)
    assert {said[:3] for its in events.values() for said, _by, _since in its} >= tellable(mine)
    areas = {tag.point.asset: code for code, tag in mine.tags.items() if tag.point is not None}
    platform = by_point(book, mine.profile, areas)
    for (code, sort), its in events.items():
        compare(code, its, platform[code].pop(sort, []))
    assert not any(left for told in platform.values() for left in told.values())
    book.close()


@pytest.mark.parametrize("name", sorted({*library()} - {*PROFILES}))
def test_a_profile_that_is_not_reported_by_text_files_has_none_that_would_tell_an_event(name: str) -> None:
    files = library()[name].files
    assert files is None or not any(each.written for each in files.kinds.values())


def tellable(mine: Mine) -> set[tuple[str, str, str]]:
    """Kind, type and level of whatever limits may bring at a point of the profile, where its files tell it."""
    found = (
        words(mine.profile, place.point.quantity, place.point.code, level)
        for place in mine.found for level in mine.profile.quantities[place.point.quantity].limits
    )  # fmt: skip
    return {each for each in found if each is not None}


def wanted(mine: Mine, its: Mapping[str, list[Served]]) -> dict[tuple[str, str], list[Expected]]:
    """By point and type of what is no limit what must be told, and that nothing else is."""
    found: dict[tuple[str, str], list[Expected]] = {}

    def add(code: str, quantity: str, side: Side, values: list[Served], sort: str = "", *within: float) -> None:
        crossed = of_side(values, side, *within)
        assert {each.level for each in crossed} >= {*side.limits}, (code, side)
        found.setdefault((code, sort), []).extend(expected(mine.profile, quantity, code, side, crossed))

    report = text_files(mine.profile).report
    assert report is not None
    for code, limits in mine.hold.items():
        tag = mine.tags[code]
        assert tag.point is not None
        quantity = tag.point.quantity
        of_limits = sides(limits, quantity, mine.profile)
        for side in of_limits:
            add(code, quantity, side, its[code])
        for side in near(mine.profile, limits, quantity, of_limits):
            [level] = side.limits
            add(
                code,
                quantity,
                side,
                its[code],
                report.alarm_types[level],  # type: ignore[index]
                *ends(mine.profile.quantities[quantity]),
            )
        if (over := mine.over(quantity)) is not None:
            add(code, quantity, over, its[code], report.alarm_types["OVER_RANGE"])
    for feeder, device in mine.devices.items():
        tag = mine.tags[feeder]
        assert tag.point is not None
        sort = report.alarm_types["FEED"] if kind_of(text_files(mine.profile), "alarms", feeder) == "YCBJ" else ""
        add(feeder, tag.point.quantity, mine.feed, its[device], sort)
    return {which: sorted(events, key=lambda each: each[1][0].time) for which, events in found.items()}


def spans_served(its: Mapping[str, list[Served]], mine: Mine) -> dict[str, Any]:
    """By point the changes of switches, the actions of devices, and by kind how often which reading was told."""
    files = text_files(mine.profile)
    found: dict[str, Any] = {}
    for code in mine.tags:
        if (kind := kind_of(files, "changes", code)) is not None:
            found[f"{kind} {code}"] = changes(its[code])
        if (kind := kind_of(files, "actions", code)) is not None and code in mine.devices.values():
            found[f"{kind} {code}"] = dict([*changes(its[code]).items()][1:])  # what it was at first is no action
        if (kind := kind_of(files, "readings", code)) is not None:
            found[kind] = Counter((each.time // 1000 * 1000, round(float(each.value))) for each in its[code])  # type: ignore[arg-type]
    return found


def spans_told(book: PlatformLedger, mine: Mine) -> dict[str, Any]:
    """The same, as the platform has it."""
    files = text_files(mine.profile)
    values = [each._replace(code=f"{each.kind} {each.code}") for each in book.values("T.change")]
    found: dict[str, Any] = last_told(values)
    for sort in kinds(files, "readings"):
        its = {each["event_id"]: each for _kind, each in records(book, [sort])}
        found[sort] = Counter((millis(each["data_time"], TIME), round(float(each["value"]))) for each in its.values())
    return found
