"""``edge-collector profiles``: the specifications that are spoken here, and a site's own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from collector.cli.tables import show
from config.cli import settings_errors, show_problems
from config.errors import ConfigError, Problem
from profiles.codes import code_faults, standard_codes
from profiles.load import Shelf
from profiles.model import CodeRule, Profile
from profiles.pages import tables

FOLDERS = click.option(
    "--folder", "folders", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with profiles of your own, as in the settings' `profiles`; may be given again.",
)  # fmt: skip
AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
NEW = """\
# {name}: what this file leaves out is that of {base}; `edge-collector profiles show {base}` prints it.
# Every entry says where it is known from: status: seen (with source: LABEL), working-definition, or common-knowledge.
profile: {name}
version: 0.1.0-wd            # ends in -wd until it was held against the original text
extends: {base}
spec:
  zh: {name}
  en: {name}
  status: working-definition

# assets:
#   X9: {{zh: 设备, en: equipment, required: [WD], status: working-definition}}    # X9: null removes an inherited one

# quantities:
#   WD: {{range: [-50, 150]}}                 # changes one field of an inherited quantity
#   NEW: {{zh: 新指标, en: new quantity, unit: m, range: [0, 10], decimals: 2, status: working-definition}}
"""


@click.group("profiles")
def command() -> None:
    """List, print, check, begin and compare profiles: each is one access specification (感知数据接入规范) as data."""


@command.command("list")
@FOLDERS
@AS_JSON
@settings_errors
def list_(folders: tuple[Path, ...], as_json: bool) -> None:
    """Every profile: its version, names, and whether the original text was seen."""
    shelf = _shelf(folders)
    rows = []
    for name in sorted(shelf.files):
        profile = shelf.loaded(name).settings
        rows.append(
            {
                "profile": name, "version": profile.version, "zh": profile.spec.zh, "en": profile.spec.en,
                "status": profile.spec.status, "extends": profile.extends, "abstract": profile.abstract,
                "file": str(shelf.files[name]),
            }
        )  # fmt: skip
    if not as_json:
        rows = [{key: row[key] for key in ("profile", "version", "status", "zh")} for row in rows]
    show(rows, as_json)


@command.command("show")
@click.argument("name")
@FOLDERS
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of headings.")
@AS_JSON
@settings_errors
def show_(name: str, folders: tuple[Path, ...], lang: Any, as_json: bool) -> None:
    """Print a profile, and of each entry whether it was seen in a source or is our working definition."""
    profile = _named(_shelf(folders), name)
    if as_json:
        click.echo(profile.model_dump_json(exclude_none=True))
        return
    for number, table in enumerate(tables(profile, lang)):
        click.echo(("\n" if number else "") + (".".join(table.path) or name))
        show([dict(zip(table.columns, row, strict=True)) for row in table.rows], as_json=False)


@command.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@FOLDERS
@AS_JSON
@settings_errors
def validate(files: tuple[Path, ...], folders: tuple[Path, ...], as_json: bool) -> None:
    """Check profile FILES: every mistake with file, line and column; code 2 if there is one.

    What they extend is looked for in the package, in --folder, and beside them.
    """
    shelf = Shelf([*folders, *dict.fromkeys(file.parent for file in files)])
    problems = list(_mistakes(shelf, files))
    if as_json or problems:
        show_problems(problems, as_json)
    if any(problem.severity == "error" for problem in problems):
        raise click.exceptions.Exit(2)
    if not as_json:
        click.echo(f"{len(files)} in order" + (f", {len(problems)} warnings" if problems else ""))


@command.command("new")
@click.argument("name")
@click.option("--extends", "base", default="hazchem-base", show_default=True, help="The profile that it completes.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path(), help="Where NAME.yaml is written.")
@settings_errors
def new(name: str, base: str, folder: Path) -> None:
    """Begin a profile of your own: a commented file NAME.yaml that passes `validate`."""
    _named(Shelf([folder]), base)
    path = folder / f"{name}.yaml"
    if path.exists():
        raise click.ClickException(f"{path} exists; it is left as it is")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(NEW.format(name=name, base=base), encoding="utf-8")
    except OSError as err:
        raise click.ClickException(f"{path}: cannot be written: {err}") from err
    problems = list(_mistakes(Shelf([folder]), (path,)))
    if problems:
        path.unlink()
        raise ConfigError(problems)
    click.echo(f"wrote {path}; name its folder under `profiles:` in agent.yaml and collector.yaml")


@command.command("diff")
@click.argument("old")
@click.argument("new")
@FOLDERS
@AS_JSON
@settings_errors
def diff(old: str, new: str, folders: tuple[Path, ...], as_json: bool) -> None:
    """Compare two profiles, each a name or a file: what was added, removed, changed."""
    before, after = (dict(_flat((), _either(each, folders).model_dump(mode="json"))) for each in (old, new))
    rows = [
        {"field": ".".join(path), "old": before.get(path), "new": after.get(path)}
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]
    if as_json or rows:
        show(rows, as_json)
    else:
        click.echo("no difference")


@command.command("code")
@click.argument("kind")
@click.argument("code")
@click.option("--profile", "name", help="The profile whose codes KIND is one of, such as point.")
@FOLDERS
@AS_JSON
@settings_errors
def code_(kind: str, code: str, name: str | None, folders: tuple[Path, ...], as_json: bool) -> None:
    """Check one CODE: what is wrong with it, and at which character; 1 if it is an error.

    KIND is credit (统一社会信用代码), cas, video (GB/T 28181) or region (GB/T 2260), or with --profile one of the
    profile's: enterprise, gateway, hazard, asset, point.
    """
    known: Iterable[tuple[str, CodeRule]] = _named(_shelf(folders), name).codes.items() if name else standard_codes()
    rules = dict(known)
    if kind not in rules:
        raise click.UsageError(f"there is no code {kind!r}; expected one of {', '.join(rules)}")
    found = [{"severity": grave, "message": text} for text, grave in code_faults(rules[kind], code)]
    if as_json or found:
        show(found, as_json)
    else:
        click.echo("in order")
    if any(each["severity"] == "error" for each in found):
        raise click.exceptions.Exit(1)


def _shelf(folders: tuple[Path, ...]) -> Shelf:
    shelf = Shelf(folders)
    shelf.check()
    return shelf


def _named(shelf: Shelf, name: str) -> Profile:
    if name not in shelf.files:
        raise click.UsageError(f"there is no profile {name!r}; expected one of {', '.join(sorted(shelf.files))}")
    return shelf.loaded(name).settings


def _either(text: str, folders: tuple[Path, ...]) -> Profile:
    """A profile by its name, or by its file."""
    path = Path(text)
    if path.suffix not in (".yaml", ".yml"):
        return _named(_shelf(folders), text)
    shelf = Shelf([*folders, path.parent])
    if problems := [each for each in _mistakes(shelf, (path,)) if each.severity == "error"]:
        raise ConfigError(problems)
    return shelf.loaded(_name_of(shelf, path)).settings


def _mistakes(shelf: Shelf, files: tuple[Path, ...]) -> Iterator[Problem]:
    """What is wrong with some files of a shelf."""
    for file in files:
        own = [problem for problem in shelf.problems if Path(problem.file) == file]
        yield from own
        if own:
            continue
        name = _name_of(shelf, file)
        if not name:
            yield Problem(str(file), 1, 1, "there is no such file" if not file.exists() else "expected a name.yaml")
            continue
        try:
            yield from shelf.loaded(name).warnings
        except ConfigError as err:
            yield from err.problems


def _name_of(shelf: Shelf, file: Path) -> str:
    return next((name for name, path in shelf.files.items() if path == file), "")


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat((*path, key), each)
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
