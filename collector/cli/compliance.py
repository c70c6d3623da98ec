"""``edge-collector compliance``: on-line rate, completeness, validity, timeliness, and how fast alarms are closed."""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from collector.cli.measured import measured
from collector.cli.tables import show
from collector.compliance.measure import Key, Measurer
from collector.compliance.settings import zone
from collector.compliance.tally import Tally
from collector.days import Days, each_day
from collector.settings import load_collector
from config.cli import settings_errors
from config.printable import cell
from profiles.load import library
from profiles.regions import Counties, city_of, counties_of, province_of, region_name

AXES = ("day", "province", "city", "region", "site", "industry", "profile")
REGIONS = ("province", "city", "region")
"""Those that have a name beside their code."""
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("compliance")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="First day, such as 2026-11-01; left out: yesterday.")
@click.option("--to", "last", type=_DAY, metavar="DAY", help="Last day, within; left out: the first.")
@click.option("--by", "axes", multiple=True, type=click.Choice(AXES), show_default=True,
              default=("day", "region", "site", "profile"),
              help="What a row is of; --by city sums up all days, sites and profiles of each city.")  # fmt: skip
@click.option("--sink", "name", help="The store to ask, by its name in FILE; left out: the first.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def command(
    file: Path, first: datetime | None, last: datetime | None, axes: tuple[str, ...], name: str | None, as_csv: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show the compliance (接入合规) of what the collector of FILE holds: docs/compliance.md defines each figure.

    It is worked out from the store as it is now. Rates are fractions in CSV and JSON, per cent in the table.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    settings = load_collector(file).settings
    days, now = Days(zone(settings.compliance.zone)), time.time_ns() // 1_000_000
    begin = first.date() if first else days.of(now) - timedelta(days=1)
    end = last.date() if last else begin
    if end < begin:
        raise click.UsageError(f"--to {end} lies before --from {begin}")
    chosen = [axis for axis in AXES if axis in axes]
    with measured(file, settings, library(settings.profiles), name) as (measurer, _book):
        rows = _rows(measurer, begin, min(end, days.of(now)), now, chosen, counties_of(settings.regions))
    if as_csv:
        _csv(rows, chosen)
    else:
        show(rows if as_json else [_for_people(row) for row in rows], as_json)


def _rows(
    measurer: Measurer, begin: date, end: date, now: int, axes: Sequence[str], counties: Counties
) -> list[dict[str, Any]]:
    summed: dict[tuple[str, ...], Tally] = defaultdict(Tally)
    industries = measurer.industries()
    for day in each_day(begin, end):
        for key, tally in measurer.day(day, now).items():
            summed[_cut(key, axes, industries)].add(tally)
    return [_row(axes, place, tally, counties) for place, tally in sorted(summed.items())]


def _row(axes: Sequence[str], place: Sequence[str], tally: Tally, counties: Counties) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for axis, text in zip(axes, place, strict=True):
        cells[axis] = text
        if axis in REGIONS:
            cells[f"{axis}_name"] = region_name(text, counties)
    return cells | tally.rates() | tally.minutes() | tally.sums()


def _cut(key: Key, axes: Sequence[str], industries: Mapping[str, str]) -> tuple[str, ...]:
    """What of a key the axes ask for; a region's city and province follow from its code (GB/T 2260).

    The industry is what the site states (`site: industry`), and the profile where it states none.
    """
    wider = {
        "province": province_of(key.region), "city": city_of(key.region),
        "industry": industries.get(key.site, key.profile),
    }  # fmt: skip
    return tuple(wider.get(axis) or str(getattr(key, axis, "")) for axis in axes)


_SHOWN = (
    *(f"{axis}_name" for axis in REGIONS), "points", "gateway_offline_count", "alarms_raised", "alarms_open",
    "alarms_closed",
)  # fmt: skip
"""The sums that people see; scripts see all."""
_MINUTES = (
    "clear_minutes", "handle_minutes", "close_minutes", "off_duty_minutes", "gateway_offline_minutes", "unheard_minutes"
)  # fmt: skip


def _for_people(row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if name in AXES or name in _SHOWN:
            cells[name] = value
        elif name.endswith("_rate"):
            cells[name.removesuffix("_rate")] = None if value is None else f"{_floor(value):.2f} %"
        elif name in _MINUTES:
            cells[name.replace("_minutes", " min")] = None if value is None else f"{value:.1f}"
    return cells


def _floor(fraction: float) -> float:
    """Per cent, rounded down: 100.00 % is said of nothing that lacks a reading."""
    return int(fraction * 10_000 + 1e-6) / 100


def _csv(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> None:
    writer = csv.DictWriter(sys.stdout, list(_row(axes, axes, Tally(), {})), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
