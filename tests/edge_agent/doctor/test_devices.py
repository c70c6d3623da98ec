"""What the running agent says of a device, as doctor tells it."""

from __future__ import annotations

from typing import Any

from config.doctor.finding import Finding
from edge_agent.clock import ClockSettings
from edge_agent.doctor.devices import told
from edge_agent.doctor.rights import judged
from edge_agent.drivers.modbus.settings import ModbusDevice
from edge_agent.simulators import tank_farm
from edge_agent.uplink.rights import Right


def findings(**state: Any) -> list[Finding]:
    device = ModbusDevice.model_validate(tank_farm.device_settings(502))
    return list(told(device, {"up": True, "since": 0, "counters": {}} | state, ClockSettings()))


def test_round_trip_and_error_rate_are_of_the_agents_own_counting() -> None:
    [quiet] = findings(counters={"requests": 1000, "answers": 999, "answer_ms": 11988, "failures": 1})
    assert (quiet.state, "in 12 ms at the mean, 1 of 1000 requests" in quiet.text) == ("ok", True)
    [noisy] = findings(counters={"requests": 100, "answers": 98, "answer_ms": 980, "failures": 2})
    assert (noisy.state, "(2.0%)" in noisy.text, "longer `timeout`" in noisy.advice) == ("warning", True, True)


def test_a_device_that_is_down_a_clock_that_is_off_and_one_that_is_unknown_are_told() -> None:
    [down] = findings(up=False, error="no answer")
    assert (down.state, down.text.endswith("no answer")) == ("fault", True)
    [_up, clock] = findings(clock_offset_ms=-90_000)
    assert (clock.state, "90 s behind" in clock.text) == ("warning", True)
    device = ModbusDevice.model_validate(tank_farm.device_settings(502))
    [unknown] = told(device, None, ClockSettings())
    assert unknown.advice == "edge-agent reload"


def test_a_missing_right_is_a_fault_and_one_too_many_a_warning() -> None:
    found = [Right("publish its data", False, "the ACL"), Right("must not hear others", False, "the ACL")]
    assert [each.state for each in judged(found, "all is well")] == ["fault", "warning"]
