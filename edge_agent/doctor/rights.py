"""What a broker lets a program do, as doctor tells it of a trial of its rights."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from config.doctor.finding import Finding, fault, ok, warning
from config.doctor.network import BROKER, NOT_IN
from edge_agent.uplink.client import LinkDownError
from edge_agent.uplink.rights import Right

RIGHTS = "rights"


def trial_findings(own: str, trial: Coroutine[Any, Any, list[Right]], fine: str) -> Iterator[Finding]:
    """Run a trial under the id `own`; `fine`: what it means that all is as it should be."""
    try:
        found = asyncio.run(trial)
    except LinkDownError as err:
        yield fault(BROKER, f"it does not let {own} in: {err}", NOT_IN)
    except OSError as err:
        yield fault(BROKER, str(err), "docs/secure.md")
    else:
        yield from judged(found, fine)


def judged(found: list[Right], fine: str) -> Iterator[Finding]:
    """What trying said: a right that is missing is a fault, one too many a warning."""
    wrong = [each for each in found if not each.fine]
    if not wrong:
        yield ok(RIGHTS, f"{len(found)} tried: {fine}")
    for each in wrong:
        if each.what.startswith("must not"):
            yield warning(RIGHTS, f"it {each.what}, and it can", each.advice)
        else:
            yield fault(RIGHTS, f"it may not {each.what}", each.advice)
