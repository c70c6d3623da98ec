"""A camera's stream is cut, and what comes instead of it is a recording of its own past: through the real worker."""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent.drivers.camera import process as process_module
from edge_agent.drivers.camera.integrity.replay import GAP
from edge_agent.drivers.camera.watched import OFFLINE
from tests.edge_agent.drivers.camera import hasty
from tests.edge_agent.drivers.camera.bench import Heard, camera, device, films, running, until
from tests.edge_agent.drivers.camera.integrity.watch import PLACE, learnt
from tests.edge_agent.drivers.camera.test_tampered import PROFILE, coded, living

__all__ = ["films"]

RATE = 2
"""Pictures a second: so few that a busy machine looks at each, too."""
BEGINS, LASTS = 4, 120
"""Seconds of the film at which the recording begins, and that it lasts: it begins again only after the test."""
SEEN = 50
"""Pictures of the camera that come before the cut."""


def recorded(path: Path, of: Path) -> Path:
    """A part of a film, its packets as they are: what somebody has who was listening."""
    with av.open(str(of), "r") as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if BEGINS * RATE <= number < (BEGINS + LASTS) * RATE:
                packet.stream, packet.time_base = stream, packet.time_base
                packet.pts = packet.dts = round((number - BEGINS * RATE) / RATE / packet.time_base)
                out.mux(packet)
    return path


@pytest.mark.timeout(180)
@pytest.mark.parametrize("killed", [False, True], ids=["cut", "cut and worker killed"])
async def test_a_recording_of_the_past_is_found_out_behind_a_cut_of_the_stream(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    (tmp_path / "quick.yaml").write_text(PROFILE)
    monkeypatch.setattr(process_module, "MODULE", hasty.__name__)
    known = {f"kept/{name}": base64.b64encode(value).decode() for name, value in learnt("vtest.avi").items()}
    heard = Heard({"gate": known})
    whole = coded(films / "whole.mp4", living(), rate=RATE)
    recording = recorded(films / "recording.mp4", whole)
    settings: dict[str, Any] = {"capture": {"timeout": "2s"}, "lines": [], **PLACE}
    settings |= {"profile": "quick", "profiles": [str(tmp_path)]}
    with camera(whole) as gate:
        async with running(device(gate.url, **settings), heard=heard) as (runner,):
            await until(
                lambda: heard.pictures("gate") >= SEEN and heard.memory["gate"].get("kept/q_replay/0"), "a past"
            )
            assert heard.told("q_replay") == []
            gate.stop()
            await until(lambda: heard.told(OFFLINE) and heard.told("q_lost"), f"a cut, longer than {GAP:g} s")
            if killed:
                worker = runner.worker
                os.kill(worker, signal.SIGKILL)
                await until(lambda: runner.worker not in (0, worker), "another worker")
            before = heard.pictures("gate")
            gate.start(recording)
            await until(lambda: heard.told("q_replay"), "the recording")
            assert heard.pictures("gate") - before < LASTS * RATE, "it has begun again meanwhile"
    assert heard.told("q_replay") == ["raised"]
    assert {each.code for each in heard.events} == {OFFLINE, "q_lost", "q_replay"}
