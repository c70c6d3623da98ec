"""Commands that ask a running program on this machine: ``status`` and ``reload``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from config.cli import BAD_SETTINGS, settings_errors
from config.load import read
from config.service.local import NotRunningError, ask

RELOAD = 120.0
"""Seconds that taking over a changed file may take: large files are checked whole, and requests in flight finish."""


def status_command(program: str, default: str, state: Path, show: Callable[[Mapping[str, Any]], None]) -> click.Command:
    """Print how the running program is; `state` is the folder where the settings name none."""

    @click.command("status")
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @click.option("--state", "folder", type=click.Path(path_type=Path), help="Its state folder, instead of FILE's.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
    @settings_errors
    def command(file: Path, folder: Path | None, as_json: bool) -> None:
        found = _asked(_folder(file, folder, state), {"ask": "status"})["result"]
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            show(found)
        if not found["ok"]:
            raise click.exceptions.Exit(1)

    command.help = (
        f"Show how the {program} that runs on FILE ({default}) is, as it says itself over its local socket.\n\n"
        "Ends with 1 when none runs there, or when something keeps it from its work."
    )
    return command


def reload_command(
    program: str, default: str, state: Path, reloaded: str, before: Callable[[Path], None] = lambda _file: None
) -> click.Command:
    """Have the running program take over its changed settings file; `before` is called first with the file."""

    @click.command("reload")
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @settings_errors
    def command(file: Path) -> None:
        before(file)
        answer = _asked(_folder(file, None, state), {"ask": "reload", "file": str(file.absolute())}, RELOAD)
        if "problems" in answer:
            for problem in answer["problems"]:
                click.echo(problem, err=True)
            click.echo("nothing was changed", err=True)
            raise click.exceptions.Exit(BAD_SETTINGS)
        click.echo(answer["result"])

    command.help = (
        f"Have the {program} that runs on FILE ({default}) take it over as it is now: {reloaded}; anything else needs "
        "a restart. A file with mistakes changes nothing, and each is named with its line; code 2."
    )
    return command


def _folder(file: Path, folder: Path | None, default: Path) -> Path:
    """The state folder that a settings file names; it need not be in order otherwise."""
    if folder is not None:
        return folder
    document, _problems = read(file)
    data = document.data
    stated = data.get("state") if isinstance(data, dict) else None
    return file.absolute().parent / stated if isinstance(stated, str) else default


def _asked(folder: Path, question: Mapping[str, Any], patience: float = 10.0) -> dict[str, Any]:
    try:
        answer = ask(folder, question, patience)
    except (NotRunningError, PermissionError) as err:
        raise click.ClickException(str(err)) from err
    if "error" in answer:
        raise click.ClickException(str(answer["error"]))
    return answer
