"""A clock is judged by a real answer of a time server; an answer that is none is said to be none."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from config.doctor.clock import clock_findings
from config.doctor.finding import Finding
from config.doctor.sntp import NoTimeError, ahead
from tests.servers import LOCAL

Answer = Callable[[bytes], bytes]
NTP_EPOCH = 2_208_988_800


def at(offset: float, *, flags: int = 0x24, stratum: int = 2) -> Answer:
    """A server whose clock is `offset` s ahead of this computer's."""

    def answer(asked: bytes) -> bytes:
        now = time.time() + offset + NTP_EPOCH
        stamp = struct.pack("!II", int(now) & 0xFFFFFFFF, int(now % 1 * 2**32))
        return struct.pack("!BBbb3I", flags, stratum, 0, 0, 0, 0, 0) + stamp + asked[40:48] + stamp + stamp

    return answer


@contextmanager
def time_server(answer: Answer, address: str = LOCAL) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.bind((address, 0))

        def serve() -> None:
            asked, whom = link.recvfrom(1024)
            link.sendto(answer(asked), whom)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield link.getsockname()[1]
        finally:
            thread.join(30)


def judged(offset: float) -> Finding:
    with time_server(at(offset)) as port:
        [_kernel, found] = clock_findings(True, 0.1, f"{LOCAL}:{port}")
    return found


def test_an_offset_is_measured() -> None:
    with time_server(at(-7200)) as port:
        assert ahead(LOCAL, port, 30) == pytest.approx(7200, abs=1)


def test_a_clock_that_is_off_is_a_fault_and_one_that_is_right_is_not() -> None:
    assert judged(0).state == "ok"
    assert judged(5).state == "warning"
    assert (judged(-300).state, "ahead of" in judged(-300).text) == ("fault", True)
    assert "behind" in judged(300).text


def test_a_server_is_reached_by_ipv6_as_well() -> None:
    with time_server(at(0), "::1") as port:
        [_kernel, found] = clock_findings(True, None, f"[::1]:{port}")
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (at(0, stratum=0), "no time itself"),
        (at(0, flags=0xE4), "no time itself"),
        (at(0, flags=0x23), "no answer to our question"),
        (lambda asked: at(0)(bytes(48)), "no answer to our question"),
        (lambda asked: asked[:20], "20 bytes"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_the_time(answer: Answer, said: str) -> None:
    with time_server(answer) as port, pytest.raises(NoTimeError, match=said):
        ahead(LOCAL, port, 30)


def test_a_server_that_is_not_there_is_a_warning_with_its_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind((LOCAL, 0))
        port = unused.getsockname()[1]
    [_kernel, found] = clock_findings(True, None, f"{LOCAL}:{port}")
    assert (found.state, f"{LOCAL}:{port}" in found.text) == ("warning", True)


def test_a_clock_that_was_never_set_is_a_fault_and_one_that_nobody_keeps_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [each.state for each in clock_findings(False, None, None)] == ["warning"]
    assert [each.state for each in clock_findings(None, None, None)] == ["ok"]
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    [found] = clock_findings(False, None, None)
    assert (found.state, "1970-01-01" in found.text) == ("fault", True)
