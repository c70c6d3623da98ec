"""docs/secure.md, executed as it stands: from an empty folder to a closed site, and each recipe for what is lost.

Left out is what needs root and systemd (blocks marked ``root``); ports are this machine's.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.keys import read_certificate
from profiles.wire.topics import FROM_AGENT, TO_AGENT, TRIAL
from tests.pages import DOCS, blocks, shell
from tests.servers import find_server, free_port, wait_for

PAGE = DOCS / "secure.md"
REFUSED = "is the certificate expired, revoked or of another authority"
"""What an agent says that is not let in any more."""


@pytest.mark.timeout(300)
def test_the_pages_commands_lead_from_nothing_to_a_closed_site_and_back_from_each_loss(tmp_path: Path) -> None:
    broker, here = find_server("mosquitto"), tmp_path / "empty"
    page = blocks("secure.md", {"8883": str(free_port()), "15020": str(free_port())})
    assert [block.words for block in page].count(("root",)) == 1
    said = ""
    with shell(here, f"PATH=$PATH:{Path(broker).parent}") as reader:
        for block in page:
            if "root" not in block.words:
                said += reader.run(block)
            if "--reason stolen" in block.text:
                wait_for(lambda: REFUSED in (here / "plant-1/agent.log").read_text(), what="the stolen agent's refusal")
    assert "in order" in said
    assert "warning" not in said
    newest, installed = here / "pki-new/issued/plant-1.crt", here / "plant-1/certs/agent.crt"
    assert read_certificate(installed) == read_certificate(newest)


def test_the_pages_rules_for_emqx_name_every_kind_of_message() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f'"gw/v1/{each}/${{username}}/{kind}"' in page for each in ("county-1", TRIAL) for kind in FROM_AGENT)
    assert all(f'"gw/v1/+/${{username}}/{kind}"' in page for kind in TO_AGENT)
    for mine, other in ((FROM_AGENT, "subscribe"), (TO_AGENT, "publish")):
        [line] = re.findall(rf'\{{allow, \{{user, "county-1"\}}, {other}, \[(.*?)\]\}}\.', page, re.DOTALL)
        assert re.findall(r'"gw/v1/county-1/\+/(\w+)"', line) == list(mine)
