"""One subscription (OPC UA part 4, 5.13 and 5.14): the server reports changes; silence beyond its life time ends it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from asyncua import ua

from edge_agent.drivers.opcua.polling import Emit, homeless_readings
from edge_agent.drivers.opcua.session import Item, RefusedError, Session
from edge_agent.drivers.opcua.settings import OpcuaTag
from edge_agent.drivers.opcua.values import overflowed, reading

log = logging.getLogger(__name__)
RETEST = 60.0
"""Seconds after which nodes that the server refused are asked for again."""


class SilentError(ConnectionError):
    """The server sent neither changes nor keep-alives for longer than a subscription lives."""


class Subscription:
    """The device's subscription on an open session. Changes go to `emit` as they come."""

    def __init__(self, session: Session, emit: Emit, counters: Counter[str]) -> None:
        self._session, self._emit, self._counters = session, emit, counters
        self._items: dict[int, Item] = {}
        self._handles = itertools.count(1)
        self._id = 0
        self._heard = time.monotonic()
        self._patience = 0.0
        self._sequence: int | None = None
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, stop: asyncio.Event) -> None:
        """Subscribe and listen until `stop` is set; SilentError, ConnectionError or ua.UaError when it is lost."""
        await self._create()
        try:
            refused = await self._monitor(self._session.device.tags)
            retest = time.monotonic() + RETEST
            while not stop.is_set():
                await self._listen(stop)
                if refused and time.monotonic() >= retest:
                    refused = await self._monitor(refused)
                    retest = time.monotonic() + RETEST
        finally:
            with suppress(OSError, TimeoutError, ua.UaError):
                await self._session.client.uaclient.session.delete_subscriptions([self._id])

    async def _listen(self, stop: asyncio.Event) -> None:
        """Wait a while; raise when the subscription is over."""
        rest = min(self._heard + self._patience - time.monotonic(), RETEST)
        stopped = asyncio.ensure_future(stop.wait())
        waited: list[asyncio.Future[Any]] = [stopped, self._ended]
        await asyncio.wait(waited, timeout=max(rest, 0.0), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._ended.done() and not stop.is_set():
            raise ConnectionError(self._ended.result())
        silence = time.monotonic() - self._heard
        if silence >= self._patience and not stop.is_set():
            self._counters["silences"] += 1
            raise SilentError(f"the subscription was silent for {silence:.1f} s, beyond its life time")

    async def _create(self) -> None:
        device = self._session.device
        asked = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=device.publishing_interval * 1000,
            RequestedLifetimeCount=device.lifetime_count,
            RequestedMaxKeepAliveCount=device.keep_alive_count,
            PublishingEnabled=True,
        )
        given = await self._session.client.uaclient.session.create_subscription(asked, self._published)
        self._id = given.SubscriptionId
        interval = given.RevisedPublishingInterval / 1000
        own = max(interval, device.publishing_interval) * device.lifetime_count
        quiet = 2 * interval * given.RevisedMaxKeepAliveCount  # a server that lives says so in half of this
        self._patience = min(own, interval * given.RevisedLifetimeCount, quiet) + device.timeout
        self._heard = time.monotonic()
        revised = (interval, given.RevisedMaxKeepAliveCount, given.RevisedLifetimeCount)
        if revised != (device.publishing_interval, device.keep_alive_count, device.lifetime_count):
            log.info(
                "%s: the server revised the subscription: publishing interval %s s, keep-alive count %s, lifetime "
                "count %s", device.name, *revised,
            )  # fmt: skip

    async def _monitor(self, tags: Sequence[OpcuaTag]) -> list[OpcuaTag]:
        """Monitor the nodes of `tags` in batches that the server allows; the tags that it refused."""
        items, refused = self._session.items(tags)
        if refused:
            self._emit(homeless_readings(refused))
            log.warning("%s: no such namespace at the server: %s", self._session.device.name, _names(refused))
        revised: Counter[tuple[float, int]] = Counter()
        for start in range(0, len(items), self._session.max_items):
            batch = items[start : start + self._session.max_items]
            refused += await self._monitor_batch(batch, revised)
        for (sampling, queue), count in revised.items():
            log.info(
                "%s: the server revised %d items: sampling interval %s s, queue size %s",
                self._session.device.name, count, sampling, queue,
            )  # fmt: skip
        return refused

    async def _monitor_batch(self, batch: Sequence[Item], revised: Counter[tuple[float, int]]) -> list[OpcuaTag]:
        requests = [self._request(item) for item in batch]
        results = await self._session.client.uaclient.session.create_monitored_items(
            ua.CreateMonitoredItemsParameters(
                SubscriptionId=self._id,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=requests,
            )
        )
        if len(results) != len(batch):
            raise RefusedError(f"the server answered {len(results)} results to a request for {len(batch)} items")
        refused: list[OpcuaTag] = []
        now = time.time_ns() // 1_000_000
        for item, request, result in zip(batch, requests, results, strict=True):
            if not result.StatusCode.is_good():
                log.warning("%s: %s: %s", self._session.device.name, _names(item.tags), result.StatusCode.name)
                bad = ua.DataValue(StatusCode=result.StatusCode)
                self._emit([reading(tag, bad, now) for tag in item.tags])
                refused += item.tags
                del self._items[int(request.RequestedParameters.ClientHandle)]
                continue
            given = (result.RevisedSamplingInterval / 1000, int(result.RevisedQueueSize))
            asked = request.RequestedParameters
            if given != (asked.SamplingInterval / 1000, asked.QueueSize):
                revised[given] += 1
        return refused

    def _request(self, item: Item) -> ua.MonitoredItemCreateRequest:
        device, handle = self._session.device, next(self._handles)
        self._items[handle] = item
        sampling = min(device.sampling_interval if tag.interval is None else tag.interval for tag in item.tags)
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle,
                SamplingInterval=sampling * 1000,
                QueueSize=device.queue_size,
                DiscardOldest=True,
            ),
        )

    def _published(self, result: ua.PublishResult) -> None:
        """What asyncua calls for each answer to Publish, keep-alives included; what is raised here it would swallow."""
        try:
            self._take(result)
        except Exception as err:  # noqa: BLE001  # no value is lost in silence: it ends the session and is raised there
            if not self._ended.done():
                self._ended.set_exception(err)

    def _take(self, result: ua.PublishResult) -> None:
        self._heard = time.monotonic()
        message = result.NotificationMessage
        for notification in message.NotificationData or []:
            if isinstance(notification, ua.DataChangeNotification):
                self._changed(notification.MonitoredItems)
            elif isinstance(notification, ua.StatusChangeNotification) and not self._ended.done():
                own = message.SequenceNumber == 0  # asyncua tells of a lost connection by a message of its own
                self._ended.set_result(
                    "the connection was lost"
                    if own
                    else f"the server ended the subscription: {notification.Status.name}"
                )
        if message.NotificationData:
            self._count_gap(int(message.SequenceNumber))

    def _changed(self, notifications: Sequence[ua.MonitoredItemNotification]) -> None:
        now = time.time_ns() // 1_000_000
        found = []
        for each in notifications:
            item = self._items.get(int(each.ClientHandle))
            if item is None:
                continue  # not ours: the server is free to report an item that was just deleted
            self._counters["overflows"] += overflowed(each.Value)
            found += [reading(tag, each.Value, now) for tag in item.tags]
        self._counters["notifications"] += len(notifications)
        self._emit(found)

    def _count_gap(self, sequence: int) -> None:
        if sequence == 0:
            return
        if self._sequence is not None and sequence > self._sequence + 1:
            lost = sequence - self._sequence - 1
            self._counters["lost_notifications"] += lost
            if not self._ended.done():  # changes are missing: say so by a lost link, and begin with the present values
                self._ended.set_result(f"{lost} of the server's notifications were lost")
        self._sequence = sequence


def _names(tags: Sequence[OpcuaTag]) -> str:
    return ", ".join(tag.name for tag in tags[:10]) + (" …" if len(tags) > 10 else "")
