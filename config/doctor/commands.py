"""The command `doctor` of both programs: a line a finding, as soon as it is found."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from config.doctor.finding import STATES, Finding, State, fault, warning, worst
from config.errors import ConfigError, Problem
from config.printable import plain
from config.service.shown import BAD, DOUBTFUL, GOOD
from config.version import VERSION

Examine = Callable[[Path, str | None, bool], Iterator[Finding]]
"""Looks at everything: the settings file, the time server to compare with, and whether to be thorough. ConfigError."""
SETTINGS, ACCESS = "settings", "access"
EPILOG = "Exit codes: 0 all is well, 1 warnings, 2 faults (also: wrong usage or wrong settings)."
_STYLES: dict[State, str] = {"ok": GOOD, "warning": DOUBTFUL, "fault": BAD}
_WIDTH = 13
"""Columns of the longest name of a check (dead letters), and one between it and the text."""


def doctor_command(program: str, default: str, examine: Examine, more: str | None = None) -> click.Command:
    """Look at all that the program needs; `more`: what the option ``--thorough`` does, where there is one."""

    @click.command("doctor", epilog=EPILOG)
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @click.option("--ntp", metavar="HOST[:PORT]", help="Compare the clock with this time server (SNTP; sets nothing).")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
    def command(file: Path, ntp: str | None, as_json: bool, thorough: bool = False) -> None:
        found: list[Finding] = []
        console = Console(soft_wrap=True, markup=False, highlight=False)
        for each in examined(examine, file, ntp, thorough):
            found.append(each)
            if not as_json:
                console.print(_line(each))
                sys.stdout.flush()
        state = worst(found)
        if as_json:
            click.echo(json.dumps(report(program, found), ensure_ascii=False))
        else:
            console.print(_sum(found))
        raise click.exceptions.Exit(STATES.index(state))

    if more is not None:
        command.params.append(click.Option(["--thorough"], is_flag=True, help=more))
    command.help = (
        f"Look at all that the {program} of FILE ({default}) needs, and say what to do where something is amiss.\n\n"
        "It runs beside a running program and without one, and changes nothing."
    )
    return command


def examined(examine: Examine, file: Path, ntp: str | None, thorough: bool) -> Iterator[Finding]:
    """The findings; settings that cannot be used are faults, each with its line, and end it, as does a closed door."""
    try:
        yield from examine(file, ntp, thorough)
    except ConfigError as err:
        yield from map(problem, err.problems)
    except PermissionError as err:
        advice = "run it as root or as the service's user, and give this to that user; nothing behind it was looked at"
        yield fault(ACCESS, f"{err.filename or file}: {err.strerror or err}", advice)


def problem(of: Problem) -> Finding:
    """A mistake in the settings, or what is worth a second look in them."""
    text = f"{of.file}:{of.line}:{of.column}: {of.message}"
    if of.severity == "warning":
        return warning(SETTINGS, text, "is it meant? docs/configure.md")
    return fault(SETTINGS, text, "correct this line; a running program goes on with its old settings meanwhile")


def report(program: str, found: list[Finding]) -> dict[str, object]:
    """All of it for ``--json``."""
    return {
        "program": program, "version": VERSION, "time": round(time.time() * 1000), "state": worst(found),
        "findings": [each.as_dict() for each in found],
    }  # fmt: skip


def _line(each: Finding) -> Text:
    line = Text.assemble(
        (f"{each.state:<8}", _STYLES[each.state]), (f"{each.check:<{_WIDTH}}", "dim"), plain(each.text)
    )
    if each.advice:
        line.append(f"\n{'':<{8 + _WIDTH}}→ {plain(each.advice)}")
    return line


def _sum(found: list[Finding]) -> Text:
    counts = {state: sum(each.state == state for each in found) for state in STATES}
    if worst(found) == "ok":
        return Text(f"all is well: {counts['ok']} findings", GOOD)
    return Text(
        f"{counts['fault']} faults, {counts['warning']} warnings, {counts['ok']} in order", _STYLES[worst(found)]
    )
