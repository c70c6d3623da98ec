"""The recorder that other tests rely on must itself see what it is there to see."""

import socket

import pytest

from tests.servers import LOCAL, free_port, wait_for
from tests.wire import Conversation, Recording, assert_read_only_modbus, recording_proxy


def mbap(pdu: bytes, transaction: int = 1) -> bytes:
    return transaction.to_bytes(2) + b"\0\0" + (len(pdu) + 1).to_bytes(2) + b"\1" + pdu


def recording(*frames: bytes) -> Recording:
    return Recording(conversations=[Conversation(bytearray(b"".join(frames)))])


def test_reads_pass_and_are_counted() -> None:
    reads = [bytes([function, 0, 5, 0, 2]) for function in (1, 2, 3, 4)]
    assert assert_read_only_modbus(recording(*map(mbap, reads))) == reads
    assert assert_read_only_modbus(recording(*(b"\1" + read + b"\0\0" for read in reads)), "rtu") == reads


@pytest.mark.parametrize("pdu", [
    b"\x05\x00\x01\xff\x00", b"\x06\x00\x01\x00\x01", b"\x0f\x00\x01\x00\x08\x01\xff", b"\x10\x00\x01\x00\x01\x02\0\1",
    b"\x16\x00\x04\x00\xf2\x00\x25", b"\x17\x00\x03\x00\x06\x00\x0e\x00\x03\x02\0\1", b"\x2b\x0e\x01\x00",
    b"\x08\0\0\0\0",
])  # fmt: skip
def test_any_other_function_is_found_also_behind_good_ones(pdu: bytes) -> None:
    good = b"\x03\x00\x01\x00\x01"
    with pytest.raises(AssertionError):
        assert_read_only_modbus(recording(mbap(good), mbap(pdu), mbap(good)))
    with pytest.raises(AssertionError):
        assert_read_only_modbus(recording(b"\1" + good + b"\0\0", b"\1" + pdu + b"\0\0", b"\1" + good + b"\0\0"), "rtu")


def test_what_is_no_modbus_is_found() -> None:
    with pytest.raises(AssertionError, match="no Modbus"):
        assert_read_only_modbus(recording(b"GET / HTTP/1.1\r\n\r\n"))


def test_the_proxy_passes_everything_on_and_writes_it_down() -> None:
    with socket.create_server((LOCAL, 0)) as server, recording_proxy(server.getsockname()[1]) as seen:
        with socket.create_connection((LOCAL, seen.port)) as client:
            behind, _address = server.accept()
            with behind:
                client.sendall(b"question")
                assert behind.recv(100) == b"question"
                behind.sendall(b"answer")
                assert client.recv(100) == b"answer"
            assert client.recv(100) == b"", "an end is passed on"
        [conversation] = seen.conversations
        assert (bytes(conversation.sent), bytes(conversation.received)) == (b"question", b"answer")


def test_a_proxy_whose_server_is_gone_closes_the_connection() -> None:
    with recording_proxy(free_port()) as seen:
        with socket.create_connection((LOCAL, seen.port)) as client:
            assert client.recv(100) == b""
        wait_for(lambda: len(seen.conversations) == 1)
