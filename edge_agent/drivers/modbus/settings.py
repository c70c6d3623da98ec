"""Settings of Modbus devices and tags.

Source of the protocol's bounds: Modbus Application Protocol V1.1b3, 6.1 to 6.4 (125 registers, 2000 bits a request);
Modbus over Serial Line V1.02, 2.5.1 (framing, silent intervals).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings
from edge_agent.tags import DeviceSettings, TagSettings

Table = Literal["coil", "discrete-input", "holding-register", "input-register"]
BIT_TABLES = ("coil", "discrete-input")
Type = Literal[
    "bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string", "bcd16", "bcd32"
]
WORDS: dict[str, int] = {
    "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4, "float32": 2, "float64": 4,
    "bcd16": 1, "bcd32": 2, "bit": 1,
}  # fmt: skip
"""Registers that a value takes."""
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]


class TcpConnection(Settings):
    """Modbus TCP."""

    type: Literal["tcp"]
    host: str
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 502


class RtuOverTcpConnection(Settings):
    """RTU frames over TCP, as serial device servers speak it."""

    type: Literal["rtu-over-tcp"]
    host: str
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]


class RtuConnection(Settings):
    """A serial line (RS-485, RS-232)."""

    type: Literal["rtu"]
    port: str
    """Device file, such as /dev/ttyUSB0."""
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """Bits a second."""
    parity: Literal["N", "E", "O"] = "N"
    """None, even or odd. The standard asks for even; most instruments are set to none."""
    stopbits: Literal[1, 2] = 1
    bytesize: Literal[7, 8] = 8


Connection = Annotated[TcpConnection | RtuOverTcpConnection | RtuConnection, Field(discriminator="type")]


def _mask(raw: object) -> object:
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw < 2**64:
        return raw
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
    """Registers of a string."""
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
    enum: dict[str, str] | None = None
    """Text for each number, such as {0: stopped, 1: running}; a number without a text is bad:decode."""
    invalid: list[int] = Field(default_factory=list)
    """Raw numbers by which the instrument says that it has no value (bad:instrument), such as 0x7FFF."""

    @model_validator(mode="after")
    def _consistent(self) -> ModbusTag:
        if (self.type == "string") != (self.length is not None):
            raise PydanticCustomError("length", "length is for strings, and a string needs it: its number of registers")
        if self.type in ("bit", "string") and (self.scale, self.offset) != (1.0, 0.0):
            raise PydanticCustomError("scale", "scale and offset are for numbers, not for {type}", {"type": self.type})
        if self.mask is not None and not self.type.startswith("uint"):
            raise PydanticCustomError("mask", "a mask is for unsigned numbers, not for {type}", {"type": self.type})
        if self.bit is not None and self.type != "bit":
            raise PydanticCustomError("bit", "bit is for tags of type bit, not {type}", {"type": self.type})
        if self.enum is not None and not self.type.startswith(("int", "uint", "bcd")):
            raise PydanticCustomError("enum", "texts are for whole numbers, not for {type}", {"type": self.type})
        return self

    @property
    def words(self) -> int:
        """Registers (in bit tables: bits) that it takes."""
        return self.length if self.length is not None else WORDS[self.type]


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
    """Registers between two tags that are read through rather than asking twice; 0 where unused ones are refused."""
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

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """Flags for bits, text for strings and enumerations, else numbers."""
        assert isinstance(tag, ModbusTag)  # noqa: S101  # its own tags
        if tag.type == "bit":
            return "flag"
        return "text" if tag.type == "string" or tag.enum is not None else "number"

    def address(self) -> str:
        """``tcp://host:port/unit`` or ``/dev/ttyUSB0/unit``."""
        match self.connection:
            case RtuConnection(port=port):
                return f"{port}/{self.unit}"
            case TcpConnection(host=host, port=number) | RtuOverTcpConnection(host=host, port=number):
                return f"{self.connection.type}://{host}:{number}/{self.unit}"

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


def check(devices: list[ModbusDevice]) -> list[tuple[tuple[str | int, ...], str]]:
    """Faults that one model cannot see: see `edge_agent.drivers.base.Driver.check`."""
    from edge_agent.drivers.modbus.addresses import faults  # it needs the models above

    found: list[tuple[tuple[str | int, ...], str]] = []
    first: dict[Any, tuple[int, ModbusDevice]] = {}
    for index, device in enumerate(devices):
        found += [((index, *path), message) for path, message in faults(device)]
        other_index, other = first.setdefault(endpoint_key(device), (index, device))
        if other_index == index:
            continue
        if other.connection != device.connection:
            found.append(((index, "connection"), f"differs from that of {other.name!r}, which has the same endpoint"))
        elif other.unit == device.unit:
            found.append(((index, "unit"), f"unit {device.unit} of this endpoint is {other.name!r} already"))
    return found
