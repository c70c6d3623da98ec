"""Is this computer's clock right, and does anything keep it so?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from config.doctor.finding import Finding, fault, ok, span, warning
from config.doctor.sntp import PORT, NoTimeError, ahead

CHECK = "clock"
EARLIEST = 1_704_067_200
"""2024-01-01, s since 1970 UTC: a clock before it was never set."""
DOUBTFUL = 1.0
"""Seconds by which a clock may be off before it is worth a look: whoever keeps one right keeps it better than that."""
WRONG = 60.0
"""Seconds beyond which an instrument's times are no longer taken (`clock: future`), and certificates are in doubt."""
KEEP = "let a time service keep it: `timedatectl set-ntp true`, or chrony with a server that this site reaches"


def clock_findings(synchronised: bool | None, error_ms: float | None, server: str | None) -> Iterator[Finding]:
    """`synchronised`, `error_ms`: what the kernel was told by a time service, None where it is not known.

    `server`: a time server, ``HOST`` or ``HOST:PORT``, to compare with; None: none is asked.
    """
    now = time.time()
    if now < EARLIEST:
        shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        yield fault(CHECK, f"it was never set: it shows {shown}", f"set it (date -s), then {KEEP}")
        return
    if synchronised is False:
        yield warning(CHECK, "no time service keeps it right", KEEP)
    elif synchronised is None:
        yield ok(CHECK, "this system does not say whether a time service keeps it right; compare with --ntp HOST")
    else:
        yield ok(CHECK, "a time service keeps it right" + (f", to {error_ms:g} ms" if error_ms is not None else ""))
    if server is not None:
        yield _compared(server)


def _compared(server: str) -> Finding:
    host, _colon, port = server.rpartition(":") if server.count(":") == 1 or "]" in server else (server, "", "")
    if not port.isdecimal():
        host, port = server, str(PORT)
    try:
        offset = ahead(host.strip("[]"), int(port))
    except NoTimeError as err:
        return warning(CHECK, f"it could not be compared: {err}", "is that a time server, and does UDP reach it?")
    way = "ahead of" if offset > 0 else "behind"
    text = f"it is {span(abs(offset))} {way} {server}"
    if abs(offset) >= WRONG:
        advice = f"times are wrong by as much: set it, then {KEEP}; readings are `uncertain:clock` for ten minutes then"
        return fault(CHECK, text, advice)
    return warning(CHECK, text, KEEP) if abs(offset) >= DOUBTFUL else ok(CHECK, text)
