"""Every command of both programs says what its exit codes mean."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

import collector.cli.main
import edge_agent.cli.main


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


PROGRAMS = {"edge-agent": edge_agent.cli.main.main, "edge-collector": collector.cli.main.main}
ALL = [(name, *path) for name, program in PROGRAMS.items() for path in commands(program, ())]


@pytest.mark.parametrize("path", ALL, ids=[" ".join(path) for path in ALL])
def test_the_help_says_what_the_exit_codes_mean(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(PROGRAMS[path[0]], [*path[1:], "--help"])
    assert result.exit_code == 0
    assert "exit code" in result.output.lower()
