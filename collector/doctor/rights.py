"""What a broker lets a collector hear and say, found out by trying; see `edge_agent.uplink.rights` for the why.

Only while the collector does not run, as the trial bears its id. All goes by names that no agent has: the collector's
own, in whose place no agent can be, and ``_nobody``.
"""

from __future__ import annotations

import asyncio
import secrets

from config.mqtt import MqttSettings
from edge_agent.uplink.client import LinkDownError, MqttLink
from edge_agent.uplink.rights import PATIENCE, Right
from profiles.wire.topics import FROM_AGENT, NOBODY, PREFIX, TO_AGENT, TRIAL


async def try_rights(mqtt: MqttSettings, collector: str, *, patience: float = PATIENCE) -> list[Right]:
    """Try all that the collector must be able to do at its broker, and what it must not.

    Raises LinkDownError when the broker does not let it in or ends the connection, OSError when a certificate or key
    cannot be used.
    """
    trial = _Trial(collector)
    link = MqttLink(
        mqtt, mqtt.client_id or collector, will=None, on_message=trial.heard, on_received=lambda _mid: None,
        on_refused=lambda _mid, _why: None,
    )  # fmt: skip
    await link.open([f"{PREFIX}/{collector}/+/+", f"{PREFIX}/{TRIAL}/+/+", "#"])
    try:
        for topic in (*trial.forbidden, *trial.own):
            link.publish(topic, trial.mark)
        echoed = asyncio.create_task(trial.echoed.wait())
        await asyncio.wait((echoed, link.lost), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        echoed.cancel()
        if link.lost.done() and not trial.echoed.is_set():
            raise LinkDownError(f"the broker ends the connection while rights are tried: {link.lost.result()}")
    finally:
        await link.close()
    return trial.judged()


class _Trial:
    """What is published, what came back, and what follows from it."""

    def __init__(self, collector: str) -> None:
        own = f"{PREFIX}/{collector}"
        self.mark = secrets.token_hex(16).encode()
        self._collector = collector
        self._hears = {f"{own}/{collector}/{kind}": f"hear its agents' {kind}" for kind in FROM_AGENT}
        self._says = {f"{own}/{NOBODY}/{kind}": f"send its agents {kind}" for kind in TO_AGENT}
        self.own = {**self._hears, **self._says}
        self.forbidden = {
            f"{own}/{NOBODY}/data": "publish in the name of an agent",
            f"{PREFIX}/{TRIAL}/{collector}/ack": "answer the agents of another collector",
        }
        self._back: set[str] = set()
        self._foreign: set[str] = set()
        self.echoed = asyncio.Event()

    def heard(self, topic: str, payload: bytes) -> None:
        if payload == self.mark:
            self._back.add(topic)
        elif not topic.startswith((f"{PREFIX}/{self._collector}/", "$")):
            self._foreign.add(topic)
        if self._back.issuperset(self.own):
            self.echoed.set()

    def judged(self) -> list[Right]:
        some = ", ".join(sorted(self._foreign)[:3])
        return [
            *(Right(what, topic in self._back, "" if topic in self._back else self._lacks(topic))
              for topic, what in self.own.items()),
            *(Right(f"must not {what}", topic not in self._back,
                    f"the broker let {topic} through: has it an ACL?" if topic in self._back else "")
              for topic, what in self.forbidden.items()),
            Right("must not hear others", not some, f"the broker let it hear {some}: has it an ACL?" if some else ""),
        ]  # fmt: skip

    def _lacks(self, topic: str) -> str:
        return (
            f"what was published as {topic} did not come back: compare the broker's ACL with the one of "
            f"`edge-collector broker-config --collector {self._collector}`, and the certificate's common name with it"
        )
