"""What the commands of both programs share: lazy loading, exit codes, errors in settings, ``--json``.

Exit codes: 0 done, 1 failed, 2 wrong usage or wrong settings (as click has it).
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import click

from config.errors import ConfigError, Problem
from config.hosts import split
from config.printable import lines

P = ParamSpec("P")
R = TypeVar("R")
BAD_SETTINGS = 2
EPILOG = "Exit codes: 0 done, 1 failed, 2 wrong usage or wrong settings."


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that ``version`` does not load every driver."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def invoke(self, ctx: click.Context) -> Any:
        """What a command fails by may hold words of others, as `say`."""
        try:
            return super().invoke(ctx)
        except click.ClickException as err:
            err.message = lines(err.message)  # type: ignore[misc]  # final to click; the same error in plain words
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command under the name ``command``."""
        if cmd_name not in self._modules:
            return None
        command = importlib.import_module(self._modules[cmd_name]).command
        assert isinstance(command, click.Command)  # noqa: S101  # the table is ours
        _say_exit_codes(command)
        return command


def _say_exit_codes(command: click.Command) -> None:
    """Every command's help ends with what its exit codes mean."""
    command.epilog = command.epilog or EPILOG
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _say_exit_codes(each)


def say(text: str, *, err: bool = False) -> None:
    """Print what holds words of others (agents, instruments, platforms) for people: nothing in it moves a terminal."""
    click.echo(lines(text), err=err)


def host_option(context: click.Context, option: click.Parameter, value: str | tuple[str, ...]) -> Any:
    """For ``callback=`` of an option that names hosts: a name or an address, of IPv6 in brackets or without."""
    if isinstance(value, tuple):
        return tuple(host_option(context, option, each) for each in value)
    try:
        host, port = split(value)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err
    if port is not None:
        raise click.BadParameter(f"expected the host alone; the port {port} has an option of its own")
    return host


def settings_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Print every problem of the settings on standard error and end with code 2; never a traceback."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ConfigError as err:
            for problem in err.problems:
                click.echo(str(problem), err=True)
            raise click.exceptions.Exit(BAD_SETTINGS) from None

    return wrapper


def show_problems(problems: list[Problem], as_json: bool) -> None:
    """Problems as lines, or as one JSON list, on standard output."""
    if as_json:
        click.echo(json.dumps([problem.as_dict() for problem in problems], ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(str(problem))
