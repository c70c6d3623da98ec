"""Messages are durable: no kill, and no receiver that fails, loses one or holds up another's."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from collector import audit
from collector.alarms.file import AlarmFile
from collector.notify import sender as module
from collector.notify.channels.command import CommandSettings
from collector.notify.channels.webhook import WebhookSettings
from collector.notify.queue import Queue
from collector.notify.rules import Rules
from collector.notify.sender import Sender
from collector.notify.settings import NotifySettings, RuleSettings
from tests.collector.alarms.make import DAY, NOW, SECOND, book, life
from tests.collector.notify.receivers import Robot, robot
from tests.servers import free_port, wait_for

CHILD = """
import asyncio, sys, time
from pathlib import Path
from collector.alarms.file import AlarmFile
from collector.notify.queue import Queue
from collector.notify.rules import Rules
from collector.notify.sender import Sender
from tests.collector.alarms.make import NOW, book, life
from tests.collector.notify.test_sender import notify
chosen = notify(sys.argv[2])
with book(Path(sys.argv[1]), listener=Rules(chosen)) as opened:
    opened.write([], life("A1", NOW))
print("committed", flush=True)
if sys.argv[3] == "send":
    asyncio.run(Sender("bureau", chosen, 0, Queue(AlarmFile(Path(sys.argv[1])))).step())
time.sleep(600)
"""


def notify(url: str, **rest: Any) -> NotifySettings:
    robot = WebhookSettings(type="webhook", name="robot", url=SecretStr(url))
    command = CommandSettings(type="command", name="sms", command=(sys.executable, "-c", "import sys; sys.exit(7)"))
    return NotifySettings(receivers=(robot, command), rules=(RuleSettings(to=("robot", "sms")),), **rest)


@contextmanager
def sending(folder: Path, chosen: NotifySettings, number: int = 0) -> Iterator[tuple[Sender, Queue]]:
    file = AlarmFile(folder)
    sender = Sender("bureau", chosen, number, Queue(file))
    yield sender, Queue(file)
    sender.close()
    file.close()


def killed(folder: Path, told: Robot, how: str) -> None:
    """A process that committed an alarm, killed before it sent the message, or while it awaits the answer."""
    command = [sys.executable, "-c", CHILD, str(folder), told.url, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "committed\n"
        if how == "send":
            wait_for(lambda: told.bodies, what="the message")
        child.kill()


@pytest.mark.parametrize(("how", "expected"), [("wait", 1), ("send", 2)])
async def test_a_kill_between_commit_and_send_loses_no_message(tmp_path: Path, how: str, expected: int) -> None:
    with robot() as told:
        if how == "send":
            told.hold = threading.Event()
        killed(tmp_path, told, how)
        if told.hold is not None:
            told.hold.set()
        with sending(tmp_path, notify(told.url)) as (sender, _):
            assert await sender.step()
            assert not await sender.step()
    assert len(told.bodies) == expected
    [name] = {body["id"] for body in told.bodies}
    assert name.startswith("bureau/1/"), "a repeat is known by its id"


async def test_a_receiver_that_fails_holds_up_no_other_and_is_told_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    chosen = notify(f"http://127.0.0.1:{port}/robot/send?access_token=SECRET-TOKEN")
    clock = [NOW + DAY]
    monkeypatch.setattr(module, "_now", lambda: clock[0])
    with book(tmp_path, listener=Rules(chosen)) as opened:
        monkeypatch.setattr("collector.alarms.book.now_ms", lambda: clock[0])
        opened.write([], life("A1", NOW, NOW + SECOND))
    pauses = []
    with sending(tmp_path, chosen) as (sender, queue), sending(tmp_path, chosen, 1) as (other, _):
        assert await sender.step()
        assert await sender.step(), "the second message is tried though the first one failed"
        assert not await sender.step(), "both wait for their next try"
        assert await other.step()
        for _ in range(3):
            [first] = [each for each in queue.of_life(1) if (each["receiver"], each["step"]) == ("robot", "raised")]
            pauses.append((int(str(first["due"])) - clock[0]) / 1000)
            clock[0] = int(str(first["due"]))
            assert await sender.step()
            while await sender.step():
                pass
        assert pauses == [5, 10, 20]
        clock[0] += DAY // 2
        with robot(port) as told:
            while await sender.step():
                pass
            assert [body["step"] for body in told.bodies] == ["raised", "cleared"]
        assert {each["state"] for each in queue.of_life(1) if each["receiver"] == "robot"} == {"sent"}
    assert caplog.text.count("receiver robot cannot be told of alarm 1") == 1, "said once"
    assert "SECRET-TOKEN" not in caplog.text


async def test_a_message_that_cannot_be_delivered_for_too_long_is_given_up_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = notify(f"http://127.0.0.1:{free_port()}/", give_up=3600.0)
    clock = [NOW]
    monkeypatch.setattr(module, "_now", lambda: clock[0])
    monkeypatch.setattr("collector.alarms.book.now_ms", lambda: clock[0])
    with book(tmp_path, listener=Rules(chosen)) as opened:
        opened.write([], life("A1", NOW))
    with sending(tmp_path, chosen, 1) as (sender, queue):
        tries = 0
        while any(each["state"] == "waiting" for each in queue.of_life(1) if each["receiver"] == "sms"):
            clock[0] += 600_000
            tries += await sender.step()
        [sms] = [each for each in queue.of_life(1) if each["receiver"] == "sms"]
        assert (sms["state"], sms["tries"]) == ("given up", tries)
        assert "ended with 7" in str(sms["error"])
        with queue._file.reading() as db:
            last = audit.entries(db)[-1]
        assert (last.what, last.subject) == ("message given up", "alarm 1")


async def test_messages_to_a_receiver_that_is_no_longer_there_are_given_up_by_name(tmp_path: Path) -> None:
    chosen = notify(f"http://127.0.0.1:{free_port()}/")
    with book(tmp_path, listener=Rules(chosen)) as opened:
        opened.write([], life("A1", NOW))
    file = AlarmFile(tmp_path)
    assert Queue(file).drop_unknown(["robot"]) == 1
    states = {each["receiver"]: each["state"] for each in Queue(file).of_life(1)}
    assert states == {"robot": "waiting", "sms": "given up"}
    file.close()


async def test_a_defect_of_a_channel_costs_nobody_else_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = notify(f"http://127.0.0.1:{free_port()}/")
    with book(tmp_path, listener=Rules(chosen)) as opened:
        opened.write([], life("A1", NOW))
    monkeypatch.setattr(module, "message", lambda *_: 1 / 0)
    with caplog.at_level(logging.CRITICAL), sending(tmp_path, chosen) as (sender, queue):
        assert await sender.step()
        [sms, robot] = sorted(queue.of_life(1), key=lambda each: str(each["error"]))
        assert (robot["error"], robot["state"], sms["tries"]) == ("a defect: ZeroDivisionError", "waiting", 0)
