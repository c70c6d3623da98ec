"""``edge-agent``."""

from __future__ import annotations

import click

from config.cli import EPILOG, LazyGroup

COMMANDS = {
    name: f"edge_agent.cli.{name.replace('-', '_')}"
    for name in (
        "run",
        "status",
        "reload",
        "doctor",
        "support-bundle",
        "install-service",
        "check",
        "schema",
        "init",
        "enrol",
        "plan",
        "read",
        "browse",
        "points",
        "camera",
        "simulate",
        "outbox",
        "version",
    )
}


@click.group(cls=LazyGroup, modules=COMMANDS, epilog=EPILOG)
def main() -> None:
    """Read a site's instruments, keep every reading until it is safe, and deliver it to the collector."""


if __name__ == "__main__":
    main()
