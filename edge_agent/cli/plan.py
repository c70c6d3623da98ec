"""``edge-agent plan``: the requests that each device is polled with, and whether they fit into its interval.

A driver that plans requests says so by a class method ``plan_lines(device)``, a list of one dictionary a request with
`endpoint` (who shares it shares its time), `interval` and `seconds` (s), `table`, `address`, `count`, `wanted`, `tags`.
Drivers without it are listed without requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from config.cli import settings_errors
from edge_agent.cli.choose import choose
from edge_agent.drivers.base import drivers
from edge_agent.settings import load_agent
from edge_agent.tags import DeviceSettings

Line = dict[str, Any]


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path), default="agent.yaml")
@click.option("--device", "names", multiple=True, help="Only this device; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def command(file: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Show the requests by which the devices of FILE (agent.yaml) are read, and how long they are expected to take."""
    devices = load_agent(file).settings.devices
    plans = [plan_of(device) for device in choose(devices, names)]
    warnings = list(overloads(plans))
    if as_json:
        click.echo(json.dumps({"devices": plans, "warnings": warnings}, ensure_ascii=False))
        return
    for plan in plans:
        click.echo("\n".join(_text(plan)))
    for warning in warnings:
        click.echo(f"warning: {warning}")


def plan_of(device: DeviceSettings) -> dict[str, Any]:
    """A device's requests and the polls that they make up; both null where its driver plans none."""
    hook = getattr(drivers()[device.driver], "plan_lines", None)
    requests: list[Line] | None = None if hook is None else hook(device)
    return {
        "device": device.name,
        "driver": device.driver,
        "address": device.address(),
        "requests": requests,
        "polls": None if requests is None else _polls(requests),
    }


def _polls(requests: list[Line]) -> list[Line]:
    polls = []
    for interval in sorted({line["interval"] for line in requests}):
        lines = [line for line in requests if line["interval"] == interval]
        total = {key: sum(line[key] for line in lines) for key in ("wanted", "count", "tags", "seconds")}
        polls.append({"interval": interval, "requests": len(lines)} | total)
    return polls


def overloads(plans: list[dict[str, Any]]) -> Iterator[str]:
    """A sentence for each poll, and each endpoint, that needs more time than there is."""
    shares: dict[str, float] = {}
    for plan in plans:
        for poll in plan["polls"] or ():
            if poll["seconds"] > poll["interval"]:
                yield (
                    f"{plan['device']}: a poll takes about {poll['seconds']:.3g} s and is due every "
                    f"{poll['interval']:g} s; polls will be skipped. Read less often, or fewer addresses"
                )
        for line in plan["requests"] or ():
            endpoint = line["endpoint"]
            shares[endpoint] = shares.get(endpoint, 0.0) + line["seconds"] / line["interval"]
    for endpoint, share in shares.items():
        if share > 1.0:
            yield f"{endpoint}: all its devices together need {share:.0%} of its time; polls will be skipped"


def _text(plan: dict[str, Any]) -> Iterator[str]:
    yield f"{plan['device']} ({plan['driver']}, {plan['address']})"
    if plan["requests"] is None:
        yield f"  no requests to plan: the driver {plan['driver']} does not read by address"
        return
    for poll in plan["polls"]:
        yield (
            f"  every {poll['interval']:g} s: {poll['tags']} tags in {poll['requests']} requests, "
            f"{poll['wanted']} of {poll['count']} addresses wanted ({poll['wanted'] / poll['count']:.0%}), "
            f"about {poll['seconds']:.3g} s"
        )
        for line in plan["requests"]:
            if line["interval"] == poll["interval"]:
                last = line["address"] + line["count"] - 1
                yield f"    {line['table']:<17} {line['address']:>5} to {last:>5}  {line['tags']:>4} tags"
