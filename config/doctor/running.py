"""The running program as it tells of itself, where one runs, and the versions of what is installed here."""

from __future__ import annotations

import platform
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from config.doctor.finding import Finding, fault, ok, warning
from config.service.local import NotRunningError, ask
from config.version import VERSION

PROGRAM, VERSIONS = "program", "version"
_PACKAGES = ("paho-mqtt", "pydantic", "msgspec", "cryptography")
Status = Mapping[str, Any]


def running(state: Path) -> tuple[Status | None, str]:
    """What the program that runs on a state folder says, or None and why nothing was heard."""
    try:
        return ask(state, {"ask": "status"})["result"], ""
    except (NotRunningError, PermissionError) as err:
        return None, str(err)
    except KeyError:
        return None, "it answers, but not with its status: is it an older version?"


def running_findings(name: str, found: Status | None, why: str) -> Iterator[Finding]:
    """Whether it runs, is healthy, and is of the version that is installed."""
    if found is None:
        how = f"systemctl start {name}, and `journalctl -u {name}` where it does not stay; doctor as root sees most"
        yield warning(PROGRAM, why, how)
        return
    if found["ok"]:
        yield ok(PROGRAM, f"it runs (pid {found['pid']}) and is in order")
    else:
        said = "; ".join(found["troubles"])
        yield fault(PROGRAM, f"it runs (pid {found['pid']}): {said}", f"journalctl -u {name}; what is named here first")
    if found["version"] != VERSION:
        text = f"{found['version']} runs, {VERSION} is installed"
        yield warning(VERSIONS, text, f"systemctl restart {name}; nothing is lost by it")


def versions() -> dict[str, str]:
    """Of this distribution and what it stands on most."""
    found = {
        "edge-gateway": VERSION, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION, "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }  # fmt: skip
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def version_findings() -> Iterator[Finding]:
    """One line of them."""
    yield ok(VERSIONS, ", ".join(f"{name} {each}" for name, each in versions().items()))
