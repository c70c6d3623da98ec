"""Makes what the sink writes to: database and retention policy (1.x), bucket and DBRP mapping (2.x), database (3.x).

Sources: docs.influxdata.com, InfluxDB 1 "Manage your database with InfluxQL", InfluxDB 2 "POST /api/v2/dbrps" and
"POST /api/v2/buckets", InfluxDB 3 "POST /api/v3/configure/database". What is there already stays as it is; how long
data is kept is never shortened, since that deletes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import urllib3
from influxdb_client import BucketRetentionRules, DBRPCreate, InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.dbr_ps_service import DBRPsService

from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.transport import PlainHttp, discreet, identifier

DEFAULT_POLICY = "autogen"
"""The policy that InfluxDB 1.x makes with a database."""
LEAST = 3600.0
"""Seconds: InfluxDB keeps no shorter."""
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
EXISTS = 409


class ShorterError(ValueError):
    """What is asked for is shorter than what is kept now."""


def prepare(settings: InfluxSettings, keep: float | None) -> list[str]:
    """Make what is missing; what was found and done, a sentence each. `keep` in seconds; None: for ever, or as it is.

    Raises SinkUnavailable with the store's words, and ShorterError.
    """
    if keep is not None and keep < LEAST:
        raise ShorterError(f"InfluxDB keeps {LEAST:.0f} s at least")
    if settings.api == "v1":
        return _prepare_v1(settings, keep)
    try:
        version = _version(settings)
        return _prepare_v3(settings, keep) if version.startswith("3") else _prepare_v2(settings, keep)
    except ApiException as err:
        words = discreet(settings, str(err.body or err.reason))
        raise SinkUnavailable(f"{settings.url} answers {err.status}: {words}") from None
    except urllib3.exceptions.HTTPError as err:
        raise SinkUnavailable(f"{settings.url}: {err}") from err


# -- 1.x, openGemini


def _prepare_v1(settings: InfluxSettings, keep: float | None) -> list[str]:
    http = PlainHttp(settings)
    database, policy = settings.database or "", settings.retention_policy or DEFAULT_POLICY
    try:
        had = database in _column(http.command("SHOW DATABASES"), "name")
        if not had:
            http.command(f"CREATE DATABASE {identifier(database)}")
        told = [f"database {database}: {'was there' if had else 'made'}"]
        return [*told, *_policy(http.command, database, policy, keep, made=not had)]
    finally:
        http.close()


def _policy(
    command: Callable[[str], list[dict[str, Any]]], database: str, policy: str, keep: float | None, *, made: bool
) -> list[str]:
    """`made`: the database is new, so that nothing is deleted whatever is kept."""
    at = f"{identifier(policy)} ON {identifier(database)}"
    found = command(f"SHOW RETENTION POLICIES ON {identifier(database)}")
    known = dict(zip(_column(found, "name"), _column(found, "duration"), strict=True))
    default = dict(zip(_column(found, "name"), _column(found, "default"), strict=True)).get(policy)
    told = f"retention policy {policy}: keeps {_words(keep)}"
    if policy not in known:
        command(f"CREATE RETENTION POLICY {at} DURATION {_influx(keep)} REPLICATION 1 DEFAULT")
        return [f"{told}, made, and the default one"]
    beside = [] if default else [f"retention policy {policy} is not the default one, which is what dashboards read"]
    now = _seconds(str(known[policy]))
    if keep is None or now == keep:
        return [f"retention policy {policy}: was there, keeps {_words(now)}", *beside]
    if not made:
        _not_shorter(now, keep, f"retention policy {policy} of {database}")
    command(f"ALTER RETENTION POLICY {at} DURATION {_influx(keep)}")
    return [told if made else f"{told}, instead of {_words(now)}", *beside]


def _not_shorter(now: float | None, keep: float, what: str) -> None:
    if now is None or keep < now:
        raise ShorterError(
            f"{what} keeps {_words(now)}: to keep {_words(keep)} would delete what is older, and is left to you"
        )


def _column(found: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[each["columns"].index(name)] for each in found for row in each.get("values", [])]


def _influx(keep: float | None) -> str:
    return "INF" if keep is None else f"{round(keep)}s"


def _seconds(text: str) -> float | None:
    """A duration as 1.x writes it (168h0m0s); None: for ever."""
    total = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text))
    return total or None


def _words(keep: float | None) -> str:
    return "for ever" if keep is None else f"{keep / 86_400:g} days"


# -- 2.x, 3.x


def _version(settings: InfluxSettings) -> str:
    pool = urllib3.PoolManager(timeout=settings.timeout, ca_certs=str(settings.ca) if settings.ca else None)
    answer = pool.request("GET", f"{settings.url.rstrip('/')}/ping", headers=_headers(settings), retries=False)
    try:
        body = json.loads(answer.data)
    except ValueError:
        body = {}
    return str(answer.headers.get("x-influxdb-version") or body.get("version", "")).removeprefix("v")


def _headers(settings: InfluxSettings) -> dict[str, str]:
    token = settings.token.get_secret_value() if settings.token else ""
    return {"authorization": f"Token {token}"}


def _prepare_v2(settings: InfluxSettings, keep: float | None) -> list[str]:
    token = settings.token.get_secret_value() if settings.token else ""
    name, database = settings.bucket or "", settings.database or settings.bucket or ""
    with InfluxDBClient(
        url=settings.url, token=token, org=settings.org or "", timeout=round(settings.timeout * 1000),
        ssl_ca_cert=str(settings.ca) if settings.ca else None,
    ) as client:  # fmt: skip
        buckets = client.buckets_api()
        bucket = buckets.find_bucket_by_name(name)
        told = [f"bucket {name}: was there"]
        if bucket is None:
            bucket = buckets.create_bucket(bucket_name=name, retention_rules=_expire(keep), org=settings.org)
            told = [f"bucket {name}: made, keeps {_words(keep)}"]
        elif keep is not None:
            now = next((float(rule.every_seconds) for rule in bucket.retention_rules if rule.every_seconds), None)
            if now != keep:
                _not_shorter(now, keep, f"bucket {name}")
                bucket.retention_rules = [_expire(keep)]
                buckets.update_bucket(bucket)
                told = [f"bucket {name}: keeps {_words(keep)}, instead of {_words(now)}"]
        return [*told, _mapping(DBRPsService(client.api_client), settings, bucket.id, database)]  # type: ignore[no-untyped-call]


def _expire(keep: float | None) -> BucketRetentionRules:
    """InfluxDB 2 takes 0 for ever."""
    return BucketRetentionRules(type="expire", every_seconds=round(keep or 0))  # type: ignore[no-untyped-call]


def _mapping(service: Any, settings: InfluxSettings, bucket: str, database: str) -> str:
    """The DBRP mapping, without which nothing of InfluxQL finds the bucket."""
    found = service.get_dbr_ps(org=settings.org, db=database).content or []
    told = f"InfluxQL finds the bucket as database {database}"
    mapped = [each for each in found if not each.virtual]
    if any(each.bucket_id == bucket for each in mapped):
        return f"{told}: was so"
    if mapped:
        raise SinkUnavailable(
            f"{settings.url}: database {database} is mapped to another bucket ({mapped[0].bucket_id})"
        )
    service.post_dbrp(DBRPCreate(  # type: ignore[no-untyped-call]
        org=settings.org, bucket_id=bucket, database=database, retention_policy=DEFAULT_POLICY, default=True
    ))  # fmt: skip
    return f"{told}: mapped"


def _prepare_v3(settings: InfluxSettings, keep: float | None) -> list[str]:
    name = settings.bucket or ""
    body: dict[str, str] = {"db": name} | ({} if keep is None else {"retention_period": f"{round(keep)}s"})
    pool = urllib3.PoolManager(timeout=settings.timeout, ca_certs=str(settings.ca) if settings.ca else None)
    url = f"{settings.url.rstrip('/')}/api/v3/configure/database"
    answer = pool.request("POST", url, json=body, headers=_headers(settings), retries=False)
    if answer.status == EXISTS:
        return [f"database {name}: was there; how long it keeps is not changed (InfluxDB 3 Core cannot)"]
    if answer.status != 200:
        words = discreet(settings, answer.data.decode(errors="replace")[:500])
        raise SinkUnavailable(f"{settings.url} answers {answer.status}: {words}")
    return [f"database {name}: made, keeps {_words(keep)}"]
