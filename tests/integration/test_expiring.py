"""A certificate that expires reaches whoever looks: a collector's in `status`, in /metrics and in a message, an agent's
as an alarm at its collector, which tells those whom its rules name.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
import yaml
from click.testing import CliRunner

from collector.cli.main import main
from collector.pki.authority import opened
from collector.pki.environment import make_environment
from config.certificates import valid_until
from config.keys import write_file
from tests.integration.secured import COLLECTOR, Secured
from tests.integration.secured import secured as secured
from tests.integration.test_service import agent_file, started, status
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


def test_an_agents_certificate_that_expires_is_an_alarm_that_is_told_until_it_is_renewed(
    secured: Secured, tmp_path: Path
) -> None:
    made, inbox = secured.environment, tmp_path / "inbox"
    made.add("plant-1", days=0.2)
    broker = {"host": "localhost", "port": secured.port}
    file = tmp_path / "collector.yaml"
    file.write_text(yaml.safe_dump({
        "collector": COLLECTOR, "state": "upper", "mqtt": broker | {"tls": made.tls(COLLECTOR)},
        "sinks": [{"type": "sqlite", "name": "store", "path": "store.db"}],
        "notify": {
            "receivers": [{"type": "command", "name": "duty", "command": ["/bin/sh", "-c", f"cat >> {inbox}"]}],
            "rules": [{"to": ["duty"], "levels": ["WARN", "FAULT"], "sites": ["110110001"]}],
        },
    }))  # fmt: skip
    below = agent_file(tmp_path, free_port(), mqtt=broker | {"tls": made.tls("plant-1")})
    for folder in ("upper", "first run", "second run"):
        (tmp_path / folder).mkdir()

    def told(words: str) -> bool:
        return inbox.exists() and words in inbox.read_text()

    with started(tmp_path, "collector.cli.main", "run", str(file)):
        wait_for(lambda: "connected" in (tmp_path / "log").read_text(), what="a collector that hears what is new")
        with started(tmp_path / "first run", "edge_agent.cli.main", "run", str(below)):
            wait_for(lambda: told("certificate plant-1 expires in 5 hours"), what="the message")
        with opened(made.pki) as authority:
            renewed = authority.renew("plant-1", days=730)
        write_file(Path(made.tls("plant-1")["certificate"]), renewed.pem.encode())
        with started(tmp_path / "second run", "edge_agent.cli.main", "run", str(below)):
            wait_for(lambda: told("all certificates and revocation lists hold again"), what="its end")
        [life] = [each for each in alarms(file) if each["source"] == "plant-1"]
    assert (life["site"], life["condition"], life["count"]) == ("110110001", "cleared", 1)


def alarms(file: Path) -> list[dict[str, Any]]:
    done = CliRunner().invoke(main, ["alarms", "list", str(file), "--json"], catch_exceptions=False)
    return list(json.loads(done.output))
