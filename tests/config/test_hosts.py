"""Hosts are read in one way wherever they stand, and shown so that a port can be told from them."""

from __future__ import annotations

from typing import Annotated

import click
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from config.cli import host_option
from config.hosts import Host, HostInUrl, HostPort, endpoint, split
from config.model import Settings


class Reached(Settings):
    host: Host = "::1"
    place: HostPort = "::1"
    url: Annotated[str, HostInUrl] = "http://[::1]"


@pytest.mark.parametrize(("text", "host", "port"), [
    ("plc-1", "plc-1", None), ("plc-1.site.example:502", "plc-1.site.example", 502), ("192.0.2.7:1", "192.0.2.7", 1),
    ("::1", "::1", None), ("[::1]", "::1", None), ("[::1]:502", "::1", 502), ("2001:DB8:0:0::7", "2001:db8::7", None),
    ("fe80::1%eth0", "fe80::1%eth0", None), ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
])  # fmt: skip
def test_each_way_to_write_a_host_is_read_and_shown_so_that_it_reads_back(text: str, host: str, port: int) -> None:
    assert split(text) == (host, port)
    assert split(endpoint(host, port or 502)) == (host, port or 502)


@pytest.mark.parametrize(("text", "expected"), [
    ("", "a host name"), ("a b", "a host name"), ("http://plc", "a host name"), ("user@plc", "a host name"),
    ("192.168.1.300", "an IPv4 address"), ("192.168.1", "an IPv4 address"), ("[plc]:502", "an IPv6 address"),
    ("2001:db8::zz", "an IPv6 address"), ("[::1", "a host name"), ("plc:0", "a port from 1"), ("plc:70000", "a port"),
])  # fmt: skip
def test_what_is_no_host_is_told(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        split(text)
    for key in ("host", "place"):
        with pytest.raises(ValidationError, match=expected):
            Reached.model_validate({key: text})


def test_a_setting_takes_brackets_off_and_says_where_a_port_belongs() -> None:
    assert Reached.model_validate({"host": "[2001:db8:0::7]"}).host == "2001:db8::7"
    with pytest.raises(ValidationError, match='write host: "::1" and port: 502'):
        Reached.model_validate({"host": "[::1]:502"})
    assert Reached.model_validate({"place": "2001:db8::7"}).place == "[2001:db8::7]"
    assert Reached.model_validate({"place": "[::1]:80"}).place == "[::1]:80"


@pytest.mark.parametrize("url", ["http://[::1]:8086/x", "opc.tcp://plc:4840", "rtsp://192.0.2.7", "file:/films/a.mp4"])
def test_an_address_of_a_service_stays_as_it_is_written(url: str) -> None:
    assert Reached.model_validate({"url": url}).url == url


@pytest.mark.parametrize(("url", "expected"), [
    ("http://::1:8086", r"in brackets, such as http://\[2001:db8::7\]"), ("opc.tcp://plc:99999", "a port from 1"),
    ("rtsp://192.168.1.300/1", "an IPv4 address"), ("http://[::zz]/", "::zz"),
])  # fmt: skip
def test_an_address_of_a_service_whose_host_is_none_is_told(url: str, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Reached.model_validate({"url": url})


def test_options_of_commands_take_the_same() -> None:
    @click.command()
    @click.option("--listen", callback=host_option, multiple=True)
    def command(listen: tuple[str, ...]) -> None:
        click.echo(" ".join(listen))

    assert CliRunner().invoke(command, ["--listen", "[::1]", "--listen", "0.0.0.0"]).output == "::1 0.0.0.0\n"
    for odd, expected in (("[::1]:80", "port 80 has an option of its own"), ("a b", "a host name")):
        result = CliRunner().invoke(command, ["--listen", odd])
        assert (result.exit_code, expected in result.output) == (2, True), result.output
