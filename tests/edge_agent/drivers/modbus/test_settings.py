import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from edge_agent.drivers.modbus.settings import ModbusDevice, ModbusTag, check, endpoint_key
from edge_agent.simulators.tank_farm import device_settings

TCP = {"type": "tcp", "host": "10.0.0.5", "port": 502}
LINE = {"type": "rtu", "port": "/dev/ttyUSB0", "baudrate": 9600}


def tag(**settings: Any) -> dict[str, Any]:
    return {"name": "LT101", "table": "holding-register", "address": 0, "type": "uint16"} | settings


def device(*tags: dict[str, Any], **settings: Any) -> ModbusDevice:
    whole = {"name": "plc", "driver": "modbus", "connection": TCP, "unit": 1, "addressing": "plain", "tags": tags}
    return ModbusDevice.model_validate(whole | settings)


def test_the_simulators_settings_load_unchanged_and_without_a_fault() -> None:
    loaded = device(**device_settings(1502))
    assert check([loaded]) == []
    assert loaded.address() == "tcp://127.0.0.1:1502/1"


def test_addressing_is_stated_and_never_guessed() -> None:
    settings = device(tag()).model_dump(exclude={"addressing"}, exclude_unset=True)
    with pytest.raises(ValidationError, match="addressing"):
        ModbusDevice.model_validate(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "string"}, "length is for strings"),
        ({"length": 2}, "length is for strings"),
        ({"type": "bit", "bit": 3, "scale": 0.1}, "scale and offset are for numbers, not for bit"),
        ({"type": "float32", "mask": 1}, "a mask is for unsigned numbers, not for float32"),
        ({"mask": 0x1_0000}, "the mask is wider than uint16"),
        ({"mask": 0}, "expected a whole number above 0"),
        ({"bit": 1}, "bit is for tags of type bit, not uint16"),
        ({"type": "bit", "bit": 16}, "less than or equal to 15"),
        ({"type": "float32", "enum": {1: "on"}}, "texts .enum. are for whole numbers, not for float32"),
        ({"enum": {1: "on"}, "scale": 2.0}, "texts .enum. take no scale or offset"),
        ({"invalid": [0.5]}, "invalid of uint16 must be whole numbers"),
        ({"type": "bit", "bit": 1, "invalid": [1]}, "invalid is for numbers, not for bit"),
        ({"scale": 0.0}, "scale must not be 0"),
        ({"type": "float16"}, "float32"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModbusTag.model_validate(tag(**settings))


def test_hexadecimal_text_stands_for_its_number() -> None:
    loaded = ModbusTag.model_validate(tag(mask="0x00F0", invalid=["0xFFFF"], enum={"0x01": "on", "2": "off"}))
    assert (loaded.mask, loaded.invalid, loaded.enum) == (0xF0, (0xFFFF,), {1: "on", 2: "off"})


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "number"),
        ({"type": "bit", "bit": 0}, "flag"),
        ({"type": "string", "length": 4}, "text"),
        ({"enum": {0: "stopped"}}, "text"),
    ],
)
def test_a_tag_keeps_one_type(settings: dict[str, Any], kind: str) -> None:
    loaded = device(tag(**settings))
    assert loaded.tag_type(loaded.all_tags()[0]) == kind


def test_a_serial_line_has_the_units_1_to_247() -> None:
    assert device(tag(), unit=0).unit == 0
    with pytest.raises(ValidationError, match="unit 248 is none of a serial line"):
        device(tag(), connection=LINE, unit=248)


def test_devices_of_one_endpoint_share_a_connection_and_must_agree_on_it() -> None:
    first = device(tag(), name="a", connection=LINE)
    second = device(tag(), name="b", unit=2, connection=LINE | {"parity": "E"})
    third = device(tag(), name="c", unit=3, connection=TCP)
    assert endpoint_key(first) == endpoint_key(second) != endpoint_key(third)
    assert check([first, second, third]) == [
        ((1, "connection"), "differs from that of 'a', which has the same endpoint"),
    ]


def test_two_devices_are_not_the_same_unit_of_an_endpoint() -> None:
    devices = [device(tag(), name=name, unit=unit) for name, unit in (("a", 1), ("b", 2), ("c", 2))]
    assert check(devices) == [((2, "unit"), "unit 2 of this endpoint is 'b' already")]


def test_a_tag_can_be_a_key_though_it_holds_dictionaries() -> None:
    loaded = device(tag(enum={0: "off"}))
    assert {loaded.tags: 1}[loaded.tags] == 1


def test_the_sample_in_the_manual_loads_without_a_fault() -> None:
    manual = (Path(__file__).parents[4] / "docs/modbus.md").read_text(encoding="utf-8")
    [sample] = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    entry = yaml.safe_load(sample)["devices"][0]
    loaded = ModbusDevice.model_validate(entry)
    assert check([loaded]) == []
    assert [loaded.tag_type(each) for each in loaded.tags] == ["number", "number", "flag", "flag", "text"]
