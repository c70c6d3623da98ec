"""``edge-collector demo``: a whole site, its agent, a broker, this collector and a store, in one terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import tempfile
from pathlib import Path

import click

from collector.demo.processes import ChildFailedError
from collector.demo.run import Demo, Result
from config.cli import EPILOG


@click.command("demo", epilog=EPILOG)
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after so long.")
@click.option("--json", "as_json", is_flag=True, help="No view; one JSON line at the end.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep all files here.")
@click.option("--interval", default="1s", show_default=True, help="How often the tank farm is polled.")
def command(seconds: float | None, as_json: bool, folder: Path | None, interval: str) -> None:
    """Run a simulated site and prove that nothing was lost.

    The count at the end holds the instruments' own ledgers against the store; code 0 only if every value served is
    stored once and nothing else is.
    """
    logging.basicConfig(level=logging.ERROR)
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("*.ledger")):
            raise click.ClickException(f"{folder} holds an earlier demo; name an empty folder")
        try:
            result = asyncio.run(_run(Demo(folder, interval), seconds, as_json))
        except ChildFailedError as err:
            raise click.ClickException(str(err)) from err
    if result is None:
        # Nothing was counted, so standard output stays empty: whoever reads a line there has a proof
        click.echo("Stopped before the count began: nothing was counted, and nothing is proven.", err=True)
        return
    click.echo(json.dumps(result.figures()) if as_json else result.text())
    raise click.exceptions.Exit(0 if result.account.proven else 1)


async def _run(demo: Demo, seconds: float | None, as_json: bool) -> Result | None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await demo.run(stop, seconds, show=not as_json)
