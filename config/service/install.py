"""``install-service``: a service user, its state folder and a hardened unit of systemd; ``--print``: the unit alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import click

from config.cli import settings_errors
from config.load import Loaded
from config.service.unit import Needs, unit

UNITS = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")
"""Is there where systemd is the one that runs the machine (sd_booted(3))."""


def install_command(
    program: str, default: str, description: str, load: Callable[[Path], Loaded[Any]], needs: Callable[[Any], Needs]
) -> click.Command:
    """`needs` says what the settings ask of the machine."""

    @click.command("install-service")
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @click.option("--print", "only_print", is_flag=True, help="Print the unit and change nothing; needs no root.")
    @click.option("--user", default=program, show_default=True, help="User to run as; made if it is not there.")
    @click.option("--name", default=program, show_default=True, help="Of the unit; several may run on one machine.")
    @click.option("--to", type=click.Path(path_type=Path), default=UNITS, show_default=True, help="Folder of units.")
    @click.option("--now", is_flag=True, help="Start it now, and at each boot.")
    @settings_errors
    def command(file: Path, only_print: bool, user: str, name: str, to: Path, now: bool) -> None:
        settings, path = load(file).settings, file.absolute()
        wanted = needs(settings)
        try:
            text = unit(program, command=_program(program), file=path, user=user, description=description, needs=wanted)
        except ValueError as err:
            raise click.ClickException(str(err)) from err
        if only_print:
            click.echo(text, nl=False)
            return
        if os.geteuid() != 0:
            raise click.ClickException("expected root, to make the user and the unit; --print shows the unit without")
        try:
            account = _user(user, wanted.state)
            _check(program, path, account)
            _own(wanted.state, account)
            _look_at(wanted.writes, "w", account)
            _look_at(wanted.reads, "r", account)
            target = to / f"{name}.service"
            target.write_text(text, encoding="utf-8")
        except OSError as err:
            raise click.ClickException(f"{err.filename or to}: {err.strerror or err}") from err
        click.echo(f"wrote {target}")
        _start(name, now=now)

    command.help = (
        f"Make {program} a systemd service that runs on FILE ({default}): with a user of its own, and no right beyond "
        "the folders and serial ports that FILE names. Do it again when these have changed."
    )
    return command


def _program(name: str) -> Path:
    """The command that this one is called by, or that stands beside its interpreter."""
    called = Path(sys.argv[0])
    return (called if called.name == name else Path(sys.executable).parent / name).absolute()


def _user(name: str, home: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        pass
    made = subprocess.run(
        [
            "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(home),
            "--shell", "/usr/sbin/nologin", name,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise click.ClickException(f"user {name} cannot be made: {made.stderr.strip()}")
    click.echo(f"made user {name}")
    return pwd.getpwnam(name)


def _own(state: Path, account: pwd.struct_passwd) -> None:
    """The state folder and all in it belongs to the service: what a trial as another user left there, too."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    for folder, _folders, files in os.walk(state):
        for path in (folder, *(os.path.join(folder, each) for each in files)):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _check(program: str, file: Path, account: pwd.struct_passwd) -> None:
    """Whether the service can read its settings and what they name, tried as its user."""
    tried = subprocess.run(
        [str(_program(program)), "check", str(file)], user=account.pw_uid, group=account.pw_gid, extra_groups=[],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tried.returncode:
        click.echo(tried.stdout + tried.stderr, err=True, nl=False)
        raise click.ClickException(
            f"user {account.pw_name} cannot use {file}; expected that it may read it and what it names, such as by:"
            f" chgrp -R {account.pw_name} {file.parent} && chmod -R g+rX {file.parent}; a private key must be its own:"
            f" chown {account.pw_name} KEY && chmod 600 KEY"
        )


def _look_at(paths: Iterable[Path], right: Literal["r", "w"], account: pwd.struct_passwd) -> None:
    """Whether the service may do what it is to do with these, and they are there: some come later, so it only warns."""
    for path in paths:
        tried = subprocess.run(
            ["test", f"-{right}", str(path)],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        if tried.returncode:
            verb = "read" if right == "r" else "write to"
            click.echo(f"warning: user {account.pw_name} may not {verb} {path}, or it is not there", err=True)


def _start(name: str, *, now: bool) -> None:
    if shutil.which("systemctl") is None or not RUNNING.is_dir():
        click.echo(f"systemd does not run this machine; where it does: systemctl enable --now {name}")
        return
    commands = [["systemctl", "daemon-reload"], *([["systemctl", "enable", "--now", name]] if now else [])]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{' '.join(command)}: {done.stderr.strip()}")
    click.echo(f"started {name}: systemctl status {name}" if now else f"next: systemctl enable --now {name}")
