"""What a camera itself says, over a pull-point subscription of ONVIF: asked for again and again, and given back.

Source: ONVIF Core Specification, event handling (CreatePullPointSubscription, PullMessages, Renew, Unsubscribe). No
filter of topics is sent, since cameras differ in what they understand of one: what is not wanted is left out here.
Reference parameters of the subscription (of WS-Addressing) are not sent back, which the package cannot.
"""

from __future__ import annotations

import asyncio
import datetime
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from edge_agent.drivers.camera.capture.conversation import READS, Conversation
from edge_agent.drivers.camera.capture.soap import DEVICE, EVENTS, MANAGE, PULL, loaded
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.findings import Said

LISTENS = READS | {"CreatePullPointSubscription", "PullMessages", "Renew", "Unsubscribe"}
"""What may be sent where it is wanted: four make, use and end a subscription in the camera, and set nothing."""
LASTS = 60.0
"""Seconds that a subscription is asked to last: one whose agent is gone is soon no burden to the camera."""
GRANTED = 10.0, 600.0
"""Least and most seconds that are believed of what the camera grants; renewed after half of it."""
WAIT = 5.0
"""Seconds that the camera may wait for something to say."""
MOST = 100
"""Messages that are asked for at once."""
PACE = 1.0
"""Seconds between two askings at least, however much it has to say."""
GOODBYE = 2.0
"""Seconds that the end of a subscription may take; the camera lets it run out otherwise."""
LONGEST = 120
"""Letters of a topic and of a source at most."""
_TOPIC = re.compile(rf"[\w./-]{{1,{LONGEST}}}", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Subscription:
    """The way to what one camera says."""

    def __init__(self, address: str, user: str, password: str, *, timeout: float) -> None:
        self._address, self._user, self._password, self._timeout = address, user, password, timeout

    def prepare(self) -> None:
        """Read what is needed to speak, once a process; LostError without the package. Not within an event loop."""
        loaded(DEVICE, EVENTS, PULL, MANAGE)

    async def said(self) -> AsyncGenerator[list[Said], None]:
        """Subscribe, and give what is said at each asking, be it nothing, until it is lost: it ends with LostError.

        Closed, it ends the subscription at the camera. A camera tells how its states are once anybody subscribes.
        """
        talk = Conversation(self._address, self._user, self._password, self._timeout, LISTENS)
        try:
            await talk.dated()
            asked = {"InitialTerminationTime": _duration(LASTS)}
            made = await talk.ask(EVENTS, await talk.place(EVENTS), "CreatePullPointSubscription", asked)
            address = getattr(getattr(getattr(made, "SubscriptionReference", None), "Address", None), "_value_1", None)
            place = talk.at_home(address, ("http", "https"))
            try:
                async with aclosing(_pull(talk, place, _granted(made))) as pulled:
                    async for each in pulled:
                        yield each
            finally:
                with suppress(LostError, TimeoutError):  # it runs out by itself
                    async with asyncio.timeout(GOODBYE):
                        await talk.ask(MANAGE, place, "Unsubscribe")
        finally:
            await talk.close()


async def _pull(talk: Conversation, place: str, granted: float) -> AsyncGenerator[list[Said], None]:
    renew_at = time.monotonic() + granted / 2
    asked = {"Timeout": datetime.timedelta(seconds=WAIT), "MessageLimit": MOST}
    while True:
        begun = time.monotonic()
        if begun >= renew_at:
            found = await talk.ask(MANAGE, place, "Renew", {"TerminationTime": _duration(LASTS)})
            renew_at = begun + _granted(found) / 2
        found = await talk.ask(PULL, place, "PullMessages", asked, wait=WAIT)
        yield [said for each in getattr(found, "NotificationMessage", None) or () if (said := _said(each)) is not None]
        await asyncio.sleep(begun + PACE - time.monotonic())


def _duration(seconds: float) -> str:
    return f"PT{seconds:.0f}S"


def _granted(told: Any) -> float:
    """Seconds that a subscription lasts, by the camera's own clock; what was asked for where it tells no such time."""
    try:
        lasts = float((told.TerminationTime - told.CurrentTime).total_seconds())
    except (AttributeError, TypeError):
        return LASTS
    least, most = GRANTED
    return max(least, min(most, lasts))


def _said(message: Any) -> Said | None:
    """None for what is no message of ONVIF's, or whose topic is no name."""
    try:
        topic = "/".join(part.rpartition(":")[2] for part in (message.Topic._value_1 or "").strip().split("/"))
        inner = message.Message._value_1
        source = ", ".join(f"{each.Name}={each.Value}" for each in _items(inner.Source))
        values = [_BOOLEANS.get(str(each.Value).strip().lower()) for each in _items(inner.Data)]
    except (AttributeError, TypeError):
        return None
    if not _TOPIC.fullmatch(topic):
        return None
    stands = next((each for each in values if each is not None), None)
    gone = getattr(inner, "PropertyOperation", None) == "Deleted"
    return Said(topic, "".join(filter(str.isprintable, source))[:LONGEST], False if gone else stands)


def _items(part: Any) -> list[Any]:
    return list(getattr(part, "SimpleItem", None) or ())
