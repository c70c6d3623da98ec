"""The event service of a camera that answers ONVIF: pull points as the Core specification has them, by hand."""

from __future__ import annotations

import datetime
import re
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

WSA = "http://www.w3.org/2005/08/addressing"
NAMES = ("CreatePullPointSubscription", "PullMessages", "Renew", "Unsubscribe")
"""What it answers; nothing of it sets anything but the subscription."""
MESSAGE = """<wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">{topic}</wsnt:Topic>
<wsnt:Message><tt:Message UtcTime="2026-01-01T00:00:00Z" PropertyOperation="{operation}">
<tt:Source><tt:SimpleItem Name="Source" Value="{source}"/></tt:Source>
<tt:Data>{data}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>"""


@dataclass
class _PullPoint:
    until: float
    waiting: list[str] = field(default_factory=list)


@dataclass
class EventService:
    """What it says, and to whom; `granted`: seconds that a subscription lasts at most."""

    granted: float = 60.0
    wrong: str = ""
    """What it answers to PullMessages instead of messages."""
    _points: dict[str, _PullPoint] = field(default_factory=dict)
    _states: dict[tuple[str, str], str] = field(default_factory=dict)
    _more: threading.Condition = field(default_factory=threading.Condition)
    _made: int = 0

    @property
    def subscriptions(self) -> int:
        """How many live now."""
        with self._more:
            return sum(each.until > time.monotonic() for each in self._points.values())

    def say(self, topic: str, stands: bool | None = None, source: str = "V0", *, name: str = "State") -> None:
        """Tell all that listen; who subscribes later is told how it stands."""
        data = "" if stands is None else f'<tt:SimpleItem Name="{name}" Value="{str(stands).lower()}"/>'
        with self._more:
            if stands is not None:
                self._states[topic, source] = MESSAGE.format(
                    topic=topic, operation="Initialized", source=source, data=data
                )
            for point in self._points.values():
                point.waiting.append(MESSAGE.format(topic=topic, operation="Changed", source=source, data=data))
            self._more.notify_all()

    def forget(self) -> None:
        """As after a restart of the camera: nobody is subscribed."""
        with self._more:
            self._points.clear()
            self._more.notify_all()

    def answer(self, name: str, root: ET.Element, path: str) -> str | None:
        """What stands in the response; None: there is no such subscription."""
        action = root.find(f".//{{{WSA}}}Action")
        assert action is not None, "the Core specification requires WS-Addressing here"
        assert action.text is not None
        assert action.text.rpartition("/")[2] == f"{name}Request"
        with self._more:
            if name == "CreatePullPointSubscription":
                return self._create(root)
            point = self._points.get(path)
            if point is None or point.until < time.monotonic():
                return None
            if name == "PullMessages":
                return self._pull(point, root)
            if name == "Unsubscribe":
                del self._points[path]
                return ""
            point.until = time.monotonic() + self._lasts(root)
            return f"<wsnt:TerminationTime>{_at(self._lasts(root))}</wsnt:TerminationTime>{_current('wsnt')}"

    def _create(self, root: ET.Element) -> str:
        self._made += 1
        path = f"/onvif/subscription/{self._made}"
        self._points[path] = _PullPoint(time.monotonic() + self._lasts(root), list(self._states.values()))
        return (
            f"<tev:SubscriptionReference><wsa:Address>http://10.9.8.7{path}</wsa:Address></tev:SubscriptionReference>"
            f"{_current('wsnt')}<wsnt:TerminationTime>{_at(self._lasts(root))}</wsnt:TerminationTime>"
        )

    def _pull(self, point: _PullPoint, root: ET.Element) -> str:
        limit = int(_text(root, "MessageLimit"))
        self._more.wait_for(
            lambda: self.wrong or point.waiting or point not in self._points.values(), _seconds(root, "Timeout")
        )
        told, point.waiting = point.waiting[:limit], point.waiting[limit:]
        end = f"<tev:TerminationTime>{_at(point.until - time.monotonic())}</tev:TerminationTime>"
        return f"{_current('tev')}{end}{self.wrong or ''.join(told)}"

    def _lasts(self, root: ET.Element) -> float:
        asked = "InitialTerminationTime" if _has(root, "InitialTerminationTime") else "TerminationTime"
        return min(self.granted, _seconds(root, asked))


def _has(root: ET.Element, name: str) -> bool:
    return any(each.tag.rpartition("}")[2] == name for each in root.iter())


def _text(root: ET.Element, name: str) -> str:
    return next(each.text or "" for each in root.iter() if each.tag.rpartition("}")[2] == name)


def _seconds(root: ET.Element, name: str) -> float:
    found = re.fullmatch(r"PT(\d+)S", _text(root, name))
    assert found is not None, "whole seconds are what every camera understands"
    return float(found[1])


def _at(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _current(space: str) -> str:
    return f"<{space}:CurrentTime>{_at(0)}</{space}:CurrentTime>"
