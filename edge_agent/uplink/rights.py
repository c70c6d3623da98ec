"""What a broker lets an agent say and hear, found out by trying: only an echo proves a right.

Some brokers grant every subscription and acknowledge what they throw away (mosquitto 2.0.11 with MQTT 3.1.1), so that
their answers prove nothing. All is published under names that nobody can have, so that nobody takes it for data: what
the agent may say under the collector ``_trial``, where the shipped ACL lets it hear it again, and what it may not as
the agent ``_nobody``. One connection keeps its order (MQTT 5, 4.6): once the last echo is back, what has not come was
not let through.

The connection bears the agent's own id, as that is what is judged: where the broker ties ids to certificates it takes
the place of an agent that runs, which is back in a second and loses nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from config.mqtt import MqttSettings
from edge_agent.uplink.client import LinkDownError, MqttLink
from profiles.wire.topics import FROM_AGENT, NOBODY, PREFIX, TO_AGENT, TRIAL

PATIENCE = 5.0
"""Seconds to wait for what should come back."""
ATTEMPTS = 3
"""An agent that was thrown off is back within a second or two, and throws the trial off."""


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that was tried. `advice`: what to do where it is not as it should be; else empty."""

    what: str
    fine: bool
    advice: str = ""


async def try_rights(mqtt: MqttSettings, agent: str, *, patience: float = PATIENCE) -> list[Right]:
    """Try all that the agent must be able to do at its broker, and what it must not; again where it is thrown off.

    Whether it hears its acknowledgements shows in its backlog, not here: nobody but its collector may publish them.
    What others retain (their states) comes at once where it may be heard. A broker that ends the connection over a
    message that it does not let through cannot be judged beyond that.
    Raises LinkDownError when the broker does not let the agent in or ends the connection, OSError when a certificate or
    key cannot be used.
    """
    for _attempt in range(ATTEMPTS):
        if (found := await _once(mqtt, agent, patience)) is not None:
            return found
    raise LinkDownError("the broker ends the connection while rights are tried: over what it does not let through?")


async def _once(mqtt: MqttSettings, agent: str, patience: float) -> list[Right] | None:
    """None: the connection ended in between, perhaps since the agent itself took its place again."""
    trial = _Trial(agent)
    link = MqttLink(
        mqtt,
        mqtt.client_id or agent,
        will=None,
        on_message=trial.heard,
        on_received=lambda _mid: None,
        on_refused=lambda _mid, _why: None,
    )
    await link.open(trial.filters)
    try:
        for topic in trial.sent:
            link.publish(topic, trial.mark)
        echoed = asyncio.create_task(trial.echoed.wait())
        await asyncio.wait((echoed, link.lost), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        echoed.cancel()
        if link.lost.done() and not trial.echoed.is_set():
            return None
    finally:
        await link.close()
    return trial.judged()


class _Trial:
    """What is published, what came back, and what follows from it."""

    def __init__(self, agent: str) -> None:
        own, other = f"{PREFIX}/{TRIAL}/{agent}", f"{PREFIX}/{agent}/{NOBODY}"
        self.mark = secrets.token_hex(16).encode()
        self._agent = agent
        self._own = [f"{own}/{kind}" for kind in FROM_AGENT]
        self._forbidden = {
            f"{other}/data": "publish in the name of another agent",
            **{f"{own}/{kind}": f"publish its own {kind}, which its collector alone may" for kind in TO_AGENT},
            f"{TRIAL}/{agent}": f"publish outside {PREFIX}",
        }
        self.filters = [f"{own}/+", f"{other}/+", f"{PREFIX}/+/+/+", "#"]
        self.sent = [*self._forbidden, *self._own]
        """In this order: once all own ones are back, no forbidden one is under way."""
        self._back: set[str] = set()
        self._foreign: set[str] = set()
        self.echoed = asyncio.Event()

    def heard(self, topic: str, payload: bytes) -> None:
        if payload == self.mark:
            self._back.add(topic)
        elif not self._may_hear(topic):
            self._foreign.add(topic)
        if self._back.issuperset(self._own):
            self.echoed.set()

    def _may_hear(self, topic: str) -> bool:
        parts = topic.split("/")
        return topic.startswith("$") or (len(parts) == 5 and parts[3] in (self._agent, NOBODY))

    def judged(self) -> list[Right]:
        return [*map(self._may, self._own), *self._must_not(), self._hears_others()]

    def _may(self, topic: str) -> Right:
        kind, back = topic.rpartition("/")[2], topic in self._back
        advice = (
            f"the broker does not let {self._agent} write {PREFIX}/<collector>/{self._agent}/{kind}, or does not let "
            f"it hear {PREFIX}/{TRIAL}/{self._agent}/+: compare its ACL with the one of `edge-collector "
            "broker-config`, and the certificate's common name with the agent's id"
        )
        return Right(f"publish its {kind}", back, "" if back else advice)

    def _must_not(self) -> list[Right]:
        return [
            Right(f"must not {what}", topic not in self._back,
                  f"the broker let {topic} through: has it an ACL? Anybody could forge" if topic in self._back else "")
            for topic, what in self._forbidden.items()
        ]  # fmt: skip

    def _hears_others(self) -> Right:
        some = ", ".join(sorted(self._foreign)[:3])
        advice = f"the broker let {self._agent} hear {some}: has it an ACL? Anybody could listen" if some else ""
        return Right("must not hear others", not self._foreign, advice)
