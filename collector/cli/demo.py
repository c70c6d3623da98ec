"""``edge-collector demo``: a whole site, a sealed mine, a broker, this collector and a store, in one terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import signal
import sqlite3
import tempfile
from pathlib import Path
from typing import Annotated

import click
from pydantic import Field, TypeAdapter, ValidationError
from rich.console import Console

from collector.demo.mine import missing
from collector.demo.processes import ChildFailedError
from collector.demo.real import MissingError
from collector.demo.run import Demo, Result
from collector.sinks.base import SinkUnavailable
from collector.state_file import StateError
from config.model import Duration

INTERVAL = TypeAdapter[float](Annotated[Duration, Field(gt=0)])


def _finite(_context: click.Context, _parameter: click.Parameter, seconds: float | None) -> float | None:
    if seconds is not None and not math.isfinite(seconds):
        raise click.BadParameter(f"{seconds} is no length of time.")
    return seconds


def _duration(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        INTERVAL.validate_python(text)
    except ValidationError as err:
        raise click.BadParameter(f"{text!r}: {err.errors()[0]['msg']}") from err
    return text


@click.command("demo")
@click.option("--seconds", type=click.FloatRange(min=1), callback=_finite, help="End by itself after so long.")
@click.option("--json", "as_json", is_flag=True, help="No view; one JSON line at the end.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep all files here.")
@click.option(
    "--interval", default="1s", show_default=True, callback=_duration, help="How often the tank farm is polled."
)
@click.option("--mine/--no-mine", "sealed", default=True, help="With or without the sealed mine and its cameras.")
@click.option("--real", is_flag=True, help="On an installed mosquitto (TLS, client certificates) and InfluxDB 1.x.")
def command(
    seconds: float | None, as_json: bool, folder: Path | None, interval: str, sealed: bool, real: bool
) -> None:  # fmt: skip
    """Run a simulated site and a sealed mine, and prove that nothing was lost.

    The count at the end holds the instruments' own ledgers against the store, and the pictures and films that were
    written at the mine against those that the collector holds; code 0 only if every one is here, once, and nothing
    else is. The mine needs the extra `cameras`; without it the demo says so and shows the rest.
    """
    logging.basicConfig(level=logging.ERROR)
    lacking = missing() if sealed else ()
    if lacking:
        click.echo(
            f"The sealed mine is left out: {', '.join(lacking)} not installed"
            " (pip install 'edge-gateway[cameras]' adds its cameras).", err=True,
        )  # fmt: skip
    with contextlib.ExitStack() as stack:
        try:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-demo-")))
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.glob("*.ledger")):
                raise click.ClickException(f"{folder} holds an earlier demo; name an empty folder")
            demo = Demo(folder, interval, sealed=sealed and not lacking, real=real)
            result = asyncio.run(_run(demo, seconds, as_json))
        except (ChildFailedError, MissingError) as err:
            raise click.ClickException(str(err)) from err
        except (OSError, sqlite3.Error, StateError, SinkUnavailable) as err:  # no folder, no right to it, a full disk
            raise click.ClickException(
                f"the demo cannot keep its files in {folder or tempfile.gettempdir()}: {err}"
            ) from err
    if result is None:
        # Nothing was counted, so standard output stays empty: whoever reads a line there has a proof
        click.echo("Stopped before the count began: nothing was counted, and nothing is proven.", err=True)
        return
    click.echo(json.dumps(result.figures()) if as_json else result.text())
    raise click.exceptions.Exit(0 if result.proven else 1)


async def _run(demo: Demo, seconds: float | None, as_json: bool) -> Result | None:
    stop = asyncio.Event()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup has it ignored
        numbers.append(signal.SIGHUP)
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await demo.run(stop, seconds, Console(quiet=as_json))
