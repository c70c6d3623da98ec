"""Commands that both programs have: ``check``, ``schema``, ``init``, ``version``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from config.cli import BAD_SETTINGS, show_problems
from config.errors import ConfigError
from config.load import Loaded
from config.version import VERSION

Load = Callable[[Path], Loaded[Any]]


def check_command(load: Load, default: str) -> click.Command:
    """Read a settings file and say everything that is wrong with it."""

    @click.command("check")
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON list of problems.")
    def command(file: Path, as_json: bool) -> None:
        """Check FILE: every mistake with file, line and column; code 2 if there is one."""
        try:
            problems = load(file).warnings
        except ConfigError as err:
            show_problems(err.problems, as_json)
            raise click.exceptions.Exit(BAD_SETTINGS) from None
        show_problems(problems, as_json)
        if not as_json:
            click.echo(f"{file}: in order" + (f", {len(problems)} warnings" if problems else ""))

    return command


def schema_command(model: Callable[[], type[BaseModel]], name: str) -> click.Command:
    """Print the settings' JSON Schema."""

    @click.command("schema")
    def command() -> None:
        click.echo(_schema(model))

    command.help = f"Print the JSON Schema of {name}, for editors: # yaml-language-server: $schema=<file>."
    return command


def init_command(folder: str, model: Callable[[], type[BaseModel]], default: str) -> click.Command:
    """Write a commented sample."""

    @click.command("init")
    @click.argument("file", type=click.Path(path_type=Path), default=default)
    @click.option("--force", is_flag=True, help="Overwrite files that exist.")
    def command(file: Path, force: bool) -> None:
        """Write a commented sample that passes `check` to FILE, and the JSON Schema that editors use beside it."""
        schema = file.with_name(Path(default).stem + ".schema.json")
        for path in (file, schema):
            if path.exists() and not force:
                raise click.ClickException(f"{path} exists; --force overwrites it")
        sample = resources.files("config") / "templates" / folder / default
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with resources.as_file(sample) as source:
                shutil.copyfile(source, file)
            schema.write_text(_schema(model) + "\n", encoding="utf-8")
        except OSError as err:
            raise click.ClickException(f"{file}: cannot be written: {err}") from err
        click.echo(f"wrote {file} and {schema}")

    return command


def version_command(program: str) -> click.Command:
    """Print the version."""

    @click.command("version")
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
    def command(as_json: bool) -> None:
        """Print the version."""
        click.echo(json.dumps({"program": program, "version": VERSION}) if as_json else f"{program} {VERSION}")

    return command


def _schema(model: Callable[[], type[BaseModel]]) -> str:
    schema = model().model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False)
