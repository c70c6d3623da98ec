"""The collector's settings file as a model; the sinks' shapes come from the installed kinds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, create_model

from collector.alarms.settings import AlarmSettings
from collector.audit import AuditSettings
from collector.cascade.settings import CascadeSettings
from collector.compliance.settings import ComplianceSettings
from collector.evidence.settings import EvidenceSettings
from collector.limits import LimitSettings
from collector.mines import MineOrder, mine_faults
from collector.notify.settings import NotifySettings, rule_faults
from collector.overview.settings import OverviewSettings
from collector.persons.settings import PersonsSettings
from collector.reports.settings import TargetSettings, target_faults, target_model
from collector.risk.settings import RiskSettings
from collector.sinks.base import sinks
from collector.trend.settings import TrendSettings
from config.load import Fault, Loaded, load
from config.logs import LogSettings
from config.model import Duration, FilePath, Settings, Size, Written, one_of
from config.mqtt import MqttSettings, missing_files
from config.nodes import KeyPath
from config.private import readable_keys
from config.service.monitor import MonitorSettings
from config.service.reload import needs_restart
from profiles.load import Library, folder_faults, library
from profiles.regions import County, counties_of, region_faults
from profiles.wire.topics import ID_PATTERN, ID_WORDS


class IntakeSettings(Settings):
    """How much is held in memory on its way to the stores."""

    messages: Annotated[int, Field(ge=10)] = 500
    """Messages held at most; beyond, they are forgotten and come again."""
    size: Size = 64 * 2**20
    """Bytes held at most."""
    flush: Annotated[Duration, Field(ge=0.01, le=30)] = 0.5
    """Longest time that messages wait to be written together."""
    batch: Annotated[int, Field(ge=1)] = 20_000
    """Records that are written together at most."""
    hold: Duration = 10.0
    """Longest time that a message is held while a store cannot take it; then it is forgotten and comes again."""


class DeadLetterSettings(Settings):
    """What could not be used is kept, up to a bound an agent."""

    quota: Size = 64 * 2**20
    """Bytes of dead letters an agent; beyond, its envelopes stay unacknowledged."""


class CollectorSettings(Settings):
    """Settings of ``edge-collector``."""

    collector: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Id of this collector: the name that its agents deliver to, and the common name of its certificate."""
    mqtt: MqttSettings
    """The broker."""
    state: FilePath = Path("/var/lib/edge-collector")
    """Folder of what it remembers: agents, manifests, dead letters, alarms, the audit log."""
    sinks: tuple[Any, ...]
    """The stores; a reading is acknowledged when all of them have it."""
    profiles: tuple[FilePath, ...] = ()
    """Folders with profiles of your own, beside those of the package."""
    regions: tuple[County, ...] = ()
    """Regions that are known, as `!include counties.csv` with the columns code and name; left out: provinces alone."""
    cascade: tuple[CascadeSettings, ...] = ()
    """Higher collectors (上级) that everything is passed on to."""
    mines: dict[str, MineOrder] = Field(default_factory=dict)
    """Mines by their code, as the supervisor ordered: state, and permits while they are sealed (电子封条)."""
    reports: tuple[Any, ...] = ()
    """Upper platforms (上级平台) that it reports to."""
    intake: IntakeSettings = IntakeSettings()
    """How much is held in memory."""
    limits: LimitSettings = LimitSettings()
    """What one agent may take of the collector."""
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    """What could not be used."""
    evidence: EvidenceSettings = EvidenceSettings()
    """Pictures and films that prove events."""
    alarms: AlarmSettings = AlarmSettings()
    """The life of alarms at the bureau (报警闭环)."""
    notify: NotifySettings = NotifySettings()
    """Who is told of alarms."""
    compliance: ComplianceSettings = ComplianceSettings()
    """On-line rate, completeness, validity, timeliness (接入合规)."""
    trend: TrendSettings = TrendSettings()
    """Warning of sustained trends (趋势预警)."""
    risk: RiskSettings = RiskSettings()
    """A site's risk score (风险分值)."""
    overview: OverviewSettings = OverviewSettings()
    """What dashboards show of gateways, devices and sites."""
    persons: PersonsSettings = PersonsSettings()
    """Files that tell of persons underground (井下人员)."""
    audit: AuditSettings = AuditSettings()
    """The log of who did what."""
    certificates: tuple[FilePath, ...] = ()
    """Certificates and revocation lists (PEM) whose end is warned of beside its own: the broker's, its crl.pem."""
    log: LogSettings = LogSettings()
    """Logging."""
    monitor: MonitorSettings | None = None
    """Where figures for Prometheus (/metrics) and /healthz are served; left out: nowhere."""


@functools.cache
def collector_model() -> type[CollectorSettings]:
    """CollectorSettings whose sinks and report transports are the models of the installed kinds."""
    models = tuple(kind.settings_model for kind in sinks().values())
    several: Any = tuple[one_of(models, "type"), ...]  # type: ignore[misc]  # made at run time
    targets: Any = tuple[target_model(), ...]  # type: ignore[misc]  # made at run time
    made = create_model(
        "Collector",
        __base__=CollectorSettings,
        sinks=(Annotated[several, Field(min_length=1)], ...),
        reports=(targets, ()),
    )
    return cast("type[CollectorSettings]", made)


RELOADED = ("notify", "regions", "log")
"""Settings that a running collector takes over; all others need a restart."""


def load_collector(path: Path, running: CollectorSettings | None = None) -> Loaded[CollectorSettings]:
    """Read and check a collector's settings; ConfigError with every mistake and its line.

    `running`: those of a collector at work, which cannot take over every change.
    """
    checks: list[Callable[[CollectorSettings], Iterable[Fault]]] = [_names, _profiles, _files, _rules, _regions]
    if running is not None:
        checks.append(needs_restart(running, RELOADED))
    return load(path, collector_model(), checks)


def _profiles(settings: CollectorSettings) -> Iterator[Fault]:
    """A site's own profiles; ConfigError names the mistakes within them by their own files and lines."""
    faults = list(folder_faults(settings.profiles))
    yield from faults
    if not faults:
        known = library(settings.profiles)
        yield from target_faults(settings.reports, known)
        yield from _persons(settings)
        seals = (at for at, target in enumerate(settings.reports) if _is_seal(target, known))
        yield from mine_faults(settings.mines, next(seals, None), known)


def _persons(settings: CollectorSettings) -> Iterator[Fault]:
    """Targets that are to have files which nothing here can open."""
    for number, target in enumerate(settings.reports):
        if target.persons and not settings.persons.keys:
            yield Fault(("reports", number, "persons"), "the files are encrypted; expected the mines' keys at the top: "
                        "persons: {keys: {SITE: !secret NAME}}")  # fmt: skip


def _is_seal(target: TargetSettings, known: Library) -> bool:
    shapes = [known[name].shape(target.family) for name in target.profiles if name in known]
    return any(shape is not None and shape.family == "seal" for shape in shapes)


def _files(settings: CollectorSettings) -> Iterator[Fault]:
    yield from missing_files(settings.mqtt)
    yield from readable_keys(settings)
    first: dict[str, int] = {}
    for number, higher in enumerate(settings.cascade):
        at = ("cascade", number)
        for fault in missing_files(higher.mqtt):
            yield Fault((*at, *fault.path), fault.message, fault.severity)
        if higher.collector == settings.collector:
            yield Fault((*at, "collector"), f"{higher.collector!r} is this collector itself")
        if _session(settings, higher.mqtt) == _session(settings, settings.mqtt):
            yield Fault((*at, "mqtt"), "the broker and the client id of `mqtt:` at the top, so that the connections "
                        "end each other; expected a `client_id` of its own, or another broker", "warning")  # fmt: skip
        if first.setdefault(higher.collector, number) != number:
            yield Fault((*at, "collector"), f"{higher.collector!r} stands twice; first",
                        first=("cascade", first[higher.collector], "collector"))  # fmt: skip


def _session(settings: CollectorSettings, mqtt: MqttSettings) -> tuple[str, int, str]:
    """What a broker tells connections apart by: a second one of the same client id ends the first."""
    return mqtt.host, mqtt.port, mqtt.client_id or settings.collector


def _regions(settings: CollectorSettings) -> Iterator[Fault]:
    """Codes of regions, or their beginnings, that are not known."""
    counties = counties_of(settings.regions)
    chosen: list[tuple[KeyPath, tuple[str, ...]]] = [
        *((("cascade", at, "regions"), higher.regions) for at, higher in enumerate(settings.cascade)),
        *((("notify", "rules", at, "regions"), rule.regions) for at, rule in enumerate(settings.notify.rules)),
    ]
    for path, regions in chosen:
        for index, code in enumerate(regions):
            for fault in region_faults(code, counties):
                yield Fault((*path, index), f"region {code!r}: {fault}", "warning")


def _rules(settings: CollectorSettings) -> Iterator[Fault]:
    return rule_faults(settings.notify)


def _names(settings: CollectorSettings) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for number, sink in enumerate(settings.sinks):
        if first.setdefault(sink.name, number) != number:
            yield Fault(("sinks", number, "name"), f"sink {sink.name!r} stands twice; first",
                        first=("sinks", first[sink.name], "name"))  # fmt: skip
