"""What cameras say themselves, by subscriptions on a real socket: heard, renewed, given back; hostile ones bounded."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from edge_agent.drivers.camera.capture import subscription as module
from edge_agent.drivers.camera.capture.conversation import NoServiceError
from edge_agent.drivers.camera.capture.onvif import Onvif
from edge_agent.drivers.camera.capture.soap import LARGEST
from edge_agent.drivers.camera.capture.source import DeniedError, LostError
from edge_agent.drivers.camera.capture.subscription import LISTENS, Subscription
from edge_agent.drivers.camera.findings import Said
from tests.edge_agent.drivers.camera.onvif_camera import OnvifCamera, onvif_camera
from tests.edge_agent.drivers.camera.onvif_says import MESSAGE, EventService

TAMPER, MOTION = "tns1:RuleEngine/TamperDetector/Tamper", "tns1:VideoSource/MotionAlarm"


@pytest.fixture(autouse=True, scope="module")
def prepared() -> None:
    Subscription("", "", "", timeout=1).prepare()


def listening(there: OnvifCamera, password: str | None = None, timeout: float = 10.0) -> Subscription:
    return Subscription(there.address, there.user, password or there.password, timeout=timeout)


async def heard(subscription: Subscription, pulls: int = 1) -> list[Said]:
    """All that comes with so many askings."""
    found: list[Said] = []
    async with aclosing(subscription.said()) as said:
        async for each in said:
            found += each
            pulls -= 1
            if not pulls:
                return found
    raise AssertionError("it ends with LostError, never by itself")


@pytest.mark.parametrize(("old", "ahead"), [(False, -7 * 3600.0), (True, 40.0)])
async def test_what_it_says_is_heard_at_the_host_of_the_settings_and_the_subscription_given_back(
    *, old: bool, ahead: float
) -> None:
    """An old one knows no GetServices; its subscription's address is that of its network behind a router."""
    events = EventService()
    with onvif_camera(events=events, old=old, ahead=ahead) as there:
        events.say(TAMPER, stands=True, name="IsTamper")
        events.say(MOTION, stands=False)
        found = await heard(listening(there))
        assert found == [
            Said("RuleEngine/TamperDetector/Tamper", "Source=V0", True),
            Said("VideoSource/MotionAlarm", "Source=V0", False),
        ]
        assert events.subscriptions == 0
        assert set(there.asked) <= LISTENS
        assert there.asked[-3:] == ["CreatePullPointSubscription", "PullMessages", "Unsubscribe"]


async def test_a_subscription_is_renewed_before_it_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRANTED", (1.0, 600.0))
    monkeypatch.setattr(module, "WAIT", 1.0)
    events = EventService(granted=6.0)
    with onvif_camera(events=events) as there:
        async with aclosing(listening(there).said()) as said:
            async for _each in said:
                if there.asked.count("Renew") == 3:
                    break
        assert there.asked.count("CreatePullPointSubscription") == 1


async def test_a_camera_without_an_event_service_says_so() -> None:
    with onvif_camera() as there, pytest.raises(NoServiceError, match="it has no event service of ONVIF"):
        await heard(listening(there))


async def test_a_wrong_password_is_a_refusal_and_subscribes_to_nothing() -> None:
    with onvif_camera(events=EventService()) as there:
        with pytest.raises(DeniedError):
            await heard(listening(there, "wrong"))
        assert "CreatePullPointSubscription" not in there.asked


def test_without_the_wish_for_it_nobody_can_subscribe() -> None:
    with onvif_camera(events=EventService()) as there:
        asking = Onvif(there.address, there.user, there.password, timeout=10)

        with pytest.raises(PermissionError):
            asking._talk(lambda talk: talk.ask(module.EVENTS, talk.base, "CreatePullPointSubscription"))
        assert there.asked == []


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_subscription_that_is_forgotten_or_whose_camera_hangs_is_lost(
    *, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT", 1.0)
    monkeypatch.setattr(module, "GOODBYE", 0.3)
    events = EventService()
    with onvif_camera(events=events) as there:
        async with aclosing(listening(there, timeout=1.0).said()) as said:
            await anext(said)
            (there.silent.set if hangs else events.forget)()
            with pytest.raises(LostError, match="it sends nothing for 2 s" if hangs else "it refuses PullMessages"):
                await anext(said)


async def test_an_answer_that_is_too_large_loses_the_subscription() -> None:
    large = MESSAGE.format(topic=MOTION, operation="Changed", source="x" * LARGEST, data="")
    with onvif_camera(events=EventService(wrong=large)) as there:
        with pytest.raises(LostError, match=r"what it answers to PullMessages is no ONVIF \(TooLargeError\)"):
            await heard(listening(there))
        assert there.asked[-1] == "Unsubscribe"


DEEP = f"{'<tt:a>' * 70_000}{'</tt:a>' * 70_000}"
"""Half of what an answer may have, in bytes."""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("<wsnt:NotificationMessage><wsnt:Topic>", []),
        (f"<wsnt:NotificationMessage>{DEEP}</wsnt:NotificationMessage>", []),
        (
            MESSAGE.format(topic=MOTION, operation="Changed", source="V0", data=f"<tt:ElementItem>{DEEP}"),
            [Said("VideoSource/MotionAlarm", "Source=V0", None)],
        ),
    ],
    ids=["malformed", "deep", "deep within a message"],
)
async def test_what_is_malformed_or_deep_is_cut_off_there(wrong: str, told: list[Said]) -> None:
    """The package reads XML with libxml2's recovery; nothing is read of what is deeper than its own bound."""
    with onvif_camera(events=EventService(wrong=wrong)) as there:
        assert await heard(listening(there)) == told


ODD = {
    "no message": f"<wsnt:NotificationMessage><wsnt:Topic>{MOTION}</wsnt:Topic></wsnt:NotificationMessage>",
    "no topic": MESSAGE.format(topic="", operation="Changed", source="V0", data=""),
    "a topic that is no name": MESSAGE.format(topic="a &lt;b&gt; c", operation="Changed", source="V0", data=""),
    "a long topic": MESSAGE.format(topic="a/" * 5000, operation="Changed", source="V0", data=""),
    "text for a message": "<wsnt:NotificationMessage><wsnt:Topic>tns1:a</wsnt:Topic><wsnt:Message>b</wsnt:Message>"
    "</wsnt:NotificationMessage>",
    "elements of nobody's": "<wsnt:NotificationMessage><wsnt:Topic>tns1:a</wsnt:Topic><wsnt:Message>"
    f'<x xmlns="urn:x">{"<y>" * 100}{"</y>" * 100}</x></wsnt:Message></wsnt:NotificationMessage>',
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_odd_message_is_left_out_and_the_others_are_heard(odd: str) -> None:
    good = MESSAGE.format(topic=MOTION, operation="Deleted", source="a\x85b" + "c" * 500, data="")
    with onvif_camera(events=EventService(wrong=odd + good)) as there:
        assert await heard(listening(there)) == [
            Said("VideoSource/MotionAlarm", ("Source=ab" + "c" * 500)[: module.LONGEST], False)
        ]


async def test_a_camera_that_always_has_something_to_say_is_asked_no_faster() -> None:
    noisy = MESSAGE.format(topic=MOTION, operation="Changed", source="V0", data="") * 300
    with onvif_camera(events=EventService(wrong=noisy)) as there:
        begun = time.monotonic()
        assert len(await heard(listening(there), 4)) == 1200
        assert time.monotonic() - begun >= 3 * module.PACE


async def test_a_stop_while_the_camera_thinks_gives_the_subscription_back() -> None:
    events = EventService()
    with onvif_camera(events=events) as there:
        task = asyncio.create_task(heard(listening(there)))
        while not events.subscriptions or there.asked[-1] != "PullMessages":
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        assert there.asked[-1] == "Unsubscribe"
        assert events.subscriptions == 0
