"""What the program is made of: known vulnerabilities fail the audit, silence is no clean bill, the SBOM is whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from config.version import VERSION
from tests.servers import LOCAL, free_port

ROOT = Path(__file__).parents[2]
EVIL = {
    "id": "PYSEC-0-1", "summary": "reads everything", "aliases": ["CVE-0-1"],
    "affected": [{"package": {"name": "evil", "ecosystem": "PyPI"},
                  "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}],
}  # fmt: skip
KNOWN = {"opcua": EVIL}
"""What every database that is worth asking has something about."""


@contextmanager
def database(knows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Answers as https://google.github.io/osv.dev/post-v1-query/ has it; the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["package"]["name"]
            text = json.dumps({"vulns": [knows[asked]]} if asked in knows else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing is printed."""

    server = ThreadingHTTPServer((LOCAL, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://{LOCAL}:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def audit(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    lock = tmp_path / "lock.txt"
    lock.write_text("good==2.0\nevil==1.0\n")

    def run(address: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"OSV_URL": address, "NO_PROXY": LOCAL}
        return subprocess.run([ROOT / "scripts" / "audit", lock], env=env, capture_output=True, text=True)

    return run


def test_a_known_vulnerability_fails_the_audit(audit: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    with database(KNOWN | {"evil": EVIL}) as address:
        done = audit(address)
    assert done.returncode == 1
    assert "evil 1.0: PYSEC-0-1 CVE-0-1; mended in: 1.1" in done.stderr
    assert ": clean" not in done.stdout


def test_clean_is_said_only_by_a_database_that_knows_something(
    audit: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    with database(KNOWN) as address:
        done = audit(address)
    assert (done.returncode, "clean: no known vulnerability in 2 packages" in done.stdout) == (0, True), done.stdout
    with database({}) as address:
        silent = audit(address)
    nobody = audit(f"http://{LOCAL}:{free_port()}/v1/query")
    for told in (silent, nobody):
        assert (told.returncode, "not audited" in told.stdout, ": clean" in told.stdout) == (0, True, False), (
            told.stdout
        )


def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    subprocess.run([ROOT / "scripts" / "sbom", bill], check=True, capture_output=True)
    told = json.loads(bill.read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert (told["metadata"]["component"]["name"], told["metadata"]["component"]["version"]) == (
        "edge-gateway",
        VERSION,
    )
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE))
    assert {each["name"]: each["version"] for each in told["components"]} == locked
    hashes = {one["content"] for each in told["components"] for place in each["externalReferences"]
              for one in place["hashes"]}  # fmt: skip
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
