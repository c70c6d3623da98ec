from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.drivers.opcua.driver import OpcuaDriver
from edge_agent.drivers.opcua.settings import parse_node, parse_path
from edge_agent.drivers.opcua.values import quality
from tests.edge_agent.drivers.opcua.plant import URI, device


def test_a_namespace_index_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="namespace's URI"):
        parse_node("ns=2;s=Tank1.Level")
    assert parse_node("nsu=http://a/b;s=T;x=1") == ("http://a/b", "T;x=1")
    assert parse_node("ns=0;i=2258") == parse_node("i=2258") == ("", 2258)


@pytest.mark.parametrize("text", ["Tank1", "i=abc", "g=1", "b=?", "nsu=;s=a", "i=4294967296"])
def test_what_is_no_node_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_node(text)


def test_paths_lead_into_arrays_and_structures() -> None:
    assert parse_path("") == ()
    assert parse_path("[3]") == (3,)
    assert parse_path("Channels[2].Low") == ("Channels", 2, "Low")
    for wrong in ("[", "[x]", "a..b", ".a."):
        with pytest.raises(ValueError, match="expected a path"):
            parse_path(wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"security": "None"}, "none"),
        ({"user": {"username": "a", "password": "b"}}, "password is not sent over security none"),
        ({"endpoint": "opc.tcp://user:secret@host:4840"}, "match pattern"),
        ({"lifetime_count": 20}, "lifetime_count"),
    ],
)
def test_unsafe_settings_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        device(4840, **change)


def test_security_must_be_written_out() -> None:
    settings = device(4840).model_dump(mode="json", exclude={"security"})
    with pytest.raises(ValidationError, match="security"):
        type(device(4840)).model_validate(settings)


def test_structures_of_two_servers_in_one_agent_are_refused() -> None:
    tags = [{"name": "a", "node": f"nsu={URI};s=a", "path": "Level"}]
    devices = [device(4840, tags), device(4841), device(4842, tags)]
    ((path, message),) = OpcuaDriver.check(devices)
    assert path == (2, "tags", 0, "path")
    assert "one such server" in message


def test_every_status_code_gives_a_quality_of_the_contract() -> None:
    import re

    from asyncua import ua

    from profiles.wire.quality import PATTERN

    codes = [code for code in vars(ua.StatusCodes).values() if isinstance(code, int)]
    assert len(codes) > 200
    for code in [*codes, 0xC0000000, 0x80FF0000, 0x40FF0480]:
        assert re.fullmatch(PATTERN, quality(code)), hex(code)
