"""``edge-collector colours``: the colour of each site and of its items now, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.colours.course import Tint
from collector.colours.ledger import ColourLedger
from collector.directory import Directory
from collector.registry import FILE, Registry
from collector.settings import CollectorSettings, load_collector
from config.cli import settings_errors
from profiles.load import Library, library


@click.command("colours")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--site", default="", help="Only this site, by its code.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def command(file: Path, site: str, as_json: bool) -> None:
    """Show the colour (四色预警) of each site and of its items, and why: docs/alarms.md, Colours.

    Of sites whose profile counts colours (`warning:`). A site without a colour stands there too, its items do not.
    """
    settings = load_collector(file).settings
    profiles = library(settings.profiles)
    try:
        rows = list(_rows(settings, profiles, site))
    except sqlite3.Error as err:
        raise click.ClickException(f"{settings.state}: {err}") from err
    if site and not rows:
        raise click.ClickException(f"no site {site!r} whose profile counts colours (warning:)")
    show(rows if as_json else [_for_people(row, profiles) for row in rows], as_json)


def _rows(settings: CollectorSettings, profiles: Library, chosen: str) -> Iterator[dict[str, Any]]:
    def alarms(folder: Path) -> AlarmFile:
        return AlarmFile(folder, settings.audit.hash, mend=False)

    with (
        opened(settings.state, FILE, lambda folder: Registry(folder, mend=False)) as registry,
        opened(settings.state, ALARMS, alarms) as file,
    ):
        ledger, regions = ColourLedger(file, profiles), _sites(registry)
        for site, profile in sorted({*regions, *ledger.sites()}):
            if chosen in ("", site) and ledger.warning(profile) is not None:
                now = ledger.now(site, profile)
                whole = now.pop("", None) or Tint("", 0, regions.get((site, profile), ""), None, "")
                for each in (whole, *(now[name] for name in sorted(now) if now[name].colour or now[name].why)):
                    yield {
                        "site": site, "region": each.region, "profile": profile, "quantity": each.quantity,
                        "colour": each.colour, "since": each.time or None, "why": each.why,
                    }  # fmt: skip


def _for_people(row: Mapping[str, Any], profiles: Library) -> dict[str, Any]:
    quantity = profiles[row["profile"]].quantities.get(row["quantity"])
    return {**row, "quantity": f"{row['quantity']} {quantity.zh}" if quantity else row["quantity"] or "whole site"}


def _sites(registry: Registry) -> dict[tuple[str, str], str]:
    """The region of each site and profile that is measured now."""
    directory = Directory(registry)
    directory.refresh()
    return {(place.site.code, place.point.profile): place.site.adcode for place in directory.places()}
