"""Sends what is queued: a task and a thread a receiver, so that one that cannot be reached holds up no other."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from collector.notify.channels.base import Channel, DeliveryError
from collector.notify.channels.command import Command, CommandSettings
from collector.notify.channels.smtp import Smtp, SmtpSettings
from collector.notify.channels.webhook import Webhook, WebhookSettings
from collector.notify.message import message
from collector.notify.queue import Notice, Queue
from collector.notify.settings import NotifySettings

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds between two tries of a message, doubling."""
CHANNELS: dict[type, type[Channel]] = {WebhookSettings: Webhook, SmtpSettings: Smtp, CommandSettings: Command}


class Sender:
    """One receiver; the collector calls `step` again and again."""

    def __init__(self, collector: str, settings: NotifySettings, number: int, queue: Queue) -> None:
        receiver = settings.receivers[number]
        self.name = receiver.name
        self._collector, self._zone, self._queue = collector, settings.zone, queue
        self._give_up = round(settings.give_up * 1000)
        self._channel = CHANNELS[type(receiver)](receiver)
        self._down = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"notify-{receiver.name}")

    async def step(self) -> bool:
        """Send the message that is due, if there is one; whether there was."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._step)

    def _step(self) -> bool:
        notice = self._queue.next(self.name, _now())
        if notice is None:
            return False
        try:
            self._channel.send(message(self._collector, notice.life, notice.step, self._zone))
        except DeliveryError as err:
            self._failed(notice, str(err))
        except Exception as err:  # a defect costs this message's punctuality, not the others'
            log.error("receiver %s: a message cannot be made or sent", self.name, exc_info=err)
            self._failed(notice, f"a defect: {type(err).__name__}")
        else:
            self._queue.sent(notice)
            if self._down:
                log.info("receiver %s takes messages again", self.name)
            self._down = False
        return True

    def _failed(self, notice: Notice, error: str) -> None:
        if not self._down:
            log.error("receiver %s cannot be told of alarm %d: %s; it is tried again", self.name, notice.life.id, error)
        self._down = True
        now = _now()
        if now - notice.wanted > self._give_up:
            log.error("receiver %s was never told of alarm %d (%s): given up after %d tries", self.name,
                      notice.life.id, notice.step, notice.tries + 1)  # fmt: skip
            self._queue.given_up(notice, self.name, error)
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(notice.tries, 20))
        self._queue.failed(notice, error, now + round(pause * 1000))

    def close(self) -> None:
        """Wait for the message at hand; its time-out bounds that."""
        self._thread.shutdown()


def _now() -> int:
    return time.time_ns() // 1_000_000
