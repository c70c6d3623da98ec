"""The facts ``gateway``, ``device``, ``site`` and ``limits``: docs/store-schema.md says what each field means.

Tags are identifiers that manifests bound. A number that is not known is left out, never written as 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from collector.alarms.lives import Life
from collector.directory import Place
from collector.registry import AgentRow
from collector.sinks.base import Fact
from profiles.conversions import tag_conversion
from profiles.limits import limit_of
from profiles.model import Profile
from profiles.stated import LimitName
from profiles.units import UnitError
from profiles.wire.messages import Manifest, Site, State

ERRORS = ("failures", "exceptions", "refused", "lost_notifications", "overflows")
"""Counters of a device that count what went wrong, whatever its driver (docs of the drivers)."""
LIMITS: tuple[LimitName, ...] = ("HH", "H", "L", "LL", "RED", "ORANGE", "YELLOW", "BLUE")
"""Limits that are numbers."""
TEXT = 200
"""Characters of a text that are kept."""
_NS = 1_000_000
DAY = 86_400_000
"""ms."""
Fields = dict[str, float | int | str | bool]


def gateway_fact(row: AgentRow, site: Site | None, moment: int, ahead: int | None = None) -> Fact:
    """How an agent is; `ahead`: by how much its clock is, ms. Of one that is off line nothing but that: its last will
    knows of no backlog.
    """
    fields: Fields = {
        "online": int(row.state is not None and row.state.online), "heard": row.seen, "samples": row.samples,
        "duplicates": row.duplicates, "gaps": row.gaps,
    }  # fmt: skip
    if row.state is not None and row.state.online:
        fields |= _told(row.state, moment)
        fields |= {} if ahead is None else {"clock_offset": ahead}
    return Fact("gateway", {"agent": row.agent, **_where(site)}, fields, moment * _NS, passing=True)


def _told(state: State, moment: int) -> Fields:
    fields: Fields = {
        "since": state.since, "version": state.version[:TEXT], "rows": state.outbox_rows, "bytes": state.outbox_bytes,
        "oldest": float(state.oldest_age_s or 0.0), "quarantined": state.quarantined,
        "clock_suspect": int(state.clock_suspect), "devices": len(state.devices),
        "devices_down": sum(not device.up for device in state.devices.values()),
    }  # fmt: skip
    if (until := state.certificates.get("client")) is not None:
        fields["certificate_days"] = (until - moment) / DAY
    host = state.host
    loads = {} if host is None else {"cpu": host.cpu, "memory": host.memory, "disk": host.disk}
    return fields | {name: float(load) for name, load in loads.items() if load is not None}


def own_facts(collector: str, ends: Iterable[int], moment: int) -> list[Fact]:
    """How long the collector's own certificates and revocation lists hold; nothing where it has none. `ends`: ms."""
    first = min(ends, default=None)
    if first is None:
        return []
    days = {"certificate_days": (first - moment) / DAY}
    return [Fact("gateway", {"agent": collector}, days, moment * _NS, passing=True)]


def device_facts(row: AgentRow, manifest: Manifest | None, moment: int) -> list[Fact]:
    """How each device of an agent is that is on line; those of its manifest, so that no state makes endless tags."""
    if row.state is None or not row.state.online or manifest is None:
        return []
    facts = []
    for name, device in row.state.devices.items():
        if name not in manifest.devices:
            continue
        fields: Fields = {
            "up": int(device.up), "since": device.since, "error": device.error[:TEXT],
            "errors": sum(device.counters.get(counter, 0) for counter in ERRORS),
        }  # fmt: skip
        if device.clock_offset_ms is not None:
            fields["clock_offset"] = device.clock_offset_ms
        tags = {"agent": row.agent, "device": name, **_where(manifest.site)}
        facts.append(Fact("device", tags, fields, moment * _NS, passing=True))
    return facts


def site_fact(site: Site, industry: str, agents: Mapping[str, bool], lives: Sequence[Life], moment: int) -> Fact:
    """A site on the map. `agents`: those of the site and whether each is connected; `lives`: its alarms not closed."""
    standing = [life for life in lives if life.condition == "raised"]
    fields: Fields = {
        "name": site.name[:TEXT], "agents": len(agents), "online": sum(agents.values()),
        "offline": sum(not online for online in agents.values()), "alarms": len(lives), "standing": len(standing),
        "open": sum(life.state == "open" for life in lives),
        "severity": max((life.severity for life in lives), default=0),
    }  # fmt: skip
    if site.lon is not None and site.lat is not None:
        fields |= {"lon": float(site.lon), "lat": float(site.lat)}
    return Fact("site", {"industry": industry, **_where(site)}, fields, moment * _NS, passing=True)


def limits_fact(place: Place, profile: Profile, moment: int) -> Fact | None:
    """The limits that the agent judges a point by, in the profile's unit; None where there are no numbers."""
    quantity = profile.quantities.get(place.point.quantity)
    if quantity is None or quantity.type == "flag":
        return None
    try:
        converter = tag_conversion(place.spec, profile, quantity)
    except UnitError:  # a fault of the tag, whose readings are dead letters and say so
        return None
    stated = {name: limit_of(place.spec.limits, name) for name in LIMITS}
    converted = {name: converter.of(float(limit)) for name, limit in stated.items() if limit is not None}
    fields: Fields = {name: limit for name, limit in converted.items() if math.isfinite(limit)}
    if not fields:
        return None
    point = place.point
    tags = {"asset": point.asset, "point": point.code, "profile": point.profile, "quantity": point.quantity}
    return Fact("limits", tags | _where(place.site), fields | {"label": place.label[:TEXT]}, moment * _NS, passing=True)


def industry_of(site: Site, profiles: Iterable[str]) -> str:
    """What a site states, else the profile of most of its points; "none" where it has neither."""
    found = sorted(profiles)
    return site.industry[:TEXT] or max(found, key=found.count, default="none")


def _where(site: Site | None) -> dict[str, str]:
    return {} if site is None else {"region": site.adcode, "site": site.code}
