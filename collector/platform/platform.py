"""The platform behind its ports: takes a frame apart, judges it, notes it, and answers as it was told."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from collector.platform import cm6, family_m, family_s, sealed, static_tables, transitions
from collector.platform.course import Course
from collector.platform.digests import Check, DigestError
from collector.platform.fields import Fault, now
from collector.platform.ledger import Ledger, Value

log = logging.getLogger(__name__)
MOST_BYTES = 10_240
"""Bytes of a frame at most (notes, 1.8)."""
_ANSWER = re.compile(r"(success|error:\d{3}|nothing|slow:[\d.]+|close)(?:x(\d+))?")


@dataclass(frozen=True, slots=True)
class Secret:
    """How bodies are encrypted: `kind` none, aes-128-cbc (base64) or sm4-cbc (upper-case hexadecimal)."""

    kind: str = "none"
    key: bytes = b""
    iv: bytes = b""

    def opened(self, text: str) -> bytes:
        """A body as it was before encryption; ValueError says what is wrong."""
        if self.kind == "none":
            return text.encode()
        try:
            raw = base64.b64decode(text, validate=True) if self.kind == "aes-128-cbc" else bytes.fromhex(text)
        except ValueError as err:
            raise ValueError(f"not written as {'base64' if self.kind == 'aes-128-cbc' else 'hexadecimal'}") from err
        if self.kind == "sm4-cbc" and text != text.upper():
            raise ValueError("expected upper-case hexadecimal")
        algorithm = algorithms.AES128 if self.kind == "aes-128-cbc" else algorithms.SM4
        decryptor = Cipher(algorithm(self.key), modes.CBC(self.iv)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(raw) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said to a packet: an HTTP status, a body, and whether the connection is then cut."""

    status: int
    body: dict[str, Any] | None
    delay: float = 0.0
    cut: bool = False


Plan = Iterator[str]
"""``success``, ``error:CODE``, ``nothing``, ``slow:SECONDS``, ``close``, one a packet."""


def plan(text: str) -> Plan:
    """``error:400x3,nothing,success``: each as often as it says, the last one for ever. ValueError: what was meant."""
    steps: list[tuple[str, int]] = []
    for part in text.split(","):
        match = _ANSWER.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part!r} is no answer; expected success, error:CODE, nothing, slow:SECONDS or close, x3")
        steps.append((match[1], int(match[2] or 1)))
    return _endless(steps)


def _endless(steps: list[tuple[str, int]]) -> Plan:
    for word, times in steps[:-1]:
        yield from [word] * times
    word, times = steps[-1]
    while True:
        yield word


class Platform:
    """Judges packets; `told` is called with a line a packet. `tables`: interface id → static table, beside its name.

    `digest`: the keyed digest that every packet must have; `intervals`: see `Course`; `clock`: ms since 1970 UTC.
    """

    def __init__(
        self, ledger: Ledger, secret: Secret, answers: Plan, told: Callable[[str], None] = lambda _: None,
        *, tables: Mapping[str, str] = MappingProxyType({}), digest: Check | None = None,
        intervals: Mapping[str, float] = MappingProxyType({}), clock: Callable[[], int] = now,
    ) -> None:  # fmt: skip
        self._ledger, self._secret, self._answers, self._told = ledger, secret, answers, told
        self._tables, self._digest, self._clock = tables, digest, clock
        self._course = Course(ledger, intervals)
        self._register = cm6.Register()

    def push(self, path: str, raw: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
        """A push of an electronic seal by its path; noted before this returns, as `take` does."""
        received = self._clock()
        try:
            if self._digest is not None:
                self._digest.check_headers(raw, headers)
            body = json.loads(raw, parse_constant=_no_number)
        except DigestError as err:
            return self._untrusted(raw, err, {"code": 401, "msg": str(err)})
        except ValueError as err:
            faults, body = [Fault("", f"is no JSON: {err}")], raw.decode(errors="replace")[:4000]
        else:
            faults = list(self._register.faults(path, body) if path.startswith(cm6.BASE) else sealed.faults(body))
        if faults:
            self._ledger.refuse(received, faults, json.dumps(body, ensure_ascii=False))
            words = "; ".join(f"{where}: {reason}" for where, reason in faults[:5])
            self._told(f"refused {path}: {words}")
            return Reply(400, {"code": 400, "msg": words})
        kind, _, detail = next(self._answers).partition(":")
        if kind in ("error", "nothing"):
            self._told(f"{path}: told to answer {detail or 'nothing'}")
            return Reply(int(detail), {"code": int(detail), "msg": "as told"}) if detail else Reply(0, None)
        by_path = path.startswith(cm6.BASE)
        identity = hashlib.sha256(path.encode() + raw).hexdigest() if by_path else body["msgId"]
        found = cm6.values(path, body, identity, received) if by_path else sealed.values(body)
        for where, _camera, wrong, _sha in cm6.pictures(path, body) if by_path else ():
            if wrong:
                self._ledger.find(received, f"{where}: {wrong}; the picture is dropped, and nothing else")
        new = self._ledger.accept(identity, "CM6" if by_path else "seal", received, body, found)
        self._told(f"{path} {identity[:36]}{'' if new else ' (known already)'}")
        answer = {"code": 200, "msg": "操作成功"} if by_path else {"success": True, "msgId": identity}
        return Reply(200, answer, delay=float(detail) if kind == "slow" else 0.0, cut=kind == "close")

    def take(self, raw: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
        """One frame, and what is said to it. It is in the ledger before this returns."""
        received = self._clock()
        try:
            if self._digest is not None:
                self._digest.check_headers(raw, headers)
            identity, service, body = self._unframed(raw)
        except DigestError as err:
            return self._untrusted(raw, err, _error("", "401", "INVALID_DIGEST", str(err)))
        except ValueError as err:
            self._ledger.refuse(received, [("", str(err))], raw.decode(errors="replace")[:4000])
            self._told(f"refused: {err}")
            return Reply(400, _error("", "400", "INVALID_FRAME", str(err)))
        table = self._tables.get(service, service)
        if isinstance(body, list) and table not in static_tables.TABLES:
            words = f"serviceId {service!r} is none of a static table, and the body is a list"
            self._ledger.refuse(received, [("serviceId", words)], json.dumps(body, ensure_ascii=False))
            self._told(f"refused {identity}: {words}")
            return Reply(401, _error(identity, "401", "INVALID_SERVICE_ID", words))
        faults = [*self._faults(identity, table, body, received)]
        if faults:
            self._ledger.refuse(received, faults, json.dumps(_kept(body), ensure_ascii=False))
            words = "; ".join(f"{path}: {reason}" for path, reason in faults[:5])
            self._told(f"refused {identity}: {words}")
            return Reply(400, _error(identity, "400", "BUSINESS_ERROR", words))
        return self._answer(identity, table, body, received)

    def _untrusted(self, raw: bytes, err: DigestError, answer: dict[str, Any]) -> Reply:
        """A packet of which nobody knows whether it is the sender's: nothing of it is looked at."""
        self._ledger.refuse(self._clock(), [("digest", str(err))], raw.decode(errors="replace")[:4000])
        self._told(f"refused: {err}")
        return Reply(401, answer)

    def _faults(self, identity: str, table: str, body: Any, received: int) -> Iterator[Fault]:
        if table in static_tables.TABLES:
            yield from static_tables.faults(table, body)
            return
        if body.get("dataId") != identity:
            yield Fault("dataId", f"is not the {identity} of the frame")
        yield from _family(body).faults(body)
        yield from self._course.faults(_family(body).told(body), received)

    def _answer(self, identity: str, table: str, body: Any, received: int) -> Reply:
        kind, _, detail = next(self._answers).partition(":")
        name = "S" if isinstance(body, list) or _family(body) is family_s else "M"
        if kind == "error":
            self._told(f"{name} {identity}: told to answer {detail}")
            return Reply(int(detail), _error(identity, detail, "TOLD", "as told"))
        if kind == "nothing":
            self._told(f"{name} {identity}: told to say nothing")
            return Reply(0, None)
        values, what, count = [*_values(table, body, identity)], table, f"{len(body)} rows"
        if not isinstance(body, list):
            what, count = body["reportType"], f"{len(body.get('datas') or body.get('alarms') or ())} values"
        new = self._ledger.accept(identity, name, received, _kept(body), values)
        if not new and _said(self._ledger.body(identity)) != _said(_kept(body)):
            self._ledger.find(received, f"packet {identity} came once more with another content; the first one holds")
        elif new and not isinstance(body, list):
            self._find(body, values, received)
        self._told(f"{name} {identity}: {what}, {count}{'' if new else ' (known already)'}")
        if kind == "close":
            return Reply(0, None, cut=True)
        return Reply(200, {"success": True, "dataId": identity}, delay=float(detail) if kind == "slow" else 0.0)

    def _find(self, body: dict[str, Any], values: list[Value], received: int) -> None:
        """Note what is odd about a packet beside those before it."""
        odd = list(transitions.findings(body, self._ledger))
        if (told := _family(body).told(body)) is not None:
            odd += self._course.findings(told, values, received)
        self._ledger.find(received, *odd)
        for text in odd:
            self._told(f"finding: {text}")

    def _unframed(self, raw: bytes) -> tuple[str, str, Any]:
        """The ids of packet and service that the frame gives, where it does, and the body: an object or a list.

        ValueError says what is wrong with the frame.
        """
        if len(raw) > MOST_BYTES:
            raise ValueError(f"a frame of {len(raw)} bytes; at most {MOST_BYTES} are taken")
        outer = _json(raw, "the frame", dict)
        if "data" in outer and ("appId" in outer or "appid" in outer):
            known = {"appId", "serviceId", "dataId", "data", "districtCode"} if "appId" in outer else {"appid", "data"}
            required = known - {"districtCode"}
            text = outer["data"]
        elif "report" in outer and "datas" not in outer:
            known = required = {"enterpriseId", "report"}
            text = outer["report"]
        elif self._secret.kind == "none" and not (self._digest is not None and self._digest.field):
            return str(outer.get("dataId", "")), "", outer
        else:
            raise ValueError("no frame that carries a body: the cipher, or the digest in a field, needs one")
        if self._digest is not None and self._digest.field:
            self._digest.check_field(outer.pop(self._digest.field, None), str(text))
        if missing := required - outer.keys():
            raise ValueError(f"the frame lacks {', '.join(sorted(missing))}")
        if more := outer.keys() - known:
            raise ValueError(f"the frame has fields that are not known: {', '.join(sorted(more))}")
        if not all(isinstance(outer[name], str) and outer[name] for name in required):
            raise ValueError("the fields of a frame are texts that are not empty")
        try:
            body = _json(self._secret.opened(text), "the body", dict, list)
        except ValueError as err:
            raise ValueError(f"the body cannot be opened: {err}") from err
        identity = outer.get("dataId", body.get("dataId", "") if isinstance(body, dict) else "")
        return str(identity), str(outer.get("serviceId", "")), body


def _family(body: Mapping[str, Any]) -> ModuleType:
    return family_m if "enterpriseCode" in body else family_s


def _values(table: str, body: Any, identity: str) -> Iterable[Value]:
    return static_tables.values(table, body, identity) if isinstance(body, list) else _family(body).values(body)


def _kept(body: Any) -> Any:
    return body if isinstance(body, list) else _family(body).kept(body)


def _said(kept: Any) -> Any:
    """What a packet says, whether live or resumed; of one that tells of persons nobody knows."""
    if isinstance(kept, str):
        return None
    return kept | {"reportType": ""} if isinstance(kept, dict) else kept


def _json(raw: bytes, what: str, *kinds: type) -> Any:
    try:
        found = json.loads(raw, parse_constant=_no_number)
    except ValueError as err:
        raise ValueError(f"{what} is no JSON: {err}") from err
    if not isinstance(found, kinds):
        raise ValueError(f"{what} is no JSON {' or '.join('object' if kind is dict else 'list' for kind in kinds)}")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _error(identity: str, code: str, name: str, message: str) -> dict[str, Any]:
    return {"success": False, "dataId": identity, "error": {"code": code, "id": name, "message": message}}
