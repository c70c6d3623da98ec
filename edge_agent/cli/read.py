"""``edge-agent read``: every tag once, with what the instrument sent for it; nothing is stored or delivered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from config.cli import say, settings_errors
from edge_agent.cli.choose import choose
from edge_agent.drivers.base import Reading, drivers, written
from edge_agent.rules import current_loop
from edge_agent.settings import load_agent
from edge_agent.tags import DeviceSettings, TagSettings

COLUMNS = ("tag", "value", "unit", "quality", "time", "raw")


@click.command("read")
@click.argument("file", type=click.Path(path_type=Path), default="agent.yaml")
@click.option("--device", "names", multiple=True, help="Only this device; may be repeated.")
@click.option("--tag", "tags", multiple=True, help="Only this tag; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def command(file: Path, names: tuple[str, ...], tags: tuple[str, ...], as_json: bool) -> None:
    """Read the devices of FILE (agent.yaml) once and print values with their raw form; 1 when a device is silent."""
    devices = choose(load_agent(file).settings.devices, names, tags)
    rows, failures = asyncio.run(_read(devices, tags))
    if as_json:
        click.echo(json.dumps({"readings": rows, "failures": failures}, ensure_ascii=False))
    else:
        for line in _table(rows):
            say(line)
        for failure in failures:
            say(f"{failure['device']} ({failure['address']}) does not answer: {failure['reason']}", err=True)
    if failures:
        raise click.exceptions.Exit(1)


async def _read(
    devices: Sequence[DeviceSettings], tags: Collection[str]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Rows and failures; one device after the other, since some share a line."""
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    known = drivers()
    for device in devices:
        try:
            found = await known[device.driver].read_once(device)
        except OSError as err:  # a TimeoutError is one, too
            reason = str(err) or type(err).__name__
            failures.append({"device": device.name, "address": device.address(), "reason": reason})
            continue
        named = {tag.name: tag for tag in device.all_tags()}
        rows += [_row(device, each, named.get(each.tag)) for each in found if not tags or each.tag in tags]
    return rows, failures


def _row(device: DeviceSettings, each: Reading, tag: TagSettings | None) -> dict[str, Any]:
    """`tag` is None for what a driver tells of the device itself."""
    loop = None if tag is None else current_loop(tag)
    reading = each if loop is None else loop.measured(each)
    moment = datetime.fromtimestamp(reading.time / 1000, UTC)
    return {
        "device": device.name,
        "tag": reading.tag,
        "value": reading.value,
        "unit": "" if tag is None else tag.unit,
        "quality": reading.quality,
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "raw": written(each.raw),
    }


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Columns as wide as what stands in them."""
    if not rows:
        return []
    cells = [COLUMNS, *(tuple(_cell(row[column]) for column in COLUMNS) for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
