"""What is fuzzed: each target takes bytes as far as the product would, and lets nothing pass but its typed error.

`TARGETS` names them. A target that returns has kept its promise; whatever it raises is a finding.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config.errors import ConfigError
from config.load import load
from config.model import Settings
from tests.fuzz import both_ends

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder: what it is run with, and examples of what it takes."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    slow: bool = False
    """Whether an input takes tens of milliseconds."""


@cache
def folder() -> Path:
    """Where targets put the files that they have read."""
    return both_ends.folder()


def close() -> None:
    """Leave nothing behind."""
    both_ends.close()
    if folder.cache_info().currsize:
        shutil.rmtree(folder())
        for made in (folder, _text_sources, _table_sources):
            made.cache_clear()


def said(err: Exception) -> None:
    """An error without words helps nobody."""
    assert str(err)


def told(path: Path, read: Callable[[Path], Any]) -> None:
    """Read a file of settings: it holds, or every mistake has its place."""
    try:
        read(path)
    except ConfigError as err:
        problems = err.problems
    else:
        return
    assert problems
    assert all(each.line >= 1 and each.column >= 1 and str(each).isprintable() for each in problems)


# -- settings, profiles, tag lists


def agent_settings(data: bytes) -> None:
    from edge_agent.settings import load_agent

    path = folder() / "agent.yaml"
    path.write_bytes(data)
    told(path, load_agent)


def collector_settings(data: bytes) -> None:
    from collector.settings import load_collector

    path = folder() / "collector.yaml"
    path.write_bytes(data)
    told(path, load_collector)


def profile(data: bytes) -> None:
    from profiles.load import Shelf

    own = folder() / "profiles"
    own.mkdir(exist_ok=True)
    path = own / "own.yaml"
    path.write_bytes(data)

    def read(_path: Path) -> None:
        Shelf([own]).check()

    told(path, read)


class _Rows(Settings):
    rows: tuple[dict[str, Any], ...]


def _table(name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        (folder() / name).write_bytes(data)
        path = folder() / f"{name}.yaml"
        path.write_text(f"rows: !include {name}\n", encoding="utf-8")
        told(path, lambda each: load(each, _Rows))

    return run


def _workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (("name", "address", "limits.HH"), ("T101", 40001, 11.5), ("T102", "40003", None)):
        book.active.append(row)
    path = folder() / "seed.xlsx"
    book.save(path)
    return path.read_bytes()


def _agent_seeds() -> list[bytes]:
    return _yaml_seeds("config/templates/agent/*.yaml", "tests/cases/config/*/agent.yaml")


def _profile_seeds() -> list[bytes]:
    return _yaml_seeds("profiles/library/own/*.yaml", "profiles/library/mines/coal-water.yaml")


def _yaml_seeds(*places: str) -> list[bytes]:
    """The files, and each as JSON, which is YAML as well, so that it is changed in its structure too."""
    found = [path.read_bytes() for place in places for path in sorted(ROOT.glob(place))]
    return [*found, *(as_json for each in found if (as_json := _as_json(each)))]


def _as_json(text: bytes) -> bytes:
    try:
        return json.dumps(yaml.safe_load(text), ensure_ascii=False).encode()
    except (yaml.YAMLError, TypeError):
        return b""  # one with tags or dates, or a broken one


# -- files of other systems


@cache
def _text_sources() -> list[tuple[Any, Any, str]]:
    from edge_agent.drivers.files.driver import source
    from edge_agent.drivers.files.readings import Tags
    from edge_agent.drivers.files.settings import FilesDevice

    found = []
    for name in ("coal-safety", "coal-personnel", "coal-water", "coal-pressure"):
        device = FilesDevice.model_validate(
            {
                "name": "mine", "driver": "files", "folder": str(folder()), "format": {"type": "text", "profile": name},
                "tags": [{"name": "CH4", "code": "14019990000101MN0001A0012", "unit": "%CH4"}],
            }
        )  # fmt: skip
        this = source(device)
        for kind in this._files.kinds:  # type: ignore[attr-defined]  # a test's look inside
            found.append((this, Tags(device.tags, coded=True), kind))
    return found


def text_file(data: bytes) -> None:
    """The first byte chooses the kind of file."""
    from edge_agent.drivers.files.source import UnfinishedError, UnusableError

    sources = _text_sources()
    this, tags, kind = sources[data[0] % len(sources)] if data else sources[0]
    try:
        taken = this.take(f"140199900001_{kind}_20270115080000.txt", data[1:], now=NOW, quiet=True)
    except (UnfinishedError, UnusableError) as err:
        said(err)
        return
    readings, _unclaimed = tags.readings(kind, taken.rows, "x")
    assert all(each.time >= 0 for each in readings)


def _text_seeds() -> list[bytes]:
    from profiles.textfile.codec import encode

    seeds = []
    for number, (this, _tags, kind) in enumerate(_text_sources()):
        files = this._files
        rows = []
        for value in ("0.52", "-1"):
            row = {}
            for name in files.kinds[kind].fields:
                rule = files.fields[name]
                row[name] = {"number": value, "time": "2027-01-15 08:00:00"}.get(rule.type, "14019990000101MN0001A0012")
            rows.append(row)
        head = {
            name: "140199900001" if name == files.mine else "2027-01-15 08:00:00" if name == files.time else "1"
            for name in files.header_of(kind)
        }
        seeds.append(bytes([number]) + encode(files, kind, head, rows))
    return seeds


@cache
def _table_sources() -> list[tuple[Any, Any, str]]:
    from edge_agent.drivers.files.driver import source
    from edge_agent.drivers.files.readings import Tags
    from edge_agent.drivers.files.settings import FilesDevice

    keys = {"time": "t", "point": "p", "value": "v", "state": {"field": "s", "good": ["ok"]}}
    forms: list[dict[str, Any]] = [
        {"type": "csv", "name": "*.csv", "time_format": "%Y-%m-%d %H:%M:%S", **keys},
        {"type": "csv", "name": "*.csv", "time_format": "s", "encoding": "gb18030", **keys},
        {"type": "json", "name": "*.json", "time_format": "ms", "records": "data", **keys},
        {"type": "json", "name": "*.json", "time_format": "%Y-%m-%d %H:%M:%S", "lines": True, **keys},
        {"type": "json", "name": "*.json", "time_format": "s", **keys},
    ]  # fmt: skip
    found = []
    for form in forms:
        device = FilesDevice.model_validate(
            {
                "name": "tables", "driver": "files", "folder": str(folder()), "format": form,
                "tags": [{"name": "N", "code": "a"}, {"name": "F", "code": "b", "type": "flag"},
                         {"name": "T", "code": "c", "type": "text"}],
            }
        )  # fmt: skip
        found.append((source(device), Tags(device.tags, coded=True), form["name"].replace("*", "x")))
    return found


def table_file(data: bytes) -> None:
    """CSV and JSON; the first byte chooses the form."""
    from edge_agent.drivers.files.source import UnfinishedError, UnusableError

    sources = _table_sources()
    this, tags, name = sources[data[0] % len(sources)] if data else sources[0]
    try:
        taken = this.take(name, data[1:], now=NOW, quiet=True)
    except (UnfinishedError, UnusableError) as err:
        said(err)
        return
    readings, _unclaimed = tags.readings("", taken.rows, "x")
    assert all(each.time >= 0 for each in readings)


def _table_seeds() -> list[bytes]:
    rows = [
        {"t": 1_799_999_999, "p": name, "v": value, "s": "ok"} for name, value in zip("abc", (1.5, 1, "x"), strict=True)
    ]
    later = [row | {"t": 1_799_999_999_000} for row in rows]
    dated = [row | {"t": "2027-01-15 08:00:00"} for row in rows]
    table = "t,p,v,s\n" + "".join("{t},{p},{v},{s}\n".format(**row) for row in dated)
    seconds = "t,p,v,s\n" + "".join("{t},{p},{v},{s}\n".format(**row) for row in rows)
    lines = "".join(json.dumps(row) + "\n" for row in dated)
    texts = [table, seconds, json.dumps({"data": later}), lines, json.dumps(rows)]
    return [bytes([number]) + text.encode() for number, text in enumerate(texts)]


def persons_part(data: bytes) -> None:
    from profiles.textfile.encrypted import EncryptedFileError, parse_part

    try:
        part = parse_part(data.decode("utf-8", "replace"))
    except EncryptedFileError as err:
        said(err)
        return
    assert 1 <= part.number <= part.of


def _part_seeds() -> list[bytes]:
    from profiles.textfile.encrypted import PersonKey, encrypt

    key = PersonKey(b"k" * 32)
    rows = [{"a": "b" * 30_000}]
    return [
        part.text().encode() for part in encrypt(key, "140199900001", "coal-personnel", "RYSS", NOW, {}, ["a"], rows)
    ]


# -- instruments


@cache
def _modbus() -> Any:
    from edge_agent.drivers.modbus.plan import plan
    from edge_agent.drivers.modbus.settings import ModbusDevice

    types = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bcd16", "bcd32")
    tags: list[dict[str, Any]] = []
    for order in ("ABCD", "CDAB", "BADC", "DCBA"):
        for kind in types:
            tag = {"name": f"{kind}-{order}", "type": kind, "order": order, "scale": 0.001, "invalid": [0x7FFF]}
            tags.append(tag | {"table": "holding-register", "address": len(tags) * 4})
    at = len(tags) * 4
    tags.append({"name": "s", "type": "string", "length": 8, "table": "holding-register", "address": at})
    tags.append({"name": "b", "type": "bit", "bit": 3, "table": "holding-register", "address": at + 4})
    tags.append({"name": "c", "type": "bit", "table": "coil", "address": 3})
    device = ModbusDevice.model_validate(
        {
            "name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": "127.0.0.1"}, "unit": 1,
            "addressing": "plain", "tags": tags,
        }
    )  # fmt: skip
    return plan(device, device.tags, excluding={}, apart={})


def modbus_answer(data: bytes) -> None:
    """What comes upon a request, in two pieces: an answer exactly as asked for, or a doubt; then its values."""
    import struct

    from edge_agent.drivers.modbus.guard import FUNCTIONS, LinkError, RefusedError, Tap
    from edge_agent.drivers.modbus.reader import decode

    blocks = _modbus()
    block = blocks[data[0] % len(blocks)] if data else blocks[0]
    rtu = bool(data and data[0] & 0x80)
    request = struct.pack(">BBHH", 1, FUNCTIONS[block.table], block.address, block.count)
    tap = Tap(rtu=rtu)
    tap.start()
    tap.expect(lambda: None)
    tap.packet(True, request + b"\0\0" if rtu else struct.pack(">HHH", 7, 0, 6) + request)
    answer = data[2:]
    for end in (data[1] % (len(answer) + 1) if data[1:] else 0, len(answer)):
        tap.packet(False, answer[:end])
    try:
        body = tap.answer()
    except (LinkError, RefusedError) as err:
        said(err)
        body = data[1:].ljust(2 * block.count, b"\0")[: 2 * block.count]
    readings = decode(block, body, NOW)
    assert len(readings) == len(block.slots)


def _modbus_seeds() -> list[bytes]:
    import struct

    seeds = []
    for number, block in enumerate(_modbus()):
        size = (block.count + 7) // 8 if block.table == "coil" else 2 * block.count
        head = struct.pack(">HHHBBB", 7, 0, 3 + size, 1, 1 if block.table == "coil" else 3, size)
        seeds.append(bytes([number, 3]) + head + bytes(range(size)))
        seeds.append(bytes([number, 3]) + struct.pack(">HHHBBB", 7, 0, 3, 1, 0x83, 2))
    return seeds


def _of_64_bits(digits: str) -> int:
    """OPC UA has no longer ones."""
    if not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError(digits)
    return number


def opcua_value(data: bytes) -> None:
    """What asyncua made of a server's answer (its own decoder is not ours to mend), as far as a reading."""
    from asyncua import ua
    from asyncua.ua.uatypes import win_epoch_to_datetime

    from edge_agent.drivers.opcua.settings import OpcuaTag
    from edge_agent.drivers.opcua.values import reading

    try:
        told = json.loads(data, parse_int=_of_64_bits)
        status, source, text = int(told["status"]) & 0xFFFFFFFF, int(told["source"]) & (2**63 - 1), told.get("text")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        return  # no answer of a server
    value = ua.LocalizedText(text) if isinstance(text, str) else told.get("value")
    kind_of = ua.VariantType.Null if value is None else ua.VariantType.Variant
    time = win_epoch_to_datetime(source)
    answer = ua.DataValue(ua.Variant(value, kind_of), ua.StatusCode(status), SourceTimestamp=time)  # type: ignore[arg-type]
    for kind, path in (("number", ""), ("flag", ""), ("text", ""), ("number", "[1]"), ("text", "Text")):
        scale = {"scale": 2.5} if kind == "number" else {}
        tag = OpcuaTag.model_validate({"name": "t", "node": "nsu=http://x;s=t", "type": kind, "path": path} | scale)
        found = reading(tag, answer, NOW)
        assert found.time >= 0
        assert isinstance(found.value, int | float | str | bool | None)
        assert str(found.raw)


def _opcua_seeds() -> list[bytes]:
    head: dict[str, Any] = {"status": 0, "source": 134_000_000_000_000_000}
    values: list[dict[str, Any]] = [{"value": each} for each in (1.5, True, "x", [1, 2, 3], 2**40, None)]
    return [json.dumps(head | each).encode() for each in [*values, {"text": "x"}, {"value": 1, "status": 0x80340000}]]


def picture(data: bytes) -> None:
    """A camera's answer: a picture, or none."""
    from edge_agent.drivers.camera.capture.decoder import Decoder
    from edge_agent.drivers.camera.capture.snapshot import packet_of

    packet = packet_of(data, None)
    if packet is not None:
        found = Decoder().newest([packet])
        assert found is None or found[0].ndim == 3


def _picture_seeds() -> list[bytes]:
    import cv2
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    return [bytes(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, way])[1]) for way in (0, 1)]


def camera_challenge(data: bytes) -> None:
    from edge_agent.drivers.camera.capture.login import Login

    login = Login("user", "secret")
    text = data.decode("latin-1")
    if login.challenged(text):
        assert all("\n" not in value and "\r" not in value for value in login.header("GET", "http://x/y?z").values())


_CHALLENGES = [
    b'Digest realm="cam", nonce="abc", qop="auth", algorithm=MD5, opaque="x"', b'Basic realm="cam"',
    b'Basic realm="a", Digest realm="b", nonce="c", algorithm=SHA-256',
]  # fmt: skip

TARGETS: dict[str, Target] = {
    **{name: Target(run, seeds) for name, (run, seeds) in both_ends.TARGETS.items()},
    "agent-settings": Target(agent_settings, _agent_seeds, slow=True),
    "collector-settings": Target(collector_settings, lambda: _yaml_seeds("config/templates/collector/*.yaml")),
    "profile": Target(profile, _profile_seeds, slow=True),
    "tags-csv": Target(_table("tags.csv"), lambda: [b"name,address,limits.HH\nT101,40001,11.5\n"]),
    "tags-xlsx": Target(_table("tags.xlsx"), lambda: [_workbook()]),
    "text-file": Target(text_file, _text_seeds),
    "table-file": Target(table_file, _table_seeds),
    "persons-part": Target(persons_part, _part_seeds),
    "modbus-answer": Target(modbus_answer, _modbus_seeds),
    "opcua-value": Target(opcua_value, _opcua_seeds),
    "picture": Target(picture, _picture_seeds),
    "camera-challenge": Target(camera_challenge, lambda: list(_CHALLENGES)),
}  # fmt: skip
