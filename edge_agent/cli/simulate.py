"""``edge-agent simulate``: a simulated instrument on a real socket, to try the agent without a site."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click
import yaml

from config.cli import host_option
from config.hosts import endpoint

INSTRUMENTS = {"tank-farm": "edge_agent.simulators.tank_farm", "process-unit": "edge_agent.simulators.process_unit"}


@click.command("simulate")
@click.argument("instrument", type=click.Choice(list(INSTRUMENTS)))
@click.option("--host", callback=host_option, default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="TCP port.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Write every served value here.")
@click.option("--settings", is_flag=True, help="Print the entry for the agent's `devices` and end.")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write that entry into FILE (`devices: !include FILE`) before serving.")  # fmt: skip
def command(instrument: str, host: str, port: int, ledger: Path | None, settings: bool, write: Path | None) -> None:
    """Serve a simulated INSTRUMENT until Ctrl-C: a tank farm over Modbus TCP, or a process unit over OPC UA."""
    module = INSTRUMENTS[instrument]
    entry = importlib.import_module(module).device_settings(port, host=host)
    text = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False)
    if settings:
        click.echo(text, nl=False)
        return
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as err:
            raise click.ClickException(f"{write} cannot be written: {err.strerror or err}") from err
    options = ["--ledger", str(ledger)] if ledger else []
    sys.argv = [instrument, "--host", host, "--port", str(port), *options]
    try:
        importlib.import_module(module).main()
    except OSError as err:
        raise click.ClickException(
            f"cannot serve on {endpoint(host, port)}: {err}; is the port free, the ledger writable?"
        ) from err
