"""Static tables of family S (notes, 1.2, 1.3, 2.1): which rows a gateway has, and what they lack.

Which tables and columns there are is the profile's (`report: tables`); here stands what of a site, a hazard source,
equipment or a point each `holds` means. A value that nobody stated is never made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collector.directory import Place
from collector.reports.encoders.base import Gateway, written
from collector.reports.encoders.facts import Facts, place_facts
from profiles.limits import asset_kind
from profiles.model import Times
from profiles.report import ChemicalReport
from profiles.static_tables import OF_STOPS, Column, StaticTable, Subject
from profiles.wire.messages import Asset, Site

_STATED_AT: dict[str, str] = {
    "credit_code": "site: {credit_code: …}",
    "industry": "site: {industry: …}",
    "gateway": "site: {gateway: …}",
    "site_longitude": "site: {lon: …, lat: …}",
    "site_latitude": "site: {lon: …, lat: …}",
    "hazard_name": 'assets: {"CODE": {name: …}}',
    "asset_name": 'assets: {"CODE": {name: …}}',
    "asset_kind": 'assets: {"CODE": {kind: …}}',
    "longitude": 'assets: {"CODE": {lon: …, lat: …}}',
    "latitude": 'assets: {"CODE": {lon: …, lat: …}}',
    "range_low": "range: […, …] of the tag",
    "range_high": "range: […, …] of the tag",
    "unit": "unit: … of the tag",
}
"""Where the agent's settings state what a column holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: what it is about, whose settings tell of it, its columns, and of the required ones those that are not
    known, with what to state."""

    about: str
    agent: str
    columns: dict[str, str]
    lacks: dict[str, str] = field(default_factory=dict)


def rows(gateway: Gateway, places: Sequence[Place]) -> dict[str, list[Row]]:
    """By table the rows of a gateway with these points, in the order of their codes; tables without any are left out.

    Only tables that the gateway's target takes. A row that lacks something is among them.
    """
    shape = gateway.profile.report
    if not isinstance(shape, ChemicalReport):
        return {}
    ordered = sorted(places, key=lambda place: place.point.code)
    made = {
        name: [_row(gateway, table, *subject) for subject in _subjects(gateway, shape, table, ordered)]
        for name, table in shape.tables.items()
        if gateway.tables is None or name in gateway.tables
    }
    return {name: found for name, found in made.items() if found}


def lacking(gateway: Gateway, places: Sequence[Place]) -> Iterator[str]:
    """A sentence for every row that is not sent: what is not known, and what to state."""
    for table, found in rows(gateway, places).items():
        for row in found:
            if row.lacks:
                names, hints = ", ".join(row.lacks), "; ".join(dict.fromkeys(row.lacks.values()))
                yield (
                    f"static table {table} has no row for {row.about}: {names} not known; state in the settings of"
                    f" agent {row.agent} {hints}"
                )


def _subjects(
    gateway: Gateway, shape: ChemicalReport, table: StaticTable, places: Sequence[Place]
) -> Iterator[tuple[str, str, Facts, Facts]]:
    """Of each subject of a table its code, its agent, what is known of it, and what is stated of it by name."""
    seen: set[str] = set()
    for place in places:
        kind = asset_kind(place.point, gateway.profile, place.manifest.assets)
        if table.assets and kind not in table.assets:
            continue
        if table.quantities and place.point.quantity not in table.quantities:
            continue
        hazard = _hazard(gateway, place)
        codes: dict[Subject, str] = {
            "site": gateway.site, "gateway": gateway.code, "hazard": hazard, "asset": place.point.asset,
            "point": place.point.code,
        }  # fmt: skip
        about = codes[table.of]
        if not about or about in seen:
            continue
        seen.add(about)
        facts = _site_facts(gateway, place.site)
        if table.of in ("site", "gateway"):
            yield about, place.agent, facts, place.site.facts
            continue
        source = place.manifest.assets.get(hazard) or Asset()
        facts |= {"hazard": hazard, "hazard_name": source.name}
        if table.of == "hazard":
            yield about, place.agent, facts | _spot(source), source.attributes
            continue
        known = place_facts(gateway, place, shape.unit_names) | {"tag": place.tag}
        known |= _stop_facts(gateway, place.point.code)
        if table.of == "asset":
            known = {name: text for name, text in known.items() if name.startswith("asset")}
        stated = place.asset.attributes if table.of == "asset" else place.attributes
        yield about, place.agent, facts | known | _spot(place.asset), stated


def _hazard(gateway: Gateway, place: Place) -> str:
    """The code of the hazard source (重大危险源) with which an equipment code begins; "" where the profile has none."""
    rule = gateway.profile.codes.get("hazard")
    return place.point.asset[: rule.length] if rule else ""


def _site_facts(gateway: Gateway, site: Site) -> dict[str, str]:
    return {
        "site": gateway.site,
        "site_name": gateway.name,
        "credit_code": site.credit_code,
        "region": site.adcode,
        "industry": site.industry,
        "gateway": site.gateway,
        "site_longitude": _degrees(site.lon),
        "site_latitude": _degrees(site.lat),
    }


def _spot(asset: Asset) -> dict[str, str]:
    return {"longitude": _degrees(asset.lon), "latitude": _degrees(asset.lat)}


def _degrees(angle: float | None) -> str:
    """With the six decimals of the notes, 2.1."""
    return "" if angle is None else f"{angle:.6f}"


def _stop_facts(gateway: Gateway, code: str) -> dict[str, str]:
    """Nothing of a point of which the bureau has no record; `stop_time` in ms UTC, until the column writes it."""
    if code not in gateway.stops:
        return {}
    if (stop := gateway.stops[code]) is None:
        return {"stopped": "no"}
    return {"stopped": "yes", "stop_reason": stop.reason, "stop_person": stop.by, "stop_time": str(stop.noted)}


def _row(gateway: Gateway, table: StaticTable, about: str, agent: str, facts: Facts, stated: Facts) -> Row:
    times = gateway.profile.time
    texts = {name: _text(name, column, facts, stated, times) for name, column in table.columns.items()}
    lacks = {
        name: _hint(name, column, table.of).replace("CODE", about if table.of != "point" else facts["asset"])
        for name, column in table.columns.items()
        if column.required and not texts[name]
    }
    return Row(about, agent, {name: text for name, text in texts.items() if text}, lacks)


def _text(name: str, column: Column, facts: Facts, stated: Facts, times: Times | None) -> str:
    recorded = column.holds in OF_STOPS and facts.get("stopped") == "yes"
    if (text := stated.get(column.attribute or name, "")) and not recorded:
        return text
    text = facts.get(column.holds, "") if column.holds else ""
    if text and column.holds == "stop_time":
        shape = times or Times(status="working-definition")
        text = written(shape.model_copy(update={"format": column.format or shape.format}), int(text))
    if column.words:
        text = column.words.get(text, "")
    return text or column.constant or ""


def _hint(name: str, column: Column, of: Subject) -> str:
    """What an engineer writes so that a column is known."""
    if column.holds in _STATED_AT and not column.words:
        return _STATED_AT[column.holds]
    what = f"{column.attribute or name}: …"
    if of in ("site", "gateway"):
        return f"site: {{facts: {{{what}}}}}"
    return (
        f"attributes: {{{what}}} of the point" if of == "point" else f'assets: {{"CODE": {{attributes: {{{what}}}}}}}'
    )
