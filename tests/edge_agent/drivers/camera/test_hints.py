"""What a camera itself says, as findings: begun and over, calm whatever it does, and nothing that stands for ever."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edge_agent.drivers.camera.findings import Finding, Moment, OpenFinding, Said
from edge_agent.drivers.camera.hints import AGAIN, HINTS, MOST_SOURCES, QUIET, TOPICS, Hints, code_of
from profiles.load import library
from tests.edge_agent.drivers.camera.rig import T0

TAMPER, MOTION = "RuleEngine/TamperDetector/Tamper", "VideoSource/MotionAlarm"
CODE = "camera_says_tampering"


def moment(second: float) -> Moment:
    return Moment(second, T0 + round(second * 1000))


def told(*said: tuple[float, Said], until: float = 300.0, hints: Hints | None = None) -> list[tuple[str, str, float]]:
    """(code, state, second) of what is said at these seconds, where the camera is asked each half second."""
    hints = hints or Hints({})
    hints.begin(moment(0))
    found: list[Finding] = []
    for half in range(int(2 * until)):
        found += hints.hear((each for at, each in said if half / 2 <= at < (half + 1) / 2), moment(half / 2))
    return [(each.code, each.state, (each.time - T0) / 1000) for each in found]


def tamper(stands: bool | None, source: str = "V0") -> Said:
    return Said(TAMPER, source, stands)


def test_it_is_raised_at_once_and_cleared_when_nobody_has_said_so_for_a_while() -> None:
    assert told(
        (5, tamper(stands=True)), (6, tamper(True, "V1")), (20, tamper(stands=False)), (40, tamper(False, "V1"))
    ) == [(CODE, "raised", 5), (CODE, "cleared", 40 + QUIET)]  # fmt: skip


def test_what_stands_when_it_is_asked_first_is_raised_and_what_does_not_is_nothing() -> None:
    assert told((0, tamper(stands=True)), (0, Said(MOTION, "", False))) == [(CODE, "raised", 0)]


def test_the_facts_name_topic_and_source_and_the_end_its_duration_and_beginning() -> None:
    hints = Hints({})
    (raised,) = hints.hear([tamper(stands=True)], moment(0))
    assert raised.facts == {"topic": TAMPER, "source": "V0"}
    assert not list(hints.hear([tamper(stands=False)], moment(5)))
    (cleared,) = hints.hear([], moment(5 + QUIET))
    assert cleared.since == raised.since == T0
    assert cleared.facts == {"topic": TAMPER, "source": "V0", "duration": 5 + QUIET}


def test_motion_is_noted_where_it_begins_and_not_again_for_a_minute() -> None:
    every = [(at, Said(MOTION, "V0", at % 2 == 0)) for at in range(120)]
    assert told(*every, until=130) == [
        ("camera_says_motion", "noted", 0), ("camera_says_motion", "noted", AGAIN),
        ("camera_says_motion", "noted", 2 * AGAIN),
    ]  # fmt: skip


def test_what_is_over_before_it_could_be_told_is_noted_and_so_is_what_tells_no_end() -> None:
    assert told((5, tamper(stands=True)), (5, tamper(stands=False))) == [(CODE, "noted", 5)]
    assert told((5, tamper(stands=None))) == [(CODE, "noted", 5)]


@pytest.mark.parametrize("sources", [1, 10_000])
@pytest.mark.parametrize("period", [1, 25, 140])
def test_a_flood_of_everything_brings_no_more_than_twelve_a_minute(period: int, sources: int) -> None:
    """Each thing is said a hundred times a second, and for `period` half seconds the opposite."""
    hints = Hints({})
    hints.begin(moment(0))
    found: list[Finding] = []
    for number in range(60 * 20):  # ten minutes
        stands = number // period % 2 == 0
        flood = (
            Said(topic, f"source {(number * 50 + each) % sources}", stands) for topic in TOPICS for each in range(50)
        )
        found += hints.hear(flood, moment(number / 2))
    assert len(HINTS) <= len(found) <= 12 * 10 + 12
    assert all(len(heard.sources) <= MOST_SOURCES for heard in hints._heard.values())


def open_before() -> Hints:
    return Hints({CODE: OpenFinding(T0 - 60_000), "q_lost": OpenFinding(T0)})


def test_what_an_earlier_run_left_open_goes_on_or_ends_as_the_camera_says_now() -> None:
    assert told((1, tamper(stands=True)), hints=open_before()) == []
    assert told(hints=open_before()) == [(CODE, "cleared", QUIET)]


def test_a_new_subscription_ends_what_the_camera_says_no_more() -> None:
    hints = Hints({})
    assert [each.state for each in hints.hear([tamper(stands=True)], moment(0))] == ["raised"]
    hints.begin(moment(100))
    assert not list(hints.hear([], moment(101)))
    assert [each.state for each in hints.hear([], moment(100 + QUIET))] == ["cleared"]


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("RuleEngine/TamperDetector", CODE),
        ("VideoSource/GlobalSceneChange/ImagingService", "camera_says_scene"),
        ("VideoSource/ImageTooDark/AnalyticsService", "camera_says_dark"),
        ("Device/Trigger/DigitalInput", "camera_says_input"),
        ("RuleEngine/TamperDetectors", None),
        ("VideoSource", None),
        ("RecordingConfig/JobState", None),
        ("", None),
    ],
)
def test_only_some_topics_are_listened_to(topic: str, code: str | None) -> None:
    assert code_of(topic) == code


def known_to_seals() -> Iterable[str]:
    return (code for profile in library().values() if profile.seal is not None for code in profile.seal.events)


def test_no_seal_knows_them_so_that_they_make_nothing_of_it() -> None:
    assert not HINTS.keys() & set(known_to_seals())
