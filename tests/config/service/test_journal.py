"""Records reach the journal with their fields by its native protocol; a text beyond its size is not lost."""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.service.journal import JournalHandler, leads_to_journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "j"))
        link.settimeout(10)
        yield link


def fields(packet: bytes) -> dict[str, str]:
    """As the journal takes a datagram apart."""
    found: dict[str, str] = {}
    while packet:
        line, _, packet = packet.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", packet[:8])
            value, packet = packet[8 : 8 + length], packet[9 + length :]
        found[name.decode()] = value.decode()
    return found


def logger(tmp_path: Path) -> logging.Logger:
    made = logging.Logger("edge_agent.test")
    made.addHandler(JournalHandler("edge-agent", tmp_path / "j"))
    return made


def test_a_record_arrives_with_priority_logger_place_and_all_its_lines(journal: socket.socket, tmp_path: Path) -> None:
    log = logger(tmp_path)
    log.warning("device %s: 不应答\nMESSAGE=forged\n", "plc")
    got = fields(journal.recv(65536))
    log.handlers[0].close()
    assert (got["MESSAGE"], got["PRIORITY"]) == ("device plc: 不应答\nMESSAGE=forged\n", "4")
    assert (got["LOGGER"], got["SYSLOG_IDENTIFIER"]) == ("edge_agent.test", "edge-agent")
    assert (got["CODE_FILE"], got["CODE_FUNC"]) == (__file__, sys._getframe().f_code.co_name)


def test_a_traceback_travels_with_its_message(journal: socket.socket, tmp_path: Path) -> None:
    log = logger(tmp_path)
    try:
        raise ZeroDivisionError("a defect")
    except ZeroDivisionError:
        log.exception("it failed")
    got = fields(journal.recv(65536))
    log.handlers[0].close()
    assert got["MESSAGE"].startswith("it failed\nTraceback")
    assert "ZeroDivisionError: a defect" in got["MESSAGE"]
    assert got["PRIORITY"] == "3"


def test_what_the_journal_does_not_take_goes_to_standard_error(
    journal: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logger(tmp_path)
    log.info("x" * 10_000_000)
    journal.close()
    (tmp_path / "j").unlink()
    log.info("the journal is down")
    log.handlers[0].close()
    told = capsys.readouterr().err
    assert "x" * 10_000_000 in told
    assert "the journal is down" in told


def test_the_journal_is_taken_only_where_standard_error_leads_to_it(tmp_path: Path) -> None:
    with (tmp_path / "err").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert leads_to_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not leads_to_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not leads_to_journal(stream, {})
