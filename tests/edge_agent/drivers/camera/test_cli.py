"""``edge-agent camera``: an engineer looks at a camera, draws what is watched, and tries the analysis on recordings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_agent.cli import camera as cli
from edge_agent.cli.main import main
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.watched import relearn_mark
from edge_agent.simulators.mine_scenes import BELT, Running, main_belt
from tests.edge_agent.drivers.camera import bench
from tests.edge_agent.drivers.camera.drawn import film
from tests.edge_agent.drivers.camera.onvif_camera import onvif_camera
from tests.private import write_private

SETTINGS = """
agent: mine-1
collector: county-1
state: state
site: {code: "140199900001", name: mine, adcode: "140199", industry: MK}
mqtt: {host: 127.0.0.1, tls: disabled}
devices:
  - name: belt
    driver: camera
    url: rtsp://127.0.0.1:1/belt
    code: "14010000001320000006"
    position: P06
    belt: {corners: [[0.10, 0.40], [0.90, 0.40], [0.90, 0.66], [0.10, 0.66]]}
"""


class Grey:
    """A scene in which nothing can be told from anything."""

    def frame(self, _at: float) -> Image:
        return np.full((576, 704, 3), 90, dtype=np.uint8)


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A belt that runs from the second second on."""
    return film(tmp_path_factory.mktemp("belt") / "belt.mp4", main_belt([Running(2, 60)]), 11)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text(SETTINGS)
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["camera", *(str(word) for word in words)])


def test_a_recording_is_analysed_as_if_its_camera_had_sent_it(belt: Path, settings: Path, tmp_path: Path) -> None:
    annotated = tmp_path / "seen.mp4"
    done = call("analyse", belt, "--settings", settings, "--camera", "belt", "--annotate", annotated, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    [raised] = [each for each in told["findings"] if each["event"] == "belt_run"]
    assert raised["state"] == "raised"
    assert 8 <= raised["second"] <= 9.5
    assert "belt_run" in told["open"]
    reader = cv2.VideoCapture(str(annotated))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == told["pictures"]
    reader.release()
    text = call("analyse", belt, "--settings", settings, "--camera", "belt")
    assert "belt_run           raised" in text.output
    assert "stands at the end: belt_run" in text.output


def labels(folder: Path, belt: Path, events: str) -> Path:
    camera = SETTINGS[SETTINGS.index("  - name: belt") :].replace("  - name", "    name").replace("\n    ", "\n      ")
    (folder / "labels.yaml").write_text(
        f"recordings:\n  - film: {belt}\n    camera:\n  {camera.lstrip().join(['    ', ''])}    events: {events}\n"
    )
    return folder


def test_labelled_recordings_are_scored_and_shown_on_a_page(belt: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    folder = labels(
        tmp_path, belt, "[{event: belt_run, start: 2s, until: 11s}, {event: belt_load, start: 1s, until: 2s}]"
    )
    done = call("evaluate", folder, "--html", page, "--pictures", tmp_path / "pictures", "--json")
    assert done.exit_code == 0, done.output
    told = {each["event"]: each for each in json.loads(done.stdout)["events"]}
    assert (told["belt_run"]["hit"], told["belt_run"]["false"], told["belt_load"]["missed"]) == (1, 0, 1)
    assert 0 <= told["belt_run"]["delay_s"] <= 2.5
    assert "missed belt_load at 1.0 s" in page.read_text()
    assert "data:image/jpeg;base64," in page.read_text()
    shown = {each.name.partition("-")[2]: cv2.imread(str(each)) for each in (tmp_path / "pictures").iterdir()}
    (right,) = [name for name in shown if name.startswith("true-belt_run")]
    assert shown.keys() == {right, "missed-belt_load-at-1.0-s.jpg"}
    assert all(image is not None and image.shape[1] == 480 for image in shown.values())
    assert "belt_run" in call("evaluate", folder).output


def test_mistakes_in_labels_are_told_with_their_lines(belt: Path, tmp_path: Path) -> None:
    folder = labels(tmp_path, belt, "[{event: belt_runs, start: 2s}, {event: belt_run, start: 4s, until: 3s}]")
    done = call("evaluate", folder)
    assert done.exit_code == 2
    assert "labels.yaml:" in done.output
    assert "'belt_runs' is none of the profile's events" in done.output
    assert "until must be after start" in done.output


def test_setup_draws_what_the_settings_say_and_what_cannot_be_judged(
    belt: Path, settings: Path, tmp_path: Path
) -> None:
    target = tmp_path / "grid.png"
    done = call("setup", settings, "belt", "--film", belt, "--picture", target)
    assert done.exit_code == 0, done.output
    image = cv2.imread(str(target))
    assert image is not None
    corner = image[round(BELT[0][1] * 576), round(BELT[0][0] * 704)]
    assert corner.tolist() == [255, 200, 0]
    assert "looked for: belt_load, belt_run" in done.output
    assert "belt_load: judged by how rough" in done.output


@pytest.mark.parametrize(
    ("position", "words"),
    [
        ("P05", ["post_sleep: told only of somebody whom the detector finds", "post_empty: somebody who sits still"]),
        ("P04", ["vehicle_in: ", "plates are not read, and whether it is loaded is not told"]),
        ("P09", ["machine_run: ", "any large wide thing that moves for a vehicle, and so for a machine"]),
    ],
)
def test_setup_says_what_cannot_be_judged_without_a_network_or_at_all(
    belt: Path, settings: Path, tmp_path: Path, position: str, words: list[str]
) -> None:
    gate = "lines: [{name: gate, start: [0.5, 0], end: [0.5, 1], inside: [0.9, 0.5], of: [vehicle]}]"
    text = settings.read_text().replace("P06", position)
    settings.write_text("\n".join(f"    {gate}" if "belt: {" in each else each for each in text.splitlines()))
    done = call("setup", settings, "belt", "--film", belt, "--picture", tmp_path / "grid.png")
    assert done.exit_code == 0, done.output
    for each in words:
        assert each in done.output


def test_setup_checks_what_is_drawn_against_the_picture(belt: Path, settings: Path, tmp_path: Path) -> None:
    drawn = """
    masks: [[[0, 0], [0.5, 0], [0.5, 0.3], [0, 0.3]]]
    heights: [{y: 0.4, height: 0.05}, {y: 1.0, height: 0.3}]
    lines: [{name: way, start: [0.3, 0.2], end: [0.7, 0.2], inside: [0.5, 0]}]
    regions:
      - {name: far, points: [[0.9, 0.9], [0.91, 0.9], [0.91, 0.91]], events: [hoist_run]}
      - {name: drum, points: [[0.3, 0], [0.7, 0], [0.7, 0.2], [0.3, 0.2]], events: [hoist_run]}
      - {name: yard, points: [[0, 0.4], [1, 0.4], [1, 1], [0, 1]]}
"""
    settings.write_text(settings.read_text() + drawn.lstrip("\n"))
    done = call("setup", settings, "belt", "--film", belt, "--picture", tmp_path / "grid.png", "--learn")
    assert done.exit_code == 0, done.output
    assert "region far: " in done.output
    assert "of the picture's 704×576 pixels; of fewer than 576 nothing can be told" in done.output
    assert "region drum: 50% of it lies under a mask, where nothing is looked at" in done.output
    assert "line way: 50% of it lies under a mask, where nobody is seen" in done.output
    assert "line way: the smallest person at its far end has 12 of 576 lines" in done.output
    assert "region yard" not in done.output
    assert "belt: even" not in done.output, "it has a pattern"
    assert relearn_mark(settings.parent / "state" / "evidence", "belt").exists()


def test_setup_says_where_nothing_could_be_seen_to_move(settings: Path, tmp_path: Path) -> None:
    grey = film(tmp_path / "grey.mp4", Grey(), 1)
    done = call("setup", settings, "belt", "--film", grey, "--picture", tmp_path / "grid.png")
    assert "belt: even in this picture (0.0 grey levels), so nothing in it could be seen to move" in done.output


def test_setup_says_of_a_lamp_what_is_told_and_whether_it_is_lit_already(settings: Path, tmp_path: Path) -> None:
    region = "regions: [{name: lamp, points: [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3], [0.1, 0.3]], events: [lamp_on]}]"
    text = settings.read_text().replace("P06", "P10")
    settings.write_text("\n".join(f"    {region}" if "belt: {" in each else each for each in text.splitlines()))
    said = []
    for number, level in enumerate((90, 240)):
        still = tmp_path / f"{number}.png"
        cv2.imwrite(str(still), np.full((480, 640, 3), level, dtype=np.uint8))
        said.append(call("setup", settings, "belt", "--film", still, "--picture", tmp_path / "grid.png").output)
    assert "looked for: intrusion, lamp_on" in said[0]
    assert "lamp_on: told of any bright spot that stays" in said[0]
    assert "is the lamp lit?" not in said[0]
    assert "region lamp: its brightest part has 240 of 255 grey levels already; is the lamp lit?" in said[1]


def test_what_cannot_be_is_a_sentence(settings: Path, tmp_path: Path, belt: Path) -> None:
    assert "has no camera 'gate'; it has belt" in call("setup", settings, "gate").output
    silent = call("snapshot", settings, "belt", tmp_path / "now.png")
    assert silent.exit_code == 1
    assert "belt: " in silent.output
    assert "refused" in silent.output
    wrong = call("setup", settings, "belt", "--film", belt, "--picture", tmp_path / "now.txt")
    assert (wrong.exit_code, wrong.exception.__class__) == (1, SystemExit)
    assert "expected a name that ends in .png or .jpg" in wrong.output
    (tmp_path / "no.mp4").write_text("no film")
    assert "cannot be read as a film" in call("analyse", tmp_path / "no.mp4").output
    assert "'P99' is no position" in call("analyse", belt, "--position", "P99").output
    assert "go together" in call("analyse", belt, "--settings", settings).output
    assert "expected a time with its offset" in call("analyse", belt, "--start", "2026-11-24T01:10").output
    assert "user and password are keys of their own" in call("probe", "rtsp://admin:secret@127.0.0.1/1").output


def test_relearning_is_asked_of_the_running_agent_by_a_mark(settings: Path) -> None:
    assert call("relearn", settings, "belt").exit_code == 0
    assert relearn_mark(settings.parent / "state" / "evidence", "belt").exists()


def test_probe_says_what_a_camera_sends_and_what_is_seen(films: Path, tmp_path: Path) -> None:
    target = tmp_path / "now.jpg"
    with bench.camera(bench.encoded(films)) as server:
        done = call("probe", server.url, "--picture", target)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("h264 320×240")
    assert "at one time:" in done.output
    assert cv2.imread(str(target)).shape == (240, 320, 3)  # type: ignore[union-attr]  # it was read


films = bench.films


def test_probe_shows_what_a_camera_tells_over_onvif_and_no_password(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "LOOK", 0.5)
    write_private(tmp_path / "secret", "p@ss:w/rd\n")
    login = "--user", "viewer", "--password-file", tmp_path / "secret"
    streams = [("P1", "subStream", "V0", 704, 576), ("P9", "a\x9b2J\nb\u202e", "V0", 176, 144)]
    with (
        bench.camera(bench.encoded(films), login="viewer:p@ss:w/rd") as live,
        onvif_camera(stream=f"{live.url}?auth=abc", ahead=-90, profiles=streams) as there,
    ):
        done = call("probe", f"onvif://{there.address}", *login, "--picture", tmp_path / "seen.png")
    assert done.exit_code == 0, done.output
    assert re.search(r"Nobody N-1 V1\.0, clock -(89\.\d|90\.\d) s \(± 0\.\d\)", done.output)
    assert f"* subStream (P1) 704×576 H264\n    stream {live.url}?…\n" in done.output
    assert "h264 320×240" in done.output
    assert "  a\\x9b2J\\nb\\u202e (P9) 176×144 H264\n" in done.output  # whatever a camera calls it
    assert "abc" not in done.output
    assert "p@ss" not in done.output
    assert (tmp_path / "seen.png").exists()
