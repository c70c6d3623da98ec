"""Settings of Modbus devices and tags.

Source of the protocol's bounds: Modbus Application Protocol V1.1b3, 6.1 to 6.4 (125 registers, 2000 bits a request);
Modbus over Serial Line V1.02, 2.5.1 (framing, silent intervals).
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from config.hosts import Host, endpoint
from config.model import Duration, Settings
from edge_agent.tags import DeviceSettings, TagSettings
from profiles.wire.messages import Source

Table = Literal["coil", "discrete-input", "holding-register", "input-register"]
BIT_TABLES = ("coil", "discrete-input")
Type = Literal[
    "bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string",
    "bcd16", "bcd32", "bcd64",
]  # fmt: skip
WORDS: dict[str, int] = {
    "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4, "float32": 2, "float64": 4,
    "bcd16": 1, "bcd32": 2, "bcd64": 4, "bit": 1,
}  # fmt: skip
"""Registers that a value takes."""
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]


class TcpConnection(Settings):
    """Modbus TCP."""

    type: Literal["tcp"]
    host: Host
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 502


class RtuOverTcpConnection(Settings):
    """RTU frames over TCP, as serial device servers speak it."""

    type: Literal["rtu-over-tcp"]
    host: Host
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]


class RtuConnection(Settings):
    """A serial line (RS-485, RS-232)."""

    type: Literal["rtu"]
    port: Annotated[str, Field(min_length=1)]
    """Device file, such as /dev/ttyUSB0."""
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """Bits a second."""
    parity: Literal["N", "E", "O"] = "N"
    """None, even or odd. The standard asks for even; most instruments are set to none."""
    stopbits: Literal[1, 2] = 1
    bytesize: Literal[7, 8] = 8


Connection = Annotated[TcpConnection | RtuOverTcpConnection | RtuConnection, Field(discriminator="type")]


_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")


def _number(raw: object) -> object:
    """Hexadecimal text, as it stands in a quoted or CSV field, to its number."""
    return int(raw, 16) if isinstance(raw, str) and _HEXADECIMAL.fullmatch(raw) else raw


def _mask(raw: object) -> object:
    number = _number(raw)
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**64:
        return number
    raise PydanticCustomError("mask", "expected a whole number above 0, such as 255 or 0x00FF")


class ModbusTag(TagSettings):
    """One value of a Modbus device."""

    table: Table | None = None
    """Which of the four tables; may be left out with 5-digit or 6-digit addresses, whose first digit says it."""
    address: Annotated[int, Field(ge=0, le=465_536)]
    """Address in the notation that the device's `addressing` states."""
    type: Type
    """What stands there."""
    order: Order = "ABCD"
    """Order of the bytes of 32 bits as sent: ABCD big-endian, CDAB words swapped, BADC bytes swapped, DCBA both."""
    length: Annotated[int, Field(ge=1, le=125)] | None = None
    """Registers of a string (two bytes each)."""
    encoding: Literal["ascii", "utf-8", "gb18030"] = "ascii"
    """Encoding of a string."""
    scale: float = 1.0
    """The number read is multiplied by this."""
    offset: float = 0.0
    """Added after the scale."""
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    """Bit of a register (0 is the lowest) that a tag of type bit reads."""
    mask: Annotated[int, BeforeValidator(_mask)] | None = None
    """Bits of an unsigned number that count; the result is shifted down to the lowest of them."""
    enum: Annotated[dict[Annotated[int, BeforeValidator(_number)], str], Field(min_length=1)] | None = None
    """Text for each number, such as {0: stopped, 1: running}; a number without a text is bad:decode."""
    invalid: tuple[Annotated[int | float, BeforeValidator(_number)], ...] = ()
    """Raw numbers by which the instrument says that it has no value (bad:instrument), such as 0x7FFF."""

    def __hash__(self) -> int:
        return hash(self.name)  # names are unique within an agent, and a tag's dictionaries have no hash

    @model_validator(mode="after")
    def _consistent(self) -> ModbusTag:
        number, whole = self.type not in ("bit", "string"), not self.type.startswith(("bit", "string", "float"))
        rules = (
            ((self.type == "string") == (self.length is not None),
             "length is for strings, and a string needs it: its number of registers"),
            (number or (self.scale, self.offset) == (1.0, 0.0), "scale and offset are for numbers, not for {type}"),
            (math.isfinite(self.scale) and self.scale != 0 and math.isfinite(self.offset),
             "scale and offset must be finite, and scale must not be 0"),
            (self.mask is None or self.type.startswith("uint"), "a mask is for unsigned numbers, not for {type}"),
            (self.mask is None or self.mask < 2 ** (16 * self.words), "the mask is wider than {type}"),
            (self.bit is None or self.type == "bit", "bit is for tags of type bit, not {type}"),
            (self.enum is None or whole, "texts (enum) are for whole numbers, not for {type}"),
            (self.enum is None or (self.scale, self.offset) == (1.0, 0.0), "texts (enum) take no scale or offset"),
            (number or not self.invalid, "invalid is for numbers, not for {type}"),
            (not whole or all(code == int(code) for code in self.invalid), "invalid of {type} must be whole numbers"),
        )  # fmt: skip
        for kept, message in rules:
            if not kept:
                raise PydanticCustomError("modbus_tag", message, {"type": self.type})
        return self

    @property
    def words(self) -> int:
        """Registers (in bit tables: bits) that it takes."""
        return (self.length or 1) if self.type == "string" else WORDS[self.type]


class ModbusDevice(DeviceSettings):
    """One unit (slave) behind a connection; units that state the same connection share it."""

    driver: Literal["modbus"]
    connection: Connection
    """How it is reached."""
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    """Unit id (slave address)."""
    addressing: Literal["plain", "5-digit", "6-digit"]
    """plain: addresses from 0 as sent. 5-digit: 40001 is the first holding register; 6-digit: 400001 is."""
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 1.0
    """How long an answer may take."""
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    """Registers that the device gives in one answer."""
    max_bits: Annotated[int, Field(ge=1, le=2000)] = 2000
    """Bits that the device gives in one answer."""
    max_gap: Annotated[int, Field(ge=0, le=124)] = 124
    """Registers (bits: sixteen for one) that are read through rather than asking twice; 0 where they are refused."""
    inter_frame_delay: Duration = 0.0
    """Pause between an answer and the next request to this endpoint."""
    turnaround_delay: Duration = 0.0
    """Further pause before a request to another unit of the same line."""
    quiet: Duration = 0.0
    """Serial: silence that is waited for after a time-out; left out: as long as the time-out."""
    retest: Duration = 600.0
    """How often an address that the device refused is tried again."""
    tags: tuple[ModbusTag, ...]
    """What is read."""

    @model_validator(mode="after")
    def _addressable(self) -> ModbusDevice:
        if not isinstance(self.connection, TcpConnection) and not 1 <= self.unit <= 247:
            raise PydanticCustomError(
                "unit", "unit {unit} is none of a serial line, which has 1 to 247", {"unit": self.unit}
            )
        return self

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """Flags for bits, text for strings and enumerations, else numbers."""
        if not isinstance(tag, ModbusTag):
            raise TypeError(f"{tag.name} is no tag of a Modbus device")
        if tag.type == "bit":
            return "flag"
        return "text" if tag.type == "string" or tag.enum is not None else "number"

    def tag_source(self, tag: TagSettings) -> Source | None:
        """The addresses in the notation of the settings, and type and order of what stands there."""
        if not isinstance(tag, ModbusTag):
            raise TypeError(f"{tag.name} is no tag of a Modbus device")
        last = f"-{tag.address + tag.words - 1}" if tag.words > 1 else ""
        at = f"{tag.table or ''} {tag.address}{last} ({self.addressing}), unit {self.unit}".strip()
        beside = (
            f"bit {tag.bit}" if tag.bit is not None else "",
            f"mask {tag.mask:#x}" if tag.mask is not None else "",
            "enum" if tag.enum is not None else "",
        )
        coded = " ".join(part for part in (tag.type, tag.order, *beside) if part)
        return Source(at=at, coded=coded, scale=tag.scale, offset=tag.offset)

    def endpoint(self) -> str:
        """``tcp://host:port``, ``rtu-over-tcp://host:port`` or ``/dev/ttyUSB0``."""
        match self.connection:
            case RtuConnection(port=port):
                return port
            case TcpConnection(host=host, port=number) | RtuOverTcpConnection(host=host, port=number):
                return f"{self.connection.type}://{endpoint(host, number)}"

    def address(self) -> str:
        """``tcp://host:port/unit`` or ``/dev/ttyUSB0/unit``."""
        return f"{self.endpoint()}/{self.unit}"

    def serial_port(self) -> str:
        """The line that it is on."""
        return self.connection.port if isinstance(self.connection, RtuConnection) else ""

    def all_tags(self) -> tuple[ModbusTag, ...]:
        """The tags."""
        return self.tags


def endpoint_key(device: ModbusDevice) -> Hashable:
    """Devices of one key share a connection: gateways accept few, and a serial port has one owner."""
    match device.connection:
        case RtuConnection(port=port):
            return port
        case TcpConnection(host=host, port=number) | RtuOverTcpConnection(host=host, port=number):
            return host.lower(), number


def check(devices: Sequence[ModbusDevice]) -> list[tuple[tuple[str | int, ...], str]]:
    """Faults that one model cannot see: see `edge_agent.drivers.base.Driver.check`."""
    from edge_agent.drivers.modbus.addresses import faults  # it needs the models above

    found: list[tuple[tuple[str | int, ...], str]] = []
    first: dict[Hashable, ModbusDevice] = {}
    units: dict[tuple[Hashable, int], ModbusDevice] = {}
    for index, device in enumerate(devices):
        found += [((index, *path), message) for path, message in faults(device)]
        key = endpoint_key(device)
        other = first.setdefault(key, device)
        if other.connection != device.connection:
            found.append(((index, "connection"), f"differs from that of {other.name!r}, which has the same endpoint"))
        same = units.setdefault((key, device.unit), device)
        if same is not device:
            found.append(((index, "unit"), f"unit {device.unit} of this endpoint is {same.name!r} already"))
    return found
