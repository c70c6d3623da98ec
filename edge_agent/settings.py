"""The agent's settings file as a model; the devices' shapes come from the installed drivers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from pydantic import Field, create_model

from config.load import Fault, Loaded, load
from config.logs import LogSettings
from config.model import FilePath, Settings, Written, one_of, shown_seconds
from config.mqtt import MqttSettings, missing_files
from config.nodes import KeyPath
from config.private import readable_keys
from config.service.monitor import MonitorSettings
from config.service.reload import needs_restart
from edge_agent.clock import ClockSettings
from edge_agent.contact_faults import contact_faults
from edge_agent.drivers.base import drivers
from edge_agent.evidence import EvidenceSettings
from edge_agent.limit_faults import completed_faults, stated_faults
from edge_agent.manifest import build_manifest
from edge_agent.outbox.settings import SMALLEST, WAL_ROOM, OutboxSettings
from edge_agent.site import AssetSettings, SiteSettings
from edge_agent.tags import DeviceSettings, StrappingSettings, TagSettings
from edge_agent.uplink.settings import UplinkSettings
from profiles.judge import AgentParameters, TagFault, agent_parameters, judge, judge_site, lacking
from profiles.load import folder_faults, library
from profiles.regions import County, counties_of
from profiles.strapping import table_faults
from profiles.units import UnitError, conversion, unit_fault
from profiles.wire.codec import FrameError, decode, decoder, encode
from profiles.wire.messages import Manifest, ManifestTag
from profiles.wire.topics import ID_PATTERN, ID_WORDS


class AgentSettings(Settings):
    """Settings of ``edge-agent``."""

    agent: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Id of this agent: lower-case letters, digits and '-'; the common name of its client certificate."""
    collector: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Id of the collector that it delivers to."""
    site: SiteSettings
    """The site."""
    mqtt: MqttSettings
    """The broker."""
    state: FilePath = Path("/var/lib/edge-agent")
    """Folder of the outbox; on a disk that honours fsync."""
    outbox: OutboxSettings = OutboxSettings()
    """How much is kept while the collector cannot be reached."""
    uplink: UplinkSettings = UplinkSettings()
    """How it is delivered."""
    evidence: EvidenceSettings = EvidenceSettings()
    """Pictures and films of cameras."""
    clock: ClockSettings = ClockSettings()
    """How far clocks are trusted."""
    log: LogSettings = LogSettings()
    """Logging."""
    monitor: MonitorSettings | None = None
    """Where figures for Prometheus (/metrics) and /healthz are served; left out: nowhere."""
    profiles: tuple[FilePath, ...] = ()
    """Folders with profiles of your own, beside those of the package."""
    regions: tuple[County, ...] = ()
    """Regions that are known, as `!include counties.csv` with the columns code and name; left out: provinces alone."""
    assets: dict[str, AssetSettings] = Field(default_factory=dict)
    """Facts of the equipment that the tags' points name, by equipment code (设备编码)."""
    devices: tuple[DeviceSettings, ...]
    """The instruments."""


@functools.cache
def agent_model() -> type[AgentSettings]:
    """AgentSettings whose `devices` are the models of the installed drivers, told apart by ``driver``."""
    models = tuple(driver.device_model for driver in drivers().values())
    several: Any = tuple[one_of(models, "driver"), ...]  # type: ignore[misc]  # made at run time
    made = create_model("Agent", __base__=AgentSettings, devices=(Annotated[several, Field(min_length=1)], ...))
    return cast("type[AgentSettings]", made)


RELOADED = ("site", "regions", "assets", "devices", "log")
"""Settings that a running agent takes over; all others need a restart."""


def load_agent(path: Path, running: AgentSettings | None = None) -> Loaded[AgentSettings]:
    """Read and check an agent's settings; ConfigError with every mistake and its line.

    `running`: those of an agent at work, which cannot take over every change.
    """
    checks: list[Callable[[AgentSettings], Iterable[Fault]]]
    checks = [_names, _limits, _units, _conversions, _drivers, _profiles, _files, _outbox]
    if running is not None:
        checks.append(needs_restart(running, RELOADED))
    return load(path, agent_model(), checks)


TagAt = tuple[tuple[str | int, ...], TagSettings]


def _tags(settings: AgentSettings) -> Iterator[TagAt]:
    for number, device in enumerate(settings.devices):
        for index, tag in enumerate(device.all_tags()):
            yield ("devices", number, "tags", index), tag


def _files(settings: AgentSettings) -> Iterator[Fault]:
    yield from missing_files(settings.mqtt)
    yield from readable_keys(settings)
    for number, device in enumerate(settings.devices):
        if not device.all_tags() and device.camera() is None:
            yield Fault(
                ("devices", number, "tags"), f"device {device.name} has no tags: nothing is read of it", "warning"
            )


def _names(settings: AgentSettings) -> Iterator[Fault]:
    """Names that stand twice; codes are the profiles' matter."""
    if settings.agent == settings.collector:
        yield Fault(("collector",), f"{settings.collector!r} is the agent itself; expected the id of a collector")
    devices = ((("devices", number), device.name) for number, device in enumerate(settings.devices))
    yield from _twice(devices, "device")
    yield from _twice(((path, tag.name) for path, tag in _tags(settings)), "tag")


def _twice(named: Iterable[tuple[tuple[str | int, ...], str]], what: str) -> Iterator[Fault]:
    first: dict[str, tuple[str | int, ...]] = {}
    for path, name in named:
        if name in first:
            yield Fault((*path, "name"), f"{what} {name!r} stands twice; first", first=(*first[name], "name"))
        else:
            first[name] = path


def _limits(settings: AgentSettings) -> Iterator[Fault]:
    types = {tag.name: device.tag_type(tag) for device in settings.devices for tag in device.all_tags()}
    for path, tag in _tags(settings):
        yield from stated_faults(path, tag, types[tag.name])


def _units(settings: AgentSettings) -> Iterator[Fault]:
    for path, tag in _tags(settings):
        if fault := unit_fault(tag.unit):
            yield Fault((*path, "unit"), fault)


def _conversions(settings: AgentSettings) -> Iterator[Fault]:
    """What the settings alone tell of conversions; whether they lead to the profile's unit is `judge`'s matter."""
    types = {tag.name: device.tag_type(tag) for device in settings.devices for tag in device.all_tags()}
    for path, tag in _tags(settings):
        if tag.signal is not None and types[tag.name] != "number":
            yield Fault((*path, "signal"), f"a current is a number; this tag is a {types[tag.name]}")
        if tag.signal is not None and tag.range is None:
            yield Fault((*path, "signal"), f"{tag.signal} needs range: [value at 4 mA, value at 20 mA]")
        if tag.atmosphere is not None and tag.pressure is None:
            yield Fault((*path, "atmosphere"), "atmosphere goes with pressure: gauge or pressure: absolute")
        for key in ("pressure", "strapping"):
            if getattr(tag, key) is not None and tag.point is None:
                yield Fault((*path, key), f"{key} leads to a profile's unit; this tag has no point")
        if tag.strapping is not None:
            yield from _strapping((*path, "strapping"), tag.strapping, tag.unit)


def _strapping(at: KeyPath, strapping: StrappingSettings, unit: str) -> Iterator[Fault]:
    for index, message in table_faults(strapping.table):
        yield Fault((*at, "table", index), message)
    if fault := unit_fault(strapping.volume_unit):
        yield Fault((*at, "volume_unit"), fault)
    try:
        conversion(strapping.level_unit or unit, unit)
    except UnitError as err:
        yield Fault((*at, "level_unit"), str(err))


def _outbox(settings: AgentSettings) -> Iterator[Fault]:
    box = settings.outbox
    if (whole := box.events + box.data + box.evidence) < SMALLEST:
        text = f"the lanes have {whole / 2**20:g} MiB together; expected at least {SMALLEST // 2**20} MiB"
        yield Fault(("outbox",), f"{text}, since the database's log (WAL) takes up to {WAL_ROOM // 2**20} MiB of it")


def _drivers(settings: AgentSettings) -> Iterator[Fault]:
    """What each driver finds among its own devices."""
    for name, driver in drivers().items():
        numbers = [number for number, device in enumerate(settings.devices) if device.driver == name]
        for (index, *path), message in driver.check([settings.devices[number] for number in numbers]):
            yield Fault(("devices", numbers[cast("int", index)], *path), message)


def _profiles(settings: AgentSettings) -> Iterator[Fault]:
    """What the profiles say of points, codes, units and types."""
    if faults := list(folder_faults(settings.profiles)):
        yield from faults
        return
    profiles = library(settings.profiles)
    manifest = build_manifest(settings, profiles)
    about_site = list(judge_site(manifest, profiles, counties_of(settings.regions)))
    if all(fault.severity == "warning" for fault in about_site):
        yield from _contract(settings, manifest)
    for fault in about_site:
        yield Fault(("site", *fault.field), fault.message, fault.severity)
    found = judge(manifest, profiles)
    for path, tag in _tags(settings):
        for fault in found.get(tag.name, ()):
            yield Fault((*path, *fault.field), fault.message, fault.severity)
        completed = manifest.tags[tag.name]
        parameters = agent_parameters(completed, profiles)
        yield from completed_faults(path, tag, completed, parameters)
        yield from _alert(settings, path, tag, parameters)
    yield from _assets(settings, lacking(manifest, profiles))
    yield from contact_faults(settings.devices, settings.site.code, settings.site.gateway, profiles)


def _contract(settings: AgentSettings, manifest: Manifest) -> Iterator[Fault]:
    """What a collector would refuse as a whole, such as a text that is too long; told at its tag, if it is one's."""
    if (whole := _refusal(manifest, Manifest)) is None:
        return
    found = [(path, _refusal(manifest.tags[tag.name], ManifestTag)) for path, tag in _tags(settings)]
    for path, reason in [each for each in found if each[1]] or [((), whole)]:
        yield Fault(path, f"a collector would not take what this agent tells of itself: {reason}")


def _refusal(message: msgspec.Struct, kind: type[msgspec.Struct]) -> str | None:
    try:
        decode(encode(message), decoder(kind))
    except FrameError as err:
        return str(err)
    return None


def _assets(settings: AgentSettings, lack: Mapping[str, Sequence[TagFault]]) -> Iterator[Fault]:
    """What the equipment lacks, told where it is described, or else at the first tag that names it."""
    named: dict[str, KeyPath] = {}
    for path, tag in _tags(settings):
        if tag.point is not None:
            named.setdefault(tag.point.asset, (*path, "point", "asset"))
    for code, faults in lack.items():
        at = ("assets", code) if code in settings.assets else named[code]
        for fault in faults:
            yield Fault(at, fault.message, fault.severity)
    for code in settings.assets:
        if not any(asset.startswith(code) for asset in named):  # a hazard source or the site: codes begin with theirs
            yield Fault(("assets", code), f"no tag names the equipment {code!r}", "warning")


def _alert(settings: AgentSettings, path: KeyPath, tag: TagSettings, rule: AgentParameters) -> Iterator[Fault]:
    """What is read more rarely than its profile asks for while an alarm stands (specification notes, 4.4)."""
    interval = tag.interval or settings.devices[cast("int", path[1])].interval
    if rule.alert_interval is not None and interval > rule.alert_interval:
        text = f"while an alarm stands on it, its profile wants a value every {shown_seconds(rule.alert_interval)}"
        yield Fault((*path, "interval"), f"it is read every {shown_seconds(interval)}; {text}", "warning")
