"""Two ways to one store: plain HTTP for the v1 API, the vendor's client for v2. Both write prepared lines at ns.

A refusal of the lines themselves (400, 422; 413 when they are too many bytes) is told apart from everything else, which
only waits: a wrong token, a bucket that does not exist, a store that is down or slow are states that end.
"""

from __future__ import annotations

import gzip
import json
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

import urllib3
from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from pydantic import SecretStr

from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sieve import LinesRefusedError
from config.secrets import hide

STORED = 204
"""The one status by which a write is acknowledged (both APIs); a log-in page or a proxy's greeting comes with 200."""
REFUSED = (400, 413, 422)
"""Status by which the store says that it cannot take these lines; 413, a body too large, is cured by halving."""
TEXT = "text/plain; charset=utf-8"
"""Content type of line protocol (https://docs.influxdata.com/influxdb/v2/api/#operation/PostWrite)."""


class Transport(Protocol):
    """Writes a body of lines; LinesRefusedError, or SinkUnavailable for all else."""

    def write(self, body: str) -> None:
        """Durable on return."""

    def close(self) -> None:
        """Release connections."""


class PlainHttp:
    """``/write`` and ``/query`` of InfluxDB 1.x (https://docs.influxdata.com/influxdb/v1/tools/api/)."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._pool = urllib3.PoolManager(
            num_pools=1, retries=False, timeout=settings.timeout, ca_certs=str(settings.ca) if settings.ca else None
        )
        self._headers: dict[str, str] = {}
        if settings.username is not None:
            password = settings.password.get_secret_value() if settings.password else ""
            self._headers = urllib3.make_headers(basic_auth=f"{settings.username}:{password}")
        elif settings.token is not None:
            self._headers = {"authorization": f"Token {settings.token.get_secret_value()}"}

    def write(self, body: str) -> None:
        """POST /write."""
        parameters = {"db": self._settings.database or self._settings.bucket or "", "precision": "ns"}
        if self._settings.retention_policy:
            parameters["rp"] = self._settings.retention_policy
        data, headers = body.encode(), self._headers
        if self._settings.gzip:
            data, headers = gzip.compress(data, 1), headers | {"content-encoding": "gzip"}
        self._call("POST", f"/write?{urlencode(parameters)}", data, headers, STORED)

    def query(self, statement: str) -> list[dict[str, Any]]:
        """The series that an InfluxQL statement gives; times in ms."""
        return self._ask("GET", statement)

    def command(self, statement: str) -> list[dict[str, Any]]:
        """The same of a statement that may change something."""
        return self._ask("POST", statement)

    def _ask(self, method: str, statement: str) -> list[dict[str, Any]]:
        database = self._settings.database or self._settings.bucket or ""
        path = f"/query?db={quote_plus(database)}&epoch=ms&q={quote_plus(statement)}"
        try:
            found = json.loads(self._call(method, path, None, self._headers, 200))
        except (ValueError, LinesRefusedError) as err:
            raise SinkUnavailable(f"{self._settings.url}: {err}") from err
        result = found["results"][0] if found.get("results") else {}
        if error := found.get("error") or result.get("error"):
            raise SinkUnavailable(discreet(self._settings, f"{self._settings.url}: {error}"))
        return list(result.get("series", []))

    def close(self) -> None:
        """Release connections."""
        self._pool.clear()

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str], expected: int) -> bytes:
        url = self._settings.url.rstrip("/") + path
        try:
            answer = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as err:
            raise SinkUnavailable(f"{self._settings.url}: {err}") from err
        if answer.status == expected:
            return answer.data
        raise _fault(self._settings, answer.status, _words(answer.data))


class VendorClient:
    """The v2 write API through influxdb-client, its own retries off: who waits how long is the collector's matter."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._bucket = settings.bucket or ""
        token = settings.token.get_secret_value() if settings.token else ""
        self._client = InfluxDBClient(
            url=settings.url, token=token, org=settings.org or "", timeout=round(settings.timeout * 1000),
            enable_gzip=settings.gzip, ssl_ca_cert=str(settings.ca) if settings.ca else None,
        )  # fmt: skip
        self._writer = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

    def write(self, body: str) -> None:
        """POST /api/v2/write."""
        try:
            _nothing, status, _headers = self._writer.post_write_with_http_info(  # type: ignore[no-untyped-call]
                self._settings.org or "", self._bucket, body, precision=WritePrecision.NS, content_type=TEXT
            )
        except ApiException as err:
            if not err.status:  # no answer at all: what TLS said
                raise SinkUnavailable(f"{self._settings.url}: {err.reason}") from err
            raise _fault(self._settings, err.status, _words(err.body)) from None  # it holds the whole answer
        except urllib3.exceptions.HTTPError as err:
            raise SinkUnavailable(f"{self._settings.url}: {err}") from err
        if status != STORED:
            raise _fault(self._settings, status, "no answer of a store")

    def close(self) -> None:
        """Release connections."""
        self._client.close()  # type: ignore[no-untyped-call]


def identifier(text: str) -> str:
    """A name in InfluxQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fault(settings: InfluxSettings, status: int | None, words: str) -> Exception:
    words = discreet(settings, words)
    if status in REFUSED:
        return LinesRefusedError(words)
    return SinkUnavailable(f"{settings.url} answers {status}: {words}")


def discreet(settings: InfluxSettings, words: str) -> str:
    """The store's words, or those of a proxy before it, without what it was sent to prove who we are."""
    secrets: list[SecretStr | str | None] = [settings.password, settings.token]
    if settings.username is not None and settings.password is not None:
        both = f"{settings.username}:{settings.password.get_secret_value()}"
        secrets.append(urllib3.make_headers(basic_auth=both)["authorization"].partition(" ")[2])
    return hide(words, secrets)


def _words(body: bytes | str | None) -> str:
    """The store's own words, without its JSON."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        found = json.loads(text)
    except ValueError:
        return text[:500].strip()
    return str(found.get("error") or found.get("message") or found)[:500] if isinstance(found, dict) else text[:500]
