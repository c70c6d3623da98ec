"""The driver with its workers on real streams: cameras lost and back, workers that crash or hang, passwords nowhere."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_agent.drivers.camera import pace as pace_module
from edge_agent.drivers.camera import process as process_module
from edge_agent.drivers.camera import runner as runner_module
from edge_agent.drivers.camera.watched import OFFLINE
from tests.edge_agent.drivers.camera.bench import Heard, camera, device, encoded, films, quick, running, until
from tests.edge_agent.drivers.camera.onvif_camera import onvif_camera
from tests.servers import free_port

__all__ = ["films"]


@pytest.fixture
def beat(tmp_path: Path) -> dict[str, Any]:
    """Settings of a camera whose profile has short waits."""
    return {"profile": "quick", "profiles": [str(quick(tmp_path / "profiles"))], "capture": {"timeout": "1s"}}


async def test_a_camera_that_goes_off_is_told_with_its_level_and_cleared_when_it_is_back(
    films: Path, beat: dict[str, Any]
) -> None:
    heard = Heard()
    online = [{"name": "GATE.ON", "measure": "online"}]
    with camera(encoded(films)) as there:
        async with running(device(there.url, tags=online, **beat), heard=heard):
            await until(lambda: heard.links[-1:] == [("gate", "up")], "the first picture")
            heard.forget()  # on a busy machine the first picture may have come late
            there.stop()
            took = await until(lambda: heard.told(OFFLINE), "the loss")
            assert 2.5 < took < 8
            await until(lambda: heard.told("q_lost"), "no picture")
            there.start()
            await until(lambda: heard.told(OFFLINE) == ["raised", "cleared"], "its return")
            await until(lambda: heard.told("q_lost") == ["raised", "cleared"], "its pictures")
    assert heard.links[0][1].startswith("down: ")
    assert heard.links[1:] == [("gate", "up")]
    raised, cleared = [each for each in heard.events if each.code == OFFLINE]
    assert raised.level == "ORANGE"
    assert "refused" in str(raised.facts["cause"]) or "ended" in str(raised.facts["cause"])
    assert (cleared.since, cleared.level) == (raised.since, "ORANGE")
    assert [each.value for each in heard.got if each.tag == "GATE.ON"] == [False, True]
    assert heard.counters["gate"]["reconnects"] >= 2
    assert not heard.notes


async def test_a_camera_that_hangs_leaves_its_neighbour_in_the_same_worker_undisturbed(
    films: Path, beat: dict[str, Any]
) -> None:
    heard = Heard()
    with camera(encoded(films)) as bad, camera(encoded(films)) as good:
        async with running(device(bad.url, "bad", **beat), device(good.url, "good", **beat), heard=heard) as runners:
            assert len(runners) == 1
            both = {("bad", "up"), ("good", "up")}
            await until(lambda: set(heard.links[-2:]) == both, "pictures of both")
            heard.forget()
            worker = runners[0].worker
            bad.pause()
            await until(lambda: heard.told(OFFLINE), "the loss")
            before = heard.pictures("good")
            await until(lambda: heard.pictures("good") >= before + 3, "more pictures of the good one")
            assert runners[0].worker == worker
            bad.go_on()
    lost = [text for name, text in heard.links if name == "good" and text != "up"]
    assert all("ended the stream" in text for text in lost), "its film may be over on a busy machine, and no more"
    assert {each.camera for each in heard.events} == {"bad"}


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGSTOP])
async def test_a_worker_that_crashes_or_hangs_is_begun_again_and_the_others_go_on(
    films: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "HUNG", 3.0)
    heard = Heard()
    with camera(encoded(films)) as one, camera(encoded(films)) as two:
        cameras = device(one.url, "one", group="a"), device(two.url, "two", group="b")
        async with running(*cameras, heard=heard) as (a, b):
            await until(lambda: heard.pictures("one") and heard.pictures("two"), "pictures of both")
            first, other = a.worker, b.worker
            seen = heard.pictures("two")
            os.kill(first, how)
            await until(lambda: a.worker not in (0, first), "another worker")
            before = heard.pictures("one")
            await until(lambda: heard.pictures("one") > before, "pictures of the new worker")
            assert heard.pictures("two") >= seen + 2, "the other camera's pictures flowed meanwhile"
            assert b.worker == other
            assert not psutil.pid_exists(first)
        assert not psutil.pid_exists(other)
    assert [level for level, _text in heard.notes] == ["FAULT"]
    assert "one" in heard.notes[0][1]
    assert heard.told(OFFLINE) == [], "our own failure is not the camera's"


async def test_a_worker_that_does_not_end_when_asked_is_ended_by_its_process_id(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "END", 0.5)
    heard = Heard()
    with camera(encoded(films)) as there:
        async with running(device(there.url), heard=heard) as (runner,):
            await until(lambda: heard.pictures("gate"), "pictures")
            worker = runner.worker
            os.kill(worker, signal.SIGSTOP)
        assert not psutil.pid_exists(worker)


async def test_a_stop_while_a_worker_is_being_started_ends_it_too() -> None:
    async with running(device(f"rtsp://127.0.0.1:{free_port()}/cam"), heard=Heard()) as (runner,):
        while runner._process is None:
            await asyncio.sleep(0)
        assert not runner.worker, "it is only being started"


async def test_no_worker_outlives_an_agent_that_is_killed(films: Path, tmp_path: Path) -> None:
    with camera(encoded(films)) as there:
        program = tmp_path / "agent.py"
        program.write_text(
            "import asyncio, sys\n"
            "from tests.edge_agent.drivers.camera.bench import Heard, device, running, until\n"
            "async def main():\n"
            "    heard = Heard()\n"
            "    async with running(device(sys.argv[1]), heard=heard) as (runner,):\n"
            "        await until(lambda: heard.pictures('gate'), 'pictures')\n"
            "        print(runner.worker, flush=True)\n"
            "        await asyncio.sleep(60)\n"
            "asyncio.run(main())\n"
        )
        agent = await asyncio.create_subprocess_exec(
            sys.executable, str(program), there.url, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        assert agent.stdout is not None
        worker = int(await agent.stdout.readline())
        agent.kill()
        await agent.wait()
        took = await until(lambda: not psutil.pid_exists(worker), "the end of the worker")
        assert took < 10


async def test_an_open_event_and_its_beginning_outlive_the_agent(films: Path, beat: dict[str, Any]) -> None:
    heard = Heard()
    with camera(encoded(films)) as there:
        there.stop()
        async with running(device(there.url, **beat), heard=heard):
            await until(lambda: heard.told(OFFLINE) and heard.told("q_lost"), "the loss")
        again = Heard(heard.memory)
        there.start()
        async with running(device(there.url, **beat), heard=again):
            await until(lambda: again.told(OFFLINE) and again.told("q_lost"), "its return")
    for code in (OFFLINE, "q_lost"):
        (raised,) = [each for each in heard.events if each.code == code]
        (cleared,) = [each for each in again.events if each.code == code]
        assert (raised.state, cleared.state, cleared.since) == ("raised", "cleared", raised.since)
    assert again.memory["gate"]["open"] == ""


async def test_the_password_is_nowhere_but_in_the_worker(
    films: Path, beat: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the arguments or environment of any process, a log, an event, a note, what is remembered, the manifest."""
    caplog.set_level(logging.DEBUG)
    right, wrong = "r1ght-Secret", "wr0ng-Secret"
    heard = Heard()
    with camera(encoded(films), login=f"viewer:{right}") as there:
        cameras = (
            device(there.url, "good", user="viewer", password=right, **beat),
            device(there.url, "bad", user="viewer", password=wrong, **beat),
        )
        async with running(*cameras, heard=heard) as (runner,):
            await until(lambda: heard.pictures("good"), "pictures of the one")
            await until(lambda: "401" in caplog.text, "the refusal of the other")
            worker = psutil.Process(runner.worker)
            seen = [*worker.cmdline(), *worker.environ().values(), *os.environ.values()]
    told = [*map(repr, heard.events), *map(repr, heard.links), *map(repr, heard.notes), repr(heard.memory)]
    shown = capfd.readouterr()
    manifest = [repr(each.camera()) + each.address() + repr(each) for each in cameras]
    for text in (*seen, *told, caplog.text, shown.out, shown.err, *manifest):
        assert right not in text
        assert wrong not in text


async def test_a_machine_that_cannot_keep_up_looks_more_rarely_and_says_so(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the least strain is too much: the rate must fall in the worker itself."""
    for name, value in (("TOO_MUCH", 0.0), ("AIM", 1e-6), ("EVERY", 0.1), ("TELL", (1.5, 0.5))):
        monkeypatch.setattr(pace_module, name, value)
    heard = Heard()
    with camera(encoded(films)) as there:
        async with running(device(there.url), heard=heard) as (runner,):
            await until(lambda: heard.notes and runner.stretch == pace_module.SLOWEST, "a word of it")

            def packets() -> int:
                return heard.counters["gate"]["packets"]

            begun = (packets(), heard.pictures("gate"))

            def rarely() -> bool:
                """A look each 1.25 seconds, not two a second; what the worker still owed may come before."""
                nonlocal begun
                passed, looked = packets() - begun[0], heard.pictures("gate") - begun[1]
                if passed >= 60 and looked > 7:
                    begun = (packets(), heard.pictures("gate"))
                return passed >= 60 and looked <= 7

            await until(rarely, "six seconds of pictures with half of the looks")
    assert [level for level, _text in heard.notes] == ["WARN"]
    assert "cannot keep up" in heard.notes[0][1]


async def test_a_worker_that_fails_again_and_again_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "MODULE", "no.such.module")
    monkeypatch.setattr(runner_module, "BACKOFF", (0.01, 0.01))
    heard = Heard()
    async with running(device("rtsp://127.0.0.1:1/x"), heard=heard) as (runner,):
        begun: set[int] = set()

        def several() -> bool:
            begun.add(runner.worker)
            return len(begun - {0}) >= 3

        await until(several, "three workers")
    assert len(heard.notes) == 1


async def test_a_camera_with_a_wrong_clock_is_told_and_its_pictures_are_watched(
    films: Path, beat: dict[str, Any]
) -> None:
    heard = Heard()
    login = {"user": "viewer", "password": "p@ss:w/rd"}
    with camera(encoded(films), login="viewer:p@ss:w/rd") as there, onvif_camera(stream=there.url, ahead=-75) as asked:
        async with running(device(None, onvif=asked.address, **login, **beat), heard=heard):
            await until(lambda: heard.told("q_offset"), "the wrong clock")
            assert heard.pictures("gate")
        assert {name for name in asked.asked if not name.startswith("Get")} == set()
    (event,) = [each for each in heard.events if each.code == "q_offset"]
    assert (event.state, event.level, event.text) == ("raised", "ORANGE", "clock of the camera is wrong")
    assert event.facts["offset_s"] == pytest.approx(-75, abs=1.5)
    assert heard.clocks["gate"] == pytest.approx(-75_000, abs=1500)


async def test_a_camera_that_no_process_watches_is_told_and_cleared_when_one_does(
    films: Path, beat: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, words = Path(beat["profiles"][0]) / "quick.yaml", "not analysed, group: quality, sealed: 2, producing: 2, "
    assert f"{words}on: 30s, off: 10s" in profile.read_text()
    profile.write_text(profile.read_text().replace(f"{words}on: 30s, off: 10s", f"{words}on: 2s, off: 1s"))
    module = process_module.MODULE
    monkeypatch.setattr(process_module, "MODULE", "no.such.module")
    monkeypatch.setattr(runner_module, "BACKOFF", (0.1, 0.1))
    heard = Heard()
    with camera(encoded(films)) as there:
        async with running(device(there.url, **beat), heard=heard):
            await until(lambda: heard.told("q_unwatched"), "that nobody watches")
            monkeypatch.setattr(process_module, "MODULE", module)
            await until(lambda: heard.told("q_unwatched") == ["raised", "cleared"], "that somebody does")
    raised, cleared = [each for each in heard.events if each.code == "q_unwatched"]
    assert (raised.level, raised.facts["cause"]) == ("ORANGE", "no process watches it")
    assert cleared.since == raised.since
    assert heard.told(OFFLINE) == []


async def test_a_network_that_cannot_be_loaded_is_told_and_the_pictures_are_analysed_without(
    films: Path, beat: dict[str, Any], tmp_path: Path
) -> None:
    (model := tmp_path / "no.onnx").write_bytes(b"garbage")
    heard = Heard()
    with camera(encoded(films)) as there:
        network = {"model": str(model), "layout": "yolox"}
        async with running(device(there.url, detector=network, **beat), heard=heard):
            await until(lambda: heard.pictures("gate") >= 5, "pictures")
    [(level, text)] = heard.notes
    assert level == "FAULT"
    assert text.startswith("camera gate: its network is not used, people are found by the built-in rules")
    assert "no.onnx" in text
    assert heard.counters["gate"]["defects"] == 0
    assert "raised" not in heard.told("q_unwatched")[-1:]
