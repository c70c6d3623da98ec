"""The command `support-bundle` of both programs: one archive for whoever helps, without secrets and people's names."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from config.doctor.commands import SETTINGS, Examine, examined, report
from config.doctor.finding import Finding, fault
from config.doctor.running import running, versions
from config.doctor.scrub import Cleaned, Keeps, Scrub
from config.errors import ConfigError, Problem
from config.keys import OWNER_ONLY, write_file
from config.load import read
from config.model import Settings

LINES = 5000
"""Lines of a log that are taken, the last ones …"""
LINE = 4096
"""… and letters of each."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
ABOUT = """What is in this archive; open it and look before you send it. It was made by `{program} support-bundle`.

settings.json  the settings: numbers, switches, files and known words; (secret) and (text) stand for all else
versions.json  of the program and what it stands on
status.json    what the running program said of itself
doctor.json    what `{program} doctor` found
files.json     databases in the state folder: size, schema version, rows by table; no content
log.txt        the last lines of the log, where one was given with --log

Taken out everywhere: secrets, texts of the settings that are not known to be harmless, names in the audit log,
addresses of mail, telephone and identity numbers. Numbers of readings, addresses of devices and codes of sites are in
it.
"""


@dataclass(frozen=True)
class Described:
    """What a program says of itself for its bundle."""

    settings: Settings
    state: Path
    keeps: Keeps
    names: Iterable[str] | None = ()
    """People who are known to its state, taken out of everything; None: it cannot be read, so no log line may go."""


Describe = Callable[[Path], Described]
"""Of a settings file; ConfigError where it cannot be used."""


def bundle_command(program: str, default: str, examine: Examine, describe: Describe) -> click.Command:
    """Write the archive."""

    @click.command("support-bundle")
    @click.argument("archive", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.zip")
    @click.argument("file", type=click.Path(path_type=Path), default=default, metavar="[SETTINGS]")
    @click.option("--log", type=click.File("r", encoding="utf-8", errors="replace"), help="A log file, or - for what "
                  "is piped in: its last lines are added, cleaned.")  # fmt: skip
    @click.option("--force", is_flag=True, help="Overwrite FILE.zip.")
    def command(archive: Path, file: Path, log: TextIO | None, force: bool) -> None:
        if archive.exists() and not force:
            raise click.ClickException(f"{archive} exists; --force overwrites it")
        try:
            parts = collected(program, file, examine, describe, log)
            write_file(archive, zipped(parts), OWNER_ONLY)
        except OSError as err:
            text = f"{err.filename or archive}: {err.strerror or err}; run it as root or as the service's user"
            raise click.ClickException(text) from err
        click.echo(f"wrote {archive}: {', '.join(parts)}; look at it before you send it")

    command.help = (
        f"Write FILE.zip with what helps to find out what ails the {program} of SETTINGS ({default}): its settings "
        "without secrets, versions, status, doctor's findings, sizes of its files, and log lines.\n\n"
        "Secrets are left out, and people's names that its settings and its audit log know; look at it before you send "
        "it. An example under systemd: "
        f"journalctl -u {program} | {program} support-bundle help.zip --log -"
    )
    return command


def collected(program: str, file: Path, examine: Examine, describe: Describe, log: TextIO | None) -> dict[str, str]:
    """The files of the archive by name."""
    parts = {"README.txt": ABOUT.format(program=program), "versions.json": _json(versions())}
    try:
        described = describe(file)
    except ConfigError as err:
        # nothing tells what is secret in it: whatever stands in the file is left out of the messages, and all else
        scrub = Scrub((), _written(file))
        found = [_bare(scrub, each) for each in err.problems]
        return parts | {"doctor.json": _json(report(program, found))}
    cleaned = Cleaned(described.settings, described.keeps)
    scrub = Scrub(cleaned.secrets, {*cleaned.words, *(described.names or ())})
    status, why = running(described.state)
    parts["settings.json"] = _json(scrub.whole(cleaned.shown))
    parts["status.json"] = _json(scrub.whole({"none": why} if status is None else status))
    parts["doctor.json"] = _json(scrub.whole(report(program, list(examined(examine, file, None, False)))))
    parts["files.json"] = _json(scrub.whole(_files(described.state)))
    if log is not None and described.names is None:
        parts["log.txt"] = (
            "left out: nobody can say whose names must not be in it, since the audit log is not readable\n"
        )
    elif log is not None:
        last = deque(log, LINES)
        parts["log.txt"] = "".join(scrub.text(line.rstrip("\r\n"))[:LINE] + "\n" for line in last)
    return parts


def zipped(parts: dict[str, str]) -> bytes:
    """One archive of some texts."""
    whole = io.BytesIO()
    now = time.gmtime()[:6]
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, now), text, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _bare(scrub: Scrub, problem: Problem) -> Finding:
    message = scrub.text(_QUOTED.sub("(text)", problem.message))
    return fault(SETTINGS, f"line {problem.line}, column {problem.column}: {message}", "correct this line")


def _written(file: Path) -> set[str]:
    """Every text that a settings file states, what stands behind its secrets included."""
    try:
        document, _problems = read(file)
    except ConfigError:
        return set()  # no YAML: its messages tell of characters only
    return set(_texts(document.data))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _files(state: Path) -> dict[str, Any]:
    """Databases in the state folder: what they are and how much they hold, never what."""
    return {file.name: _database(file) for file in sorted(state.glob("*.db"))}


def _database(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"bytes": file.stat().st_size}
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            for name in ("application_id", "user_version", "schema_version", "page_count", "freelist_count"):
                found[name] = db.execute(f"PRAGMA {name}").fetchone()[0]
            names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            found["rows"] = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    except sqlite3.Error as err:
        found["fault"] = str(err)
    return found
