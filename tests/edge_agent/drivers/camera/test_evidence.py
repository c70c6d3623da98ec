"""What proves an event: pictures of the right moments, small, hashed as they are, with nothing private in them."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.evidence import Privacy, Witness, jpeg
from edge_agent.drivers.camera.findings import Box, Finding
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.watching import merged
from profiles.wire.messages import Evidence
from tests.edge_agent.drivers.camera.rig import T0, seal

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
CAMERA = "14010000001320000006"
BOX = Box(0.4, 0.2, 0.6, 0.8, "person", 0.9)


def shade(at: float) -> Image:
    """A picture that tells its second by its grey."""
    return np.full((480, 640, 3), 10 * int(at) % 256, np.uint8)


def picture(at: float) -> Picture:
    return Picture(shade(at), time=T0 + round(at * 1000), at=at)


def witness(folder: Path, *, film: bytes = b"", privacy: Privacy | None = None) -> Witness:
    return Witness(folder, CAMERA, seal().evidence, BEIJING, lambda _start, _end: film, privacy or Privacy())


def raised(at: float, code: str = "belt_run") -> Finding:
    time = T0 + round(at * 1000)
    return Finding(code=code, state="raised", time=time, since=time, boxes=(BOX,))


def watch(this: Witness, until: float, event: float, rate: float = 5.0) -> dict[str, tuple[float, Evidence]]:
    """The files of an event at `event` s, by their role, with the second at which each was handed over."""
    found: dict[str, tuple[float, Evidence]] = {}
    for number in range(int(until * rate)):
        at = number / rate
        seen = picture(at)
        this.see(seen)
        files = list(this.prove(raised(at), seen)) if at == event else []
        for changed, more in this.later(seen):
            assert (changed.state, changed.since) == ("changed", T0 + round(event * 1000))
            files += more
        found |= {file.id.rpartition("-")[2].partition(".")[0]: (at, file) for file in files}
    return found


def grey_of(folder: Path, file: Evidence) -> float:
    image = cv2.imread(str(folder / file.id))
    assert image is not None
    return float(np.median(image))


def test_pictures_of_before_at_and_after_and_a_film_each_at_its_time(tmp_path: Path) -> None:
    found = watch(witness(tmp_path, film=b"film"), 30, 8.0)
    assert {role: at for role, (at, _file) in found.items()} == {"b": 8.0, "a": 8.0, "m": 8.0, "c": 11.0, "f": 18.0}
    greys = {role: round(grey_of(tmp_path, found[role][1]) / 10) for role in "bac"}
    assert greys == {"b": 5, "a": 8, "c": 11}
    assert [found[role][1].captured - T0 for role in "bac"] == [5000, 8000, 11000]
    assert (tmp_path / found["f"][1].id).read_bytes() == b"film"
    assert found["f"][1].type == "video/mp4"
    roles = {"b": "before", "a": "at", "m": "marked", "c": "after", "f": "film"}
    assert {role: file.role for role, (_at, file) in found.items()} == roles


def test_each_file_is_named_by_camera_day_and_time_and_has_its_hash(tmp_path: Path) -> None:
    _at, file = watch(witness(tmp_path), 10, 8.0)["a"]
    body = (tmp_path / file.id).read_bytes()
    assert file == Evidence(
        id=f"{CAMERA}/20270115/160008000-belt_run-a.jpg", type="image/jpeg", size=len(body),
        sha256=hashlib.sha256(body).hexdigest(), captured=T0 + 8000, role="at",
    )  # fmt: skip
    assert not list(tmp_path.glob("**/.*"))


def test_boxes_are_drawn_on_a_copy_and_the_original_is_left_alone(tmp_path: Path) -> None:
    found = watch(witness(tmp_path), 10, 8.0)
    original, copy = (cv2.imread(str(tmp_path / found[role][1].id)) for role in "am")
    assert original is not None
    assert copy is not None
    assert float(np.ptp(original)) < 5
    assert int(copy[96:384, 254:259, 2].max()) > 200


def test_what_is_masked_is_black_in_every_picture(tmp_path: Path) -> None:
    privacy = Privacy(masks=(((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.0, 0.25)),))
    found = watch(witness(tmp_path, privacy=privacy), 20, 12.0)
    for role in "bamc":
        image = cv2.imread(str(tmp_path / found[role][1].id))
        assert image is not None
        assert float(image[:110, :150].mean()) < 8
        assert float(image[240:, :200].mean()) > 60


def test_where_masks_are_set_there_is_no_film_since_nobody_masks_what_the_camera_coded(tmp_path: Path) -> None:
    privacy = Privacy(masks=(((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.0, 0.25)),))
    assert set(watch(witness(tmp_path, film=b"film", privacy=privacy), 30, 8.0)) == set("bamc")


def test_an_event_that_clears_takes_its_film_along_and_nothing_is_told_of_it_afterwards(tmp_path: Path) -> None:
    this = witness(tmp_path, film=b"film")
    this.prove(raised(5.0), picture(5.0))
    over = Finding(code="belt_run", state="cleared", time=T0 + 11_000, since=T0 + 5000)
    assert [file.id[-5:] for file in this.prove(over, picture(11.0))] == ["c.jpg", "f.mp4"]
    assert list(this.later(picture(20.0))) == []


def test_what_follows_has_the_counts_of_the_newest_change(tmp_path: Path) -> None:
    this = witness(tmp_path)
    this.prove(raised(5.0, "person_in"), picture(5.0))
    more = Finding(code="person_in", state="changed", time=T0 + 6000, since=T0 + 5000, facts={"persons": 2})
    assert this.prove(more, picture(6.0)) == ()
    [(changed, [after])] = this.later(picture(9.0))
    assert (changed.facts, after.id[-5:]) == ({"persons": 2}, "c.jpg")


def test_three_who_cross_in_one_picture_are_one_change_with_the_last_count() -> None:
    def told(state: str, persons: int) -> Finding:
        return Finding(code="person_in", state=state, time=T0, since=T0, facts={"persons": persons})  # type: ignore[arg-type]

    first, second, third = told("raised", 1), told("changed", 2), told("changed", 3)
    file = Evidence(id="a", type="image/jpeg", size=1, sha256="", captured=T0)
    assert merged([(first, (file,)), (second, ()), (third, (file,))]) == [(first, (file,)), (third, (file,))]


def test_faces_are_blurred_in_the_copy_if_that_is_set(tmp_path: Path) -> None:
    board = np.indices((480, 640)).sum(axis=0) // 4 % 2 * 255
    image = np.repeat(board.astype(np.uint8)[:, :, None], 3, axis=2)
    this = witness(tmp_path, privacy=Privacy(blur_faces=True))
    files = this.prove(raised(1.0), Picture(image, time=T0, at=1.0))
    original, copy = (cv2.imread(str(tmp_path / file.id)) for file in files)
    assert original is not None
    assert copy is not None
    face = np.s_[100:160, 270:370]
    assert float(original[face].std()) > 80
    assert float(copy[face].std()) < 40
    assert float(copy[300:380, 270:370].std()) > 80


def test_sm3_stands_beside_sha_256_if_that_is_set(tmp_path: Path) -> None:
    file = watch(witness(tmp_path, privacy=Privacy(sm3=True)), 10, 8.0)["a"][1]
    assert len(file.sm3) == 64
    assert file.sm3 != file.sha256


def test_a_picture_is_made_small_enough_or_said_not_to_fit() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    body = jpeg(image, 1280, 300 * 1024)
    assert len(body) <= 300 * 1024
    shown = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (720, 1280, 3)
    with pytest.raises(ValueError, match="does not fit into 1000 bytes"):
        jpeg(image, 1280, 1000)


def test_a_film_beyond_its_bound_is_left_out(tmp_path: Path) -> None:
    assert "f" not in watch(witness(tmp_path, film=b"x" * (9 * 2**20)), 30, 8.0)


def test_the_past_is_bounded_and_the_film_of_a_camera_that_was_torn_off_goes_as_far_as_it_was_there(
    tmp_path: Path,
) -> None:
    this = witness(tmp_path, film=b"film")
    for number in range(1000):
        this.see(picture(number / 10))
    assert len(this._past) <= 6
    this.prove(raised(100.0), picture(100.0))
    [(changed, [film])] = this.lost(T0 + 103_000)
    assert (changed.state, changed.since, film.type) == ("changed", T0 + 100_000, "video/mp4")
    assert list(this.later(picture(115.0))) == []


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / CAMERA).write_text("a file in the way")
    with pytest.raises(OSError, match="Not a directory"):
        witness(tmp_path).prove(raised(1.0), picture(1.0))
