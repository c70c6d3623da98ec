"""Until when certificates and revocation lists hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from config.certificates import Lasting, lasting
from config.doctor.finding import Finding, fault, ok, span, warning
from config.keys import PemError

CHECK = "certificate"
RENEW = "renew it: docs/secure.md#renewing; a running program uses the new file from its next connection on"


def file_findings(files: Mapping[Path, str]) -> Iterator[Finding]:
    """Of each certificate and revocation list in some files, by what they are for; nothing where there are no files."""
    now = datetime.now(UTC)
    for file, of in files.items():
        try:
            found = lasting(file)
        except PemError as err:
            yield fault(CHECK, f"{of}: {err}", "put the right file there")
            continue
        except OSError as err:
            yield fault(CHECK, f"{of}: {file}: {err.strerror}", "put it there, or let the service's user read it")
            continue
        yield from (_judged(each, of, now) for each in found)


def _judged(each: Lasting, of: str, now: datetime) -> Finding:
    text = f"{of}: {each.what} ({each.file})"
    left, day = span(abs((each.ends - now).total_seconds())), each.ends.strftime("%Y-%m-%d %H:%M UTC")
    match each.state(now):
        case "expired":
            return fault(CHECK, f"{text} expired {left} ago, at {day}", RENEW)
        case "future":
            return fault(CHECK, f"{text} holds from {each.begins:%Y-%m-%d %H:%M} UTC only", "is the clock right?")
        case "expiring":
            return warning(CHECK, f"{text} expires in {left}, at {day}", RENEW)
        case _:
            return ok(CHECK, f"{text} holds {left} more")
