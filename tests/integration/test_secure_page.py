"""docs/secure.md, executed as it stands: from an empty folder to a closed site, and each recipe for what is lost.

Left out is what needs root and systemd (blocks marked ``root``); ports are this machine's.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.keys import read_certificate
from profiles.wire.topics import FROM_AGENT, TO_AGENT
from tests.servers import find_server, free_port

PAGE = Path(__file__).parents[2] / "docs" / "secure.md"


@pytest.mark.timeout(300)
def test_the_pages_commands_lead_from_nothing_to_a_closed_site_and_back_from_each_loss(tmp_path: Path) -> None:
    broker = find_server("mosquitto")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 9
    commands = "\n".join(blocks).replace("8883", str(free_port())).replace("15020", str(free_port()))
    script = tmp_path / "page.sh"
    script.write_text(f"set -eu\ntrap 'kill $(jobs -p) 2> /dev/null; wait' EXIT\n{commands}\n")
    here = tmp_path / "empty"
    here.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(broker).parent), os.environ["PATH"]])
    done = subprocess.Popen(
        ["bash", script], cwd=here, env={**os.environ, "PATH": path}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = done.communicate(timeout=240)
    finally:
        if done.poll() is None:
            os.killpg(done.pid, signal.SIGKILL)  # a session of our own: the script and what it started
    logs = "".join(f"\n== {each}\n{(here / each).read_text()}" for each in
                   ("mosquitto.log", "collector.log", "plant-1/agent.log") if (here / each).exists())  # fmt: skip
    assert done.returncode == 0, said + logs
    assert "in order" in said
    assert "warning" not in said
    log = (here / "plant-1/agent.log").read_text()
    assert "is the certificate expired, revoked or of another authority" in log
    newest, installed = here / "pki-new/issued/plant-1.crt", here / "plant-1/certs/agent.crt"
    assert read_certificate(installed) == read_certificate(newest)


def test_the_pages_rules_for_emqx_name_every_kind_of_message() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for mine, other in ((FROM_AGENT, "subscribe"), (TO_AGENT, "publish")):
        [line] = re.findall(rf'\{{allow, \{{user, "county-1"\}}, {other}, \[(.*?)\]\}}\.', page, re.DOTALL)
        assert re.findall(r'"gw/v1/county-1/\+/(\w+)"', line) == list(mine)
        assert all(f'"gw/v1/+/${{username}}/{kind}"' in page for kind in mine)
