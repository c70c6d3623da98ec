"""The service manager is told by sd_notify's protocol, and nobody where there is none."""

import os
from pathlib import Path

import pytest

from config.service.notify import Notifier
from tests.config.service.heard import Ear, ear


def test_each_message_is_one_datagram_with_the_words_that_systemd_knows(tmp_path: Path) -> None:
    with ear(tmp_path) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.address})
        notifier.ready()
        notifier.alive()
        notifier.status("two\nlines")
        notifier.stopping()
    assert manager.heard == ["READY=1", "WATCHDOG=1", "STATUS=two lines", "STOPPING=1"]


def test_an_abstract_socket_is_reached() -> None:
    manager = Ear(f"@edge-gateway-test-{os.getpid()}")
    assert Notifier({"NOTIFY_SOCKET": manager.address}).ready()
    manager.close()
    assert manager.heard == ["READY=1"]


def test_without_a_manager_or_with_one_that_is_gone_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert Notifier({}).ready()
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert [gone.ready(), gone.ready()] == [False, False]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the service manager cannot be told READY=1"
    ]


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "180000000"}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_this_process_s_own(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environment).watchdog == seconds
