"""What can be told of one value, each thing from where it is kept: manifest, profile, stores, alarm book, reports.

Nothing is guessed: what was worked back says so, and what this collector does not know is named as not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.alarms.lives import Life
from collector.directory import Directory
from collector.duty.records import Record
from collector.explain.as_read import AsRead, compared
from collector.explain.subject import Subject
from collector.moments import utc
from collector.reports.rows import Packet
from edge_agent.drivers.base import written
from edge_agent.drivers.modbus.trace import registers
from edge_agent.rules import STALE_AFTER
from profiles.codes import code_faults
from profiles.combined import outlined
from profiles.conversions import Converter, plausible, tag_conversion
from profiles.judge import agent_parameters, judge
from profiles.limits import LIMITS, limit_of
from profiles.load import Library
from profiles.model import CodeName, Profile, Quantity
from profiles.releases import RELEASED
from profiles.units import SAME, Conversion, UnitError
from profiles.wire import quality as q
from profiles.wire.messages import Manifest, Source, Value

Row = dict[str, Any]
"""A record as `Sink.history` gives it."""


@dataclass(frozen=True, slots=True)
class Section:
    """One step of the way: what is known of it, line by line."""

    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def say(self, name: str, text: str) -> None:
        """Add a line."""
        self.lines.append((name, text))


class Story:
    """What manifest and profile say of one tag, applied to one stored record."""

    def __init__(self, subject: Subject, library: Library, directory: Directory) -> None:
        self._subject, self._directory, self._library = subject, directory, library
        self._spec, point = subject.spec, subject.spec.point
        self._device = subject.manifest.devices.get(subject.spec.device)
        self._profile: Profile | None = library.get(point.profile) if point else None
        self._quantity: Quantity | None = None
        if self._profile is not None and point is not None:
            self._quantity = self._profile.quantities.get(point.quantity)

    def identity(self) -> Section:
        """Which tag it is, and its codes."""
        subject, site, told = self._subject, self._subject.manifest.site, Section("What it is")
        told.say("tag", f"{subject.tag} {self._spec.label}".strip())
        told.say("site", f"{site.code} {site.name}, region {site.adcode}, gateway {site.gateway or 'not stated'}")
        told.say("agent", f"{subject.owner} ({subject.manifest.software})")
        self._codes(told)
        others = [each for each in self._directory.older(subject.owner) if self._differs(each)]
        if others:
            told.say(
                "note", f"{len(others)} other manifests of this agent said otherwise of this tag; this is the present"
            )
        return told

    def _differs(self, manifest: Manifest) -> bool:
        return manifest.tags.get(self._subject.tag, self._spec) != self._spec

    def _codes(self, told: Section) -> None:
        point, persons = self._spec.point, self._spec.persons
        if persons is not None:
            told.say("profile", f"{persons.profile}: encrypted files of kind {persons.kind}, kept apart from readings")
            return
        if point is None:
            told.say("profile", "none: it is stored under its own name, and reported to nobody")
            return
        if self._profile is None or self._quantity is None:
            told.say("profile", f"{point.profile} is not here or does not know {point.quantity}: dead letters")
            return
        told.say("profile", f"{self._profile.profile} {self._profile.version} ({self._profile.spec.zh})")
        told.say("quantity", f"{point.quantity} {self._quantity.zh} {self._quantity.en} ({self._quantity.status})")
        names: tuple[tuple[CodeName, str, str], ...] = (
            ("asset", "equipment", point.asset),
            ("point", "point", point.code),
        )
        for name, word, code in names:
            rule = self._profile.codes.get(name)
            sound = rule is not None and not list(code_faults(rule, code, "", ""))
            told.say(word, f"{code} ({rule.zh}, as it should be)" if rule and sound else code)
        for fault in judge(self._subject.manifest, self._library).get(self._subject.tag, []):
            told.say(fault.severity, f"{'.'.join(map(str, fault.field))}: {fault.message}")

    # -- from the register to the profile's unit

    def way(self, row: Row, as_read: AsRead | None = None) -> Section:
        """Register, raw number, scaled value, converted value; `as_read`: what the agent told, if it was asked."""
        told, source, value = Section("How it was read"), self._spec.source, row["value"]
        where = f"{self._device.driver} {self._device.address}" if self._device else "not in the manifest"
        told.say("device", f"{self._spec.device}: {where}")
        if source is None:
            told.say("read from", "the agent's manifest does not say")
        else:
            told.say("read from", ", ".join(part for part in (source.at, source.coded) if part))
        if as_read is not None:
            told.say("read as", as_read.told(source.at if source else ""))
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._compare(told, as_read, value, None)
            told.say("value", _value(value))
            return told
        converter = self._converter()
        scaled = value if converter.same else float(f"{converter.back(value):.12g}")
        worked = None if source is None else self._registers(told, source, scaled)
        self._compare(told, as_read, scaled, worked)
        if source is not None:
            told.say("scaled", f"number × {source.scale:g} + {source.offset:g} = {scaled!r} {self._spec.unit}".rstrip())
        unit = self._quantity.unit if self._quantity else self._spec.unit
        told.say("unit", f"{unit or 'none'}: {self._converted(converter, value, unit)}")
        return told

    def _converted(self, converter: Converter, value: float, unit: str) -> str:
        if converter.same:
            return "not converted"
        if isinstance(converter, Conversion):
            return f"{self._spec.unit} × {converter.factor:g} + {converter.offset:g} = {value!r} {unit}"
        return f"by a strapping table (罐容表) of {len(converter.levels)} levels = {value!r} {unit}"

    def _converter(self) -> Converter:
        if self._profile is None or self._quantity is None:
            return SAME
        try:
            return tag_conversion(self._spec, self._profile, self._quantity)
        except UnitError:
            return SAME  # `identity` shows the fault

    def _registers(self, told: Section, source: Source, scaled: float) -> bytes | None:
        """Tell the registers that are worked back from the value; None where they cannot be."""
        if self._device is None or self._device.driver != "modbus":
            return None
        if (found := registers(source, scaled)) is None:
            told.say("registers", "cannot be told from the value for sure")
            return None
        number, raw = found
        how = "worked back; decoding them gives the stored value exactly"
        told.say("registers", f"{written(raw)} = {number!r} ({how})")
        return raw

    @staticmethod
    def _compare(told: Section, as_read: AsRead | None, stored: Value, worked: bytes | None) -> None:
        if as_read is not None and as_read.reading is not None:
            told.say("compared", compared(as_read.reading, stored, worked))

    # -- the rules

    def rules(self, row: Row) -> Section:
        """Each rule that was tried, where, and what it said."""
        told, unit = Section("Quality rules"), self._spec.unit
        told.say("quality", row["quality"])
        parameters = agent_parameters(self._spec, self._library)
        tried = {
            q.BAD_LINK: "agent: the device answered",
            q.BAD_INSTRUMENT: "agent: the instrument reported no fault",
            q.BAD_DECODE: "agent: bytes of the declared type",
            q.BAD_NOT_FINITE: "agent: a finite number",
            q.BAD_TIME_FUTURE: "agent: not from the future",
            q.BAD_TIME_OLD: "agent: no record of long ago",
            q.UNCERTAIN_TIME_OLD: "agent: not standing since long ago",
            q.UNCERTAIN_CLOCK: "agent: by a clock to rely on",
        }
        if self._spec.max_silence is not None:
            tried[q.BAD_STALE] = f"agent: not silent for {STALE_AFTER} × {self._spec.max_silence:g} s"
        if parameters.jump is not None:
            tried[q.UNCERTAIN_JUMP] = f"agent: no step beyond {parameters.jump:g} {unit}"
        if parameters.frozen is not None:
            tried[q.UNCERTAIN_FROZEN] = f"agent: moved within {parameters.frozen:g} s"
        if parameters.accumulates:
            tried[q.UNCERTAIN_RESET] = "agent: not less than before"
        if (ends := plausible(self._spec, self._quantity, self._converter())) is not None:
            shown = self._quantity.unit if self._quantity else unit
            tried[q.BAD_RANGE] = f"collector: {ends[0]:g} to {ends[1]:g} {shown}".rstrip()
        otherwise = "kept" if q.is_good(row["quality"]) else "not told: one reason is stored, the gravest"
        for reason, rule in tried.items():
            told.say(rule, f"broken: {reason}" if row["quality"] == reason else otherwise)
        return told

    def limits(self, lives: Sequence[Life]) -> Section:
        """The limits in force, and the alarms that stood then."""
        told, limits = Section("Limits and alarms"), self._spec.limits
        stated = {name: found for name in LIMITS if (found := limit_of(limits, name)) is not None}
        shown = ", ".join(f"{name} {found!r}" for name, found in stated.items())
        told.say("limits", f"{shown} {self._spec.unit}".rstrip() if shown else "none")
        release = () if limits is None else ((name, getattr(limits.release, name)) for name in RELEASED)
        if let_go := ", ".join(f"{name} {found!r}" for name, found in release if found is not None):
            told.say("released", f"{let_go} {self._spec.unit}".rstrip())
        quantity = self._spec.point.quantity if self._spec.point else ""
        for name, rule in (self._profile.combined if self._profile else {}).items():
            if quantity in rule.quantities():
                told.say(f"combined rule {name}", f"{rule.zh}: {outlined(rule)}")
        for life in lives:
            ended = f"cleared {utc(life.cleared)}" if life.cleared else "not cleared"
            why = f"; {life.last.text}" if life.last.text else ""
            told.say(f"alarm {life.id}", f"{life.gravest}, raised {utc(life.raised)}, {ended}, {life.state}{why}")
        if not lives:
            told.say("alarms", "none stood at that time")
        return told


def owed(records: Sequence[Record], moment: int) -> Section:
    """Whether the point owed readings at a moment (ms UTC), by the stop and repair records that covered it."""
    told = Section("Duty")
    for record in records:
        until = "until it is resumed" if record.end is None else f"to {utc(record.end)}"
        told.say(
            f"record {record.id}",
            f"{record.kind} of {record.scope} from {utc(record.begin)} {until}, by {record.by}: {record.reason};"
            f" entered {utc(record.noted)}",
        )
    told.say("readings", "not owed" if records else f"owed: no stop or repair covers {utc(moment)}")
    return told


def stored(rows: Mapping[str, Row | None]) -> Section:
    """The record in every store."""
    told = Section("Stored")
    for name, row in rows.items():
        text = "has no such record" if row is None else f"{utc(row['time'])}  {_value(row['value'])}  {row['quality']}"
        told.say(name, text)
    return told


def reported(packets: Sequence[Packet], targets: Collection[str], point: str, moment: int) -> Section:
    """The packets that carried it (of a period, the last reading travels), and the platforms' answers."""
    told = Section("Reported")
    for packet in packets:
        at = packet.points[point]
        what = "carries it" if at == moment else f"carries the reading of {utc(at)}, the last of its period"
        answer = f"answered {utc(packet.answered)} {packet.answer}".rstrip() if packet.answered else "not answered yet"
        by = f"{packet.kind}, made by {packet.profile} {packet.version}"
        told.say(
            packet.target, f"packet {packet.id} ({by}) {what}: {packet.state}, {packet.attempts} attempts, {answer}"
        )
    for target in targets:
        if all(packet.target != target for packet in packets):
            told.say(target, "no packet carries it: its period is not over, or the packet is kept no longer")
    if not targets:
        told.say("targets", "none wants this point")
    return told


def _value(value: object) -> str:
    return "no value" if value is None else repr(value)
