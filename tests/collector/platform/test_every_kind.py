"""Every kind of text file that a profile writes, judged by the platform, which shares no code with the encoder."""

from __future__ import annotations

import re

import msgspec
import pytest

from collector.directory import Place
from collector.platform.text_files import judged
from collector.platform.text_kinds import KINDS
from collector.platform.text_values import values
from collector.reports.crossings import Crossing
from collector.reports.encoders.base import Abnormal, Action, Alarm, Draft, Due, Gateway, Handling, Statistic
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.limits import attributes
from profiles.load import library
from profiles.model import Profile
from profiles.stated import LimitName
from profiles.textfile.model import TextFiles
from profiles.textfile.times import milliseconds
from profiles.textfile.values import text_files
from profiles.textfile.written import kinds, wanted
from profiles.wire.messages import Asset, Event, EventState, Limits
from tests.profiles.made import manifest

PROFILES = [name for name in library() if "text-file" in library()[name].families()]
END = milliseconds("2025-11-25 08:00:00", "%Y-%m-%d %H:%M:%S", "+08:00")
"""A moment at which every interval ends."""
SYSTEMS = ("30", "31", "32", "33", "34", "35")


def places(profile: Profile) -> list[Place]:
    """One point of every quantity of every kind of equipment, important equipment in each of its systems."""
    found: dict[str, Place] = {}
    for kind in profile.assets:
        made = manifest(profile, kind)
        site = msgspec.structs.replace(made.site, name="示例矿山")
        for tag, spec in made.tags.items():
            assert spec.point is not None
            if not profile.quantities[spec.point.quantity].reported:
                continue
            for system in SYSTEMS if profile.profile == "coal-equipment" else ("01",):
                code = spec.point.code
                if profile.codes["point"].within == "enterprise":
                    flag = "KG" if spec.type == "flag" else "MN"
                    code = f"{site.code}{system}{flag}{code[16:]}"
                else:
                    code = spec.point.asset + spec.point.quantity
                point = msgspec.structs.replace(spec.point, code=code)
                limits = Limits(H=2.0, HH=3.0) if spec.type == "number" else Limits(alarm_when=True)
                its = msgspec.structs.replace(spec, point=point, label=f"{tag}处", limits=limits)
                asset = made.assets.get(point.asset, Asset())
                found[code] = Place("a", tag, its, point, asset, site, made, attributes(point, made.assets))
    return list(found.values())


def drafts(profile: Profile, found: list[Place]) -> list[Draft]:
    """Definitions, good and lost readings, statistics, changes, and the beginning and end of an abnormal event of every
    point."""
    gateway = Gateway(profile, found[0].site.code, found[0].site.code, "示例矿山")
    made = TextFileEncoder.definitions(gateway, END, found)
    for value, quality in ((1.0, "good"), (2.5, "good"), (None, "bad:link"), (None, "bad:instrument")):
        due = [Due(place, END - 1000, value, None, quality) for place in found]
        made += TextFileEncoder.readings(gateway, END, due, resumed=False)
    files = text_files(profile)
    for kind in kinds(files, "statistics"):
        figures = [Statistic(place, 1.2, 2.5, END - 9000, 0.4, END - 2000, 0.9) for place in of(files, kind, found)]
        made += TextFileEncoder.statistics(gateway, kind, END, END, figures, resumed=False)
    for kind in kinds(files, "changes"):
        changes = [Due(place, END - 1000, 1.0, None, "good") for place in of(files, kind, found)]
        made += TextFileEncoder.changes(gateway, kind, END, changes, resumed=False)
    for kind in kinds(files, "readings"):
        dues = [Due(place, END - 1000, 1.0, None, "good") for place in of(files, kind, found)]
        made += TextFileEncoder.changes(gateway, kind, END, dues, resumed=False)
    for kind in kinds(files, "actions"):
        actions = [
            Action(Due(place, END - 1000, 0.0, None, "good"), found[0], 1.6, 0.0, automatic=True)
            for place in of(files, kind, found)
        ]
        made += TextFileEncoder.actions(gateway, kind, END, actions, resumed=False)
    for place in found:
        level: LimitName = "SIG" if place.spec.type == "flag" else "H"
        steps: tuple[tuple[EventState, int | None], ...] = (("raised", None), ("cleared", END))
        for state, end in steps:
            event = Event(id=state, alarm="a", kind="limit", level=level, state=state, time=END, since=END - 1000,
                          tag=place.tag, value=2.5)  # fmt: skip
            crossing = Crossing(level, END - 1000, end)
            made += TextFileEncoder.alarms(gateway, [Alarm(place, event, 2.5, 2.0, (crossing,))])
            known = Statistic(place, 1.2, 2.5, END - 500, 0.4, END, 0.9) if place.spec.type == "number" else None
            note = Handling("放炮", "加大风量", END, "wang")
            made += TextFileEncoder.again(gateway, END, [Abnormal(place, crossing, known, note)])
    return made


def of(files: TextFiles, kind: str, found: list[Place]) -> list[Place]:
    """The points that a kind wants."""
    return [place for place in found if re.match(wanted(files, kind), place.point.code)]


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_profile_writes_the_platform_takes(name: str) -> None:
    profile = library()[name]
    found = places(profile)
    written = set()
    for draft in drafts(profile, found):
        faults, parsed = judged(draft.name, draft.body)
        assert faults == [], draft.body.decode()
        assert parsed is not None
        written.add(parsed.kind)
        told = {each.code for each in values(draft.name, parsed) if each.code}
        assert told == set(draft.points) or not draft.points or parsed.kind == "RYCY"
        assert told or draft.kind == "static"
    of = {kind: its.written.of for kind, its in text_files(profile).kinds.items() if its.written is not None}
    assert written == {kind for kind, what in of.items() if what != "persons"}  # those are passed on, not made
    assert set(of) <= set(KINDS)
