"""The camera driver as the agent sees it: what `check` finds, what `read` shows, and events in the outbox."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from config.errors import ConfigError
from edge_agent.app import Agent
from edge_agent.cli.main import main
from edge_agent.drivers.camera import driver as driver_module
from edge_agent.drivers.camera.address import filled, masked
from edge_agent.drivers.camera.driver import groups, profile_of
from edge_agent.drivers.camera.slowest import most_stretch
from edge_agent.settings import load_agent
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Event, Events
from tests.edge_agent.drivers.camera.bench import camera, device, encoded, films, quick, until
from tests.servers import free_port

__all__ = ["films"]

LINE = {"name": "mouth", "start": [0.1, 0.6], "end": [0.9, 0.6], "inside": [0.5, 0.1]}
HOIST = {"name": "drum", "points": [[0, 0], [1, 0], [1, 1]], "events": ["hoist_run"]}
CODE = "14019990000101000001"


def gate(url: str = "rtsp://192.0.2.1/cam", **more: Any) -> dict[str, Any]:
    return {
        "name": "gate", "driver": "camera", "url": url, "code": CODE, "position": "P01", "lines": [LINE],
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("maker", "live", "single"),
    [
        (
            {"name": "hikvision", "host": "192.0.2.1", "channel": 3},
            "rtsp://192.0.2.1/Streaming/Channels/302", "http://192.0.2.1/ISAPI/Streaming/channels/301/picture",
        ),
        (
            {"name": "dahua", "host": "192.0.2.1:5554", "main": True},
            "rtsp://192.0.2.1:5554/cam/realmonitor?channel=1&subtype=0",
            "http://192.0.2.1:5554/cgi-bin/snapshot.cgi?channel=1",
        ),
        ({"name": "uniview", "host": "[2001:db8::1]"}, "rtsp://[2001:db8::1]/unicast/c1/s1/live", None),
    ],
)  # fmt: skip
def test_a_maker_and_a_host_stand_for_its_addresses(maker: dict[str, Any], live: str, single: str | None) -> None:
    assert device(None, maker=maker).pictures() == live
    if single is not None:
        assert device(None, maker=maker, snapshot=True).pictures() == single


def agent_file(folder: Path, *devices: dict[str, Any]) -> Path:
    settings = {
        "agent": "mine-1", "collector": "county-1", "state": "state",
        "site": {"code": "140199900001", "name": "mine", "adcode": "140199"},
        "mqtt": {"host": "127.0.0.1", "port": free_port(), "tls": "disabled"},
        "outbox": {"flush": "100ms"}, "devices": list(devices),
    }  # fmt: skip
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"position": "P77"}, "'P77' is no position; expected one of P01 (main mouth)"),
        ({"code": CODE[:-1]}, "摄像机编码 '1401999000010100000' has 19 characters"),
        ({"code": CODE[:-1] + "O"}, "character 20 'O': expected"),
        ({"mine_state": "asleep"}, "'asleep' is no state; expected one of producing"),
        ({"profile": "hazchem-storage"}, "describes no electronic seal; expected one of electronic-seal"),
        ({"ignore": ["person_in", "nobody"]}, "'nobody' is none of the profile's events"),
        ({"lines": []}, "person_in and person_out need a line whose crossing counts, of: [person]"),
        ({"position": "P04"}, "vehicle_in and vehicle_out need a line whose crossing counts, of: [vehicle]"),
        ({"position": "P06"}, "belt_load and belt_run need the belt's four corners"),
        (
            {"regions": [{"name": "wall", "points": [[0, 0], [1, 0], [1, 1]], "events": ["wall"]}]},
            "'wall' is none of the profile's events",
        ),
        ({"position": "P07", "lines": []}, "hoist_run need a region that names them, and nothing else is looked for"),
        (
            {"regions": [{"name": "drum", "points": [[0, 0], [1, 0], [1, 1]], "events": ["hoist_run"]}] * 2},
            "two of its regions are called drum; expected a name each",
        ),
        ({"url": "file:/nowhere/a.mp4"}, "expected the whole path of a film"),
        (
            {"capture": {"rate": 0.25}},
            "too rare for q_noise, q_replay, q_shaky: never told so; expected rate: 0.67 or more",
        ),
        (
            {"url": "http://192.0.2.1/pic", "snapshot": True, "regions": [HOIST]},
            "a picture each 1 s is too rare for hoist_run: never told so; expected snapshot_every: 0.5s or less",
        ),
        ({"capture": {"rate": 1.9}, "regions": [HOIST]}, "too rare for hoist_run"),
        ({"snapshot": True}, "single pictures are asked for over http"),
        ({"url": "rtsp://admin:12345@192.0.2.1/cam"}, "user and password are keys of their own"),
        *(
            ({"url": f"rtsp://192.0.2.1/{path}"}, "a password is part of url; expected {password} in its place")
            for path in ("user=admin_password=a_b_channel=1.sdp", "user=admin&password=X&channel=1", "cam?pwd=12345")
        ),
        ({"url": None}, "expected url, maker or onvif: where do its pictures come from?"),
        ({"maker": {"name": "dahua", "host": "192.0.2.1"}}, "url and maker both say where the pictures come from"),
        ({"url": None, "onvif": "admin:12345@192.0.2.1"}, "expected HOST or HOST:PORT"),
        ({"onvif": "192.0.2.1", "onvif_profile": "main"}, "onvif_profile goes with onvif alone"),
        ({"onvif_events": True}, "onvif_events goes with onvif, the address where it is asked"),
        (
            {"url": None, "maker": {"name": "uniview", "host": "192.0.2.1"}, "snapshot": True},
            "of uniview no address of single pictures is known",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_was_expected(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load_agent(agent_file(tmp_path, gate(**wrong)))
    (problem,) = [each for each in raised.value.problems if each.severity == "error"]
    assert words in problem.message
    assert problem.line > 10


def test_a_slow_camera_whose_events_are_ignored_is_taken_and_only_what_moves_bounds_the_stretch(tmp_path: Path) -> None:
    load_agent(agent_file(tmp_path, gate(capture={"rate": 0.25}, ignore=["q_noise", "q_replay", "q_shaky"])))
    seal = profile_of(device("rtsp://192.0.2.1/x")).seal
    assert seal is not None
    belt = {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    assert most_stretch(device("rtsp://192.0.2.1/x"), seal) == float("inf")
    assert most_stretch(device("rtsp://192.0.2.1/x", regions=[HOIST]), seal) == 3.0
    assert most_stretch(device("rtsp://192.0.2.1/x", position="P06", belt=belt), seal) == 8.0


def test_a_password_whose_place_is_in_the_path_is_filled_in_and_shown_nowhere() -> None:
    there = "rtsp://192.0.2.1/user={user}_password={password}_channel=1.sdp"
    seen = device(there, user="admin", password="a/b_c")
    assert (seen.address(), seen.pictures()) == (there, there)
    assert filled(there, seen.user, seen.secret()) == "rtsp://192.0.2.1/user=admin_password=a%2Fb_c_channel=1.sdp"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://h/user=admin_password=a_b_channel=1.sdp", "rtsp://h/user=admin_password=***_channel=1.sdp"),
        ("rtsp://h/user=admin&password=X&channel=1?real", "rtsp://h/user=admin&password=***&channel=1?real"),
        ("http://h/pic?PWD=12/34", "http://h/pic?PWD=***"),
        ("rtsp://h/passwd=1", "rtsp://h/passwd=***"),
        ("rtsp://h/Streaming/Channels/102", "rtsp://h/Streaming/Channels/102"),
    ],
)
def test_a_password_that_a_camera_states_in_its_address_is_not_shown(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(("content", "words"), [(b"garbage", "cannot read it"), (None, "No such file")])
def test_a_network_that_cannot_be_used_is_refused_at_its_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    model = tmp_path / "no.onnx"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_agent(agent_file(tmp_path, gate(detector={"model": str(model), "layout": "yolox"})))
    (problem,) = [each for each in raised.value.problems if each.severity == "error"]
    assert "no.onnx" in problem.message
    assert words in problem.message
    assert problem.line > 10


def test_a_profile_without_the_events_by_which_light_is_judged_is_refused(tmp_path: Path) -> None:
    own = quick(tmp_path / "profiles") / "quick.yaml"
    own.write_text("".join(line for line in own.read_text().splitlines(keepends=True) if "    q_mono: {" not in line))
    profiles = [str(own.parent)]
    path = agent_file(tmp_path, gate(profile="quick", profiles=profiles))
    path.write_text(path.read_text() + f"profiles: {json.dumps(profiles)}\n")
    with pytest.raises(ConfigError, match="quick has no q_mono, by which the picture's light is judged"):
        load_agent(path)


def test_two_cameras_of_one_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is the code of camera gate, too"):
        load_agent(agent_file(tmp_path, gate(), gate(name="second")))


def test_events_that_are_ignored_need_nothing_drawn(tmp_path: Path) -> None:
    load_agent(agent_file(tmp_path, gate(lines=[], ignore=["person_in", "person_out"])))


def test_without_the_extra_the_driver_can_be_imported_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import sys, edge_agent.drivers.camera.driver; print(sorted({'av', 'cv2', 'numpy'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    monkeypatch.setattr(driver_module, "NEEDED", {"av": "av", "no_such_module_1": "opencv-python-headless"})
    with pytest.raises(ConfigError) as raised:
        load_agent(agent_file(tmp_path, gate(), gate(name="second", code=CODE[:-1] + "2")))
    (problem,) = [each for each in raised.value.problems if each.severity == "error"]
    assert problem.message.endswith('opencv-python-headless is missing: pip install "edge-gateway[cameras]"')


def test_cameras_share_workers_by_their_group_and_else_four_by_four() -> None:
    cameras = [device("rtsp://192.0.2.1/cam", f"c{number}") for number in range(6)]
    cameras += [device("rtsp://192.0.2.1/cam", f"g{number}", group="gates") for number in range(6)]
    names = {name: [each.name for each in group] for name, group in groups(cameras).items()}
    assert names == {
        "#1": ["c0", "c1", "c2", "c3"], "#2": ["c4", "c5"], "gates": ["g0", "g1", "g2", "g3", "g4", "g5"],
    }  # fmt: skip


def test_read_shows_what_a_camera_sends_and_why_another_does_not(films: Path, tmp_path: Path) -> None:
    with camera(encoded(films)) as there:
        dead = gate(f"rtsp://127.0.0.1:{free_port()}/cam", name="dead", code=CODE[:-1] + "2")
        path = agent_file(tmp_path, gate(there.url), dead)
        shown = CliRunner().invoke(main, ["read", str(path), "--json"])
    assert shown.exit_code == 1
    told = json.loads(shown.stdout)
    (row,) = told["readings"]
    assert row["value"] is True
    assert row["raw"].startswith("h264 320×240, first picture after ")
    assert told["failures"][0]["reason"] == "the connection is refused: nothing listens at this port"


def in_outbox(folder: Path) -> list[Event]:
    with sqlite3.connect(folder / "state" / "outbox.db", timeout=30) as db:
        frames = db.execute("SELECT frame FROM envelope WHERE lane = 'event'").fetchall()
    db.close()
    return [event for (frame,) in frames for event in decode(frame, decoder(Events)).events]


async def test_the_loss_of_a_camera_is_in_the_outbox_and_its_end_after_a_restart_under_the_same_life(
    films: Path, tmp_path: Path
) -> None:
    with camera(encoded(films)) as there:
        profiles = [str(quick(tmp_path / "profiles"))]
        settings = gate(there.url, profile="quick", profiles=profiles, capture={"timeout": "1s"})
        path = agent_file(tmp_path, settings)
        path.write_text(path.read_text() + f"profiles: {json.dumps(profiles)}\n")
        there.stop()

        async def work(state: str) -> Event:
            def told() -> list[Event]:
                known = [each for each in in_outbox(tmp_path) if each.code == "camera_offline"]
                return [each for each in known if each.state == state]

            stop = asyncio.Event()
            agent = asyncio.create_task(Agent(load_agent(path).settings).run(stop))
            try:
                await until(told, state)
            finally:
                stop.set()
                await agent
            return told()[0]

        raised = await work("raised")
        there.start()
        cleared = await work("cleared")
    assert (raised.kind, raised.camera, raised.level) == ("seal", "gate", "ORANGE")
    assert (cleared.alarm, cleared.since) == (raised.alarm, raised.since)
