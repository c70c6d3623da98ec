"""A program that serves ends in silence at SIGTERM and Ctrl-C, also while somebody is connected."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.platform.test_judgement import S
from tests.servers import LOCAL, free_port

READ = struct.pack(">HHHBBHH", 7, 0, 6, 1, 3, 0, 5)
FRAME = json.dumps(S).encode()
POST = b"POST /report HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(FRAME) + FRAME
PLATFORM = ("collector.cli.main", "simulate", "platform", "--json", "--ledger", "ledger.db")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("command", "asked"),
    [
        pytest.param(("edge_agent.cli.main", "simulate", "tank-farm", "--port"), READ, id="tank farm"),
        pytest.param((*PLATFORM, "--tcp"), FRAME + b"@@", id="platform, TCP"),
        pytest.param((*PLATFORM, "--http"), POST, id="platform, HTTP"),
    ],
)
def test_an_open_connection_ends_with_the_program(
    command: tuple[str, ...], asked: bytes, number: signal.Signals, tmp_path: Path
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline().decode()
        with socket.create_connection((LOCAL, port), timeout=30) as link:
            link.sendall(asked)
            assert link.recv(4096)
            process.send_signal(number)
            _out, said = process.communicate(timeout=30)
            while link.recv(4096):
                pass
    finally:
        process.kill()
        process.wait(30)
    assert (process.returncode, said.decode()) == (0, "")
