"""A collector's certificate that expires reaches whoever looks: in `status`, in /metrics, and in a message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import urllib3
import yaml
from click.testing import CliRunner

from collector.cli.main import main
from collector.pki.environment import make_environment
from config.certificates import valid_until
from tests.integration.test_service import started, status
from tests.servers import LOCAL, free_port, wait_for


def test_a_collectors_certificate_that_expires_is_told_where_people_look(tmp_path: Path) -> None:
    made = make_environment(tmp_path / "made", "county-1", [], port=free_port(), user="root")
    made.add("soon", days=0.2)
    soon, inbox, port = made.pki / "issued" / "soon.crt", tmp_path / "inbox", free_port()
    file = tmp_path / "collector.yaml"
    file.write_text(yaml.safe_dump({
        "collector": "county-1", "state": "state", "monitor": {"port": port},
        "mqtt": {"host": LOCAL, "port": free_port(), "tls": made.tls("county-1")}, "certificates": [str(soon)],
        "sinks": [{"type": "sqlite", "name": "store", "path": "store.db"}],
        "notify": {
            "receivers": [{"type": "command", "name": "duty", "command": ["/bin/sh", "-c", f"cat >> {inbox}"]}],
            "rules": [{"to": ["duty"], "levels": ["WARN", "FAULT"]}],
        },
    }))  # fmt: skip
    (tmp_path / "state").mkdir()
    end = valid_until(soon)
    assert end is not None
    with started(tmp_path, "collector.cli.main", "run", str(file)):
        wait_for(lambda: inbox.exists() and "collector county-1" in inbox.read_text(), what="the message")
        found = status(main, file)["certificates"]
        shown = CliRunner().invoke(main, ["status", str(file)]).output
        figures = urllib3.request("GET", f"http://{LOCAL}:{port}/metrics").data.decode()
    assert f"certificate soon expires in 5 hours, at {datetime.fromtimestamp(end / 1000, UTC):%Y-%m-%d %H:%M} UTC" in (
        inbox.read_text()
    )
    assert (found.keys(), found[str(soon)]) == ({"client", "ca", str(soon)}, end)
    assert f"{soon} is valid until" in shown
    [line] = [line for line in figures.splitlines() if line.startswith("edge_collector_certificate_end_seconds")
              and str(soon) in line]  # fmt: skip
    assert float(line.split()[-1]) == end / 1000
