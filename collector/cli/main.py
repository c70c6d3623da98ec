"""``edge-collector``."""

from __future__ import annotations

import click

from config.cli import EPILOG, LazyGroup

COMMANDS = {
    name: f"collector.cli.{name.replace('-', '_')}"
    for name in (
        "run", "status", "reload", "doctor", "support-bundle", "install-service",
        "check", "schema", "init", "query", "explain", "agents", "dead-letters", "alarms", "persons",
        "colours", "seal", "evidence", "ask", "compliance", "risk", "duty", "audit",
        "profiles", "reports", "simulate", "demo", "grafana", "init-store", "pki", "broker-config",
        "backup", "restore", "version",
    )
}  # fmt: skip


@click.group(cls=LazyGroup, modules=COMMANDS, epilog=EPILOG)
def main() -> None:
    """Take in what agents deliver, normalise it to the specifications, store it, and acknowledge what is durable."""


if __name__ == "__main__":
    main()
