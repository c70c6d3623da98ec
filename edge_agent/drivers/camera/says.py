"""Listens to what a camera itself says over ONVIF, in a thread of its own beside its clock's (`hints` says what for).

Whatever fails here is said once and tried again ever more rarely; the pictures are watched meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Protocol

from edge_agent.drivers.camera.capture.conversation import NoServiceError
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.capture.subscription import Subscription
from edge_agent.drivers.camera.findings import Finding, Moment, OpenFinding
from edge_agent.drivers.camera.hints import Hints
from profiles.wire.messages import Evidence

log = logging.getLogger(__name__)

AGAIN = (2.0, 60.0)
"""First and longest pause, s, before a subscription is made anew."""
RARELY = 300.0
"""Seconds until the next try where the log-in is refused (a camera locks out who tries too often), or there is no such
service."""
STEADY = 60.0
"""Seconds that a subscription must have lasted for the pauses to begin anew."""


class Post(Protocol):
    """Where it goes."""

    def found(self, camera: str, finding: Finding, evidence: tuple[Evidence, ...]) -> None:
        """Hand over a finding."""

    def noted(self, camera: str, text: str) -> None:
        """Have the agent tell what is wrong with the watching of a camera."""


class CameraSays:
    """See the module. `open_findings`: what an earlier run left open."""

    def __init__(
        self, name: str, subscription: Subscription, post: Post, open_findings: Mapping[str, OpenFinding]
    ) -> None:
        self._name, self._subscription, self._post = name, subscription, post
        self._hints = Hints(open_findings)
        self._stopping = threading.Event()
        self._told = ""

    def run(self) -> None:
        """Listen until `stop`; the subscription is then given back."""
        asyncio.run(self._until_stopped())

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    async def _until_stopped(self) -> None:
        listening = asyncio.create_task(self._keep_listening())
        await asyncio.to_thread(self._stopping.wait)
        listening.cancel()
        await asyncio.wait({listening})

    async def _keep_listening(self) -> None:
        pause, longest = AGAIN
        while True:
            begun = time.monotonic()
            soon = await self._try()
            if time.monotonic() - begun > STEADY:
                pause, soon = (
                    AGAIN[0],
                    True,
                )  # what was let in long is refused when the camera's clock was set meanwhile
            await asyncio.sleep(pause if soon else RARELY)
            pause = min(2 * pause, longest)

    async def _try(self) -> bool:
        """Listen until that fails, and say why; whether another try soon may help."""
        try:
            await asyncio.to_thread(self._subscription.prepare)
            await self._listen()
        except NoServiceError as err:
            if self._say(str(err)):
                self._post.noted(self._name, f"what it says itself (onvif_events) cannot be heard: {err}")
            return False
        except LostError as err:
            self._say(str(err))
            return not err.denied
        except Exception as err:  # a defect here must not end the listening for good (I6)
            log.exception("camera %s: what it says itself cannot be heard", self._name)
            self._say(type(err).__name__)
        return True

    async def _listen(self) -> None:
        begun = False
        async with aclosing(self._subscription.said()) as heard:
            async for said in heard:
                now = Moment(time.monotonic(), time.time_ns() // 1_000_000)
                if not begun:
                    begun = True
                    self._hints.begin(now)
                    self._say("")
                for finding in self._hints.hear(said, now):
                    self._post.found(self._name, finding, ())

    def _say(self, why: str) -> bool:
        """Why it is not heard, or that it is, once: whether that was news."""
        if why == self._told:
            return False
        self._told = why
        log.log(logging.WARNING if why else logging.INFO, "camera %s: what it says itself %s", self._name,
                f"is not heard: {why}" if why else "is heard again")  # fmt: skip
        return True
