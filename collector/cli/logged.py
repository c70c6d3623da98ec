"""What a command is about to do, put into the audit log first: what cannot be logged is not done."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import click

from collector.alarms.file import FILE, log_deed
from collector.audit import Deed, os_user
from collector.settings import CollectorSettings
from collector.state_file import StateError


def logged(settings: CollectorSettings, what: str, subject: str, details: Mapping[str, Any]) -> None:
    """Log what the user of this system does, such as ``discarded`` ``dead letters``; ClickException when it cannot."""
    try:
        log_deed(settings.state, settings.audit.hash, Deed(os_user(), what, subject, details))
    except (StateError, sqlite3.Error) as err:
        raise click.ClickException(f"{settings.state / FILE}: {err}; what cannot be logged is not done") from err
