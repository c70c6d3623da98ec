"""A hardened systemd unit for a program, made from what its settings say that it needs of the machine.

Sources: systemd.service(5), systemd.exec(5), systemd.resource-control(5) of systemd 252 (Debian 12); what each setting
is worth: systemd-analyze(1), ``security``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  # named, not used
SERIAL_GROUP = "dialout"
"""The group to which Debian and Ubuntu give serial ports."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a program needs of the machine; absolute paths."""

    state: Path
    """The folder of its own that it writes to."""
    writes: tuple[Path, ...] = ()
    """Other folders and files in which it writes, moves or deletes."""
    reads: tuple[Path, ...] = ()
    """Folders and files that it reads, so that homes are shown where one lies there."""
    ports: tuple[str, ...] = ()
    """Device files that it opens."""


def unit(program: str, *, command: Path, file: Path, user: str, description: str, needs: Needs) -> str:
    """The unit's text. ValueError for a path that a unit cannot hold."""
    text = (resources.files("config") / "templates" / "systemd" / "service.unit").read_text(encoding="utf-8")
    return Template(text).substitute(
        program=program,
        command=_escaped(command).replace("$", "$$"),
        file=_escaped(file).replace("$", "$$"),
        user=user,
        description=description,
        home="read-only" if _any_in(HOMES, needs, command, file) else "yes",
        tmp="no" if _any_in(TEMPORARY, needs, command, file) else "yes",
        paths="\n".join(_paths(program, needs)),
        devices="\n".join(_devices(needs)),
    )


def _paths(program: str, needs: Needs) -> list[str]:
    lines = []
    if needs.state == Path("/var/lib") / program:
        lines += [f"StateDirectory={program}", "StateDirectoryMode=0700"]
    else:
        lines.append(f"ReadWritePaths={_escaped(needs.state)}")
    return lines + [f"ReadWritePaths=-{_escaped(path)}" for path in needs.writes if not _within(path, needs.state)]


def _devices(needs: Needs) -> list[str]:
    """Without ports also users of its own; with them the group that the ports belong to must be known."""
    if not needs.ports:
        return ["PrivateDevices=yes", "PrivateUsers=yes"]
    return [*(f"DeviceAllow={_escaped(Path(port))} rw" for port in needs.ports), f"SupplementaryGroups={SERIAL_GROUP}"]


def _any_in(folders: Iterable[Path], needs: Needs, *more: Path) -> bool:
    """Whether something that it needs lies in one of these; otherwise they are hidden from it."""
    paths = (needs.state, *needs.writes, *needs.reads, *more)
    return any(_within(path, folder) for path in paths for folder in folders)


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _escaped(path: Path) -> str:
    """As a word of a unit: ``%`` begins a specifier there, blanks and quotes are escaped (systemd.syntax(7))."""
    text = str(path)
    if not path.is_absolute() or not text.isprintable():
        raise ValueError(f"{text!r}: expected the whole path of a file or folder, without control characters")
    for plain, escaped in (("\\", "\\\\"), ("%", "%%"), (" ", "\\x20"), ('"', '\\"'), ("'", "\\'")):
        text = text.replace(plain, escaped)
    return text
