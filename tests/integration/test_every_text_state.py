"""States that a mine's own system writes of its points (broken, lost, being calibrated): each that a profile's files
tell as an event is told from where it was written to where it was written no more, twice.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from collector.directory import Place
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger as PlatformLedger
from collector.platform.text_files import TextPlatform
from profiles.load import library
from profiles.model import Profile
from profiles.stated import ConditionName
from profiles.textfile.codec import encode
from profiles.textfile.model import TextFiles
from profiles.textfile.values import text_files
from profiles.textfile.written import kind_of
from tests.collector.platform.test_every_kind import PROFILES, places
from tests.edge_agent.drivers.files import bench
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.crossings import Expected, Stood, compare
from tests.integration.test_every_text_alarm import fast
from tests.integration.test_every_text_profile import agent, collector
from tests.integration.text_events import by_point, types, words
from tests.servers import LOCAL, mosquitto, running

OWN = ("OVER_RANGE",)
"""What a value tells by itself: see `test_every_text_alarm`."""


def states(profile: Profile) -> dict[ConditionName, str]:
    """By what is told the state that a mine's system writes."""
    found = text_files(profile).abnormal.items()
    return {name: each.state for name, each in found if each.state is not None and name not in OWN}


STATED = [name for name in PROFILES if states(library()[name])]


def test_a_profile_without_events_of_states_has_no_type_for_them() -> None:
    for name in PROFILES:
        profile = library()[name]
        told = {*states(profile)} & {*types(profile, "")}
        assert bool(told) == (name in STATED), name


class System:
    """What the mine's own system writes: a point a state, all of them calm or all of them odd."""

    def __init__(self, profile: Profile, folder: Path) -> None:
        self._files, self._folder = text_files(profile), folder
        known = [(each, profile.quantities[each.point.quantity]) for each in places(profile)]
        free = [place for place, its in known if its.type == "number" and its.range and not its.defaults]
        self.points: dict[ConditionName, Place] = dict(zip(states(profile), free, strict=False))
        """Without limits, which would tell events of their own."""
        self._odd = states(profile)
        self._profile = profile
        self.written: list[int] = []
        """When, by turns calm and odd, ms UTC."""

    async def write(self, *, odd: bool) -> None:
        """A file, in another second than the one before."""
        await until(lambda: bench.now() > (self.written or [0])[-1], "the next second")
        at = bench.now()
        of: dict[str, list[dict[str, str]]] = {}
        for name, place in self.points.items():
            of.setdefault(kind_of(self._files, "values", place.point.code) or "", []).append(
                _record(self._files, self._profile, place, self._odd[name] if odd else "0", at)
            )
        [(kind, records)] = of.items()
        mine = next(iter(self.points.values())).site.code
        header = {"mine": mine, "mine_name": "矿", "upload_time": bench.stamp(at)}
        self.written.append(at)
        bench.write(self._folder, encode(self._files, kind, header, records), at, kind, mine)


def _record(files: TextFiles, profile: Profile, place: Place, state: str, at: int) -> dict[str, str]:
    table = files.states["point"].values
    low, high = profile.quantities[place.point.quantity].range or (0.0, 1.0)
    value = f"{(low + high) / 2:.2f}" if state == "0" or table[state].value else ""
    return {"point": place.point.code, "value": value, "state": state, "data_time": bench.stamp(at)}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", STATED)
async def test_each_state_is_told_from_where_it_was_written_to_where_it_was_written_no_more(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    for each in ("profiles", "upload", "mine"):
        (tmp_path / each).mkdir()
    profile = fast(name, tmp_path / "profiles")[f"fast-{name}"]
    system = System(library()[name], tmp_path / "mine")
    found = [*system.points.values()]
    assert len(found) == len(states(profile))
    tags = [
        {"name": place.point.code, "unit": place.spec.unit,
         "point": msgspec.to_builtins(msgspec.structs.replace(place.point, profile=profile.profile))}
        for place in found
    ]  # fmt: skip
    device = {
        "name": "kj", "driver": "files", "folder": "mine", "interval": "50ms", "tags": tags,
        "format": {"type": "text", "profile": name, "mine": found[0].site.code},
    }  # fmt: skip
    book = PlatformLedger(tmp_path / "platform.db")
    stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with running(mosquitto(tmp_path / "broker")) as broker:
        mqtt = {"host": LOCAL, "port": broker.port, "tls": "disabled"}
        county = collector(tmp_path, mqtt, [name])
        tasks = [
            asyncio.create_task(county.run(end)),
            asyncio.create_task(Folder(TextPlatform(book), tmp_path / "upload").watch(over)),
        ]
        await until(lambda: county.connected, "the collector: what is sent before it hears comes again only later")
        tasks.append(asyncio.create_task(agent(tmp_path, mqtt, name, found, device).run(stop)))
        try:
            await system.write(odd=False)
            await until(lambda: {each.code for each in book.values("T")} >= {each.point.code for each in found},
                        f"all points; refused: {book.refusals()[:3]}", 60)  # fmt: skip
            for turn in range(4):
                await system.write(odd=turn % 2 == 0)
                await until(lambda count=turn + 1: _told(book, profile) == count * len(found),  # type: ignore[misc]
                            f"turn {turn}; refused: {book.refusals()[:3]}", 60)  # fmt: skip
            stop.set()
            await tasks[-1]
            await until(lambda: not county.reports.status()[0].waiting, "everything sent")
            await until(lambda: len(book.packets()) == len(list((tmp_path / "upload").rglob("*.txt"))), "all taken")
        finally:
            for event in (stop, end, over):
                event.set()
            await asyncio.gather(*tasks)
    assert (book.refusals(), book.findings()) == ([], [])
    platform = by_point(book, profile, {})
    for level, place in system.points.items():
        sort = types(profile, place.point.quantity)[level]
        compare(place.point.code, expected(profile, place, level, system.written), platform[place.point.code].pop(sort))
    assert not any(left for told in platform.values() for left in told.values())
    book.close()


def expected(profile: Profile, place: Place, level: ConditionName, written: list[int]) -> list[Expected]:
    """It begins while it is written, and ends at the time of the reading that is sound again."""
    said = words(profile, place.point.quantity, place.point.code, level)
    assert said is not None
    found: list[Expected] = []
    since: Stood | None = None
    until_now = [*written[1:], time.time_ns() // 1_000_000]
    for at, (begin, after) in enumerate(zip(written, until_now, strict=True)):
        if at % 2:
            since = Stood(None, begin, after)
            found.append(((*said, "open"), [since], None))
        elif since is not None:
            found.append(((*said, "closed"), [Stood(None, begin, begin)], since))
    return found


def _told(book: PlatformLedger, profile: Profile) -> int:
    """How many beginnings and ends the platform has."""
    return sum(len(its) for told in by_point(book, profile, {}).values() for its in told.values())
