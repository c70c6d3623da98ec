"""The first step on the way to the broker that fails is named, and none behind it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from config.doctor.network import way_findings
from config.mqtt import MqttSettings
from tests.servers import LOCAL

WITHOUT_ROUTE = """
from config.doctor.network import way_findings
from config.mqtt import MqttSettings
for each in way_findings(MqttSettings(host="10.1.2.3", tls="disabled")):
    print(each.check, each.state, each.text)
"""


def test_without_a_route_nothing_is_connected_to() -> None:
    command = ["unshare", "--net", sys.executable, "-c", WITHOUT_ROUTE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if os.geteuid() != 0 or "unshare" in done.stderr:
        pytest.skip("a network of its own needs root")
    assert done.stdout.splitlines() == [
        "dns ok 10.1.2.3 is an address: no name needs to be resolved",
        "route fault no way to 10.1.2.3: Network is unreachable",
    ], done.stderr


@pytest.mark.parametrize("host", [LOCAL, "::1", "localhost"])
def test_a_broker_is_found_by_either_protocol_and_by_name(host: str) -> None:
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        mqtt = MqttSettings(host=host, port=server.getsockname()[1], tls="disabled")
        found = [(each.check, each.state) for each in way_findings(mqtt)]
    assert found == [("dns", "ok"), ("route", "ok"), ("broker", "ok"), ("tls", "ok")]


def test_a_port_that_speaks_no_tls_is_told_from_one_that_nobody_listens_on() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        mqtt = MqttSettings(host=LOCAL, port=server.getsockname()[1], connect_timeout=0.2)
        [*_way, tls] = way_findings(mqtt)
    assert (tls.check, tls.state, "no TLS with" in tls.text) == ("tls", "fault", True)
    [*_way, nobody] = way_findings(mqtt)
    assert (nobody.check, nobody.state, "Connection refused" in nobody.text) == ("broker", "fault", True)
