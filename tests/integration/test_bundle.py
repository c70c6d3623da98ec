"""The bundle for sites without internet, installed with the network denied into an empty environment, runs far from the
checkout: templates, profiles and schemas came with it.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _without_network() -> list[str]:
    """What denies a command every network; nothing where the system lets nobody (pip has no index even then)."""
    for words in (["unshare", "-n"], ["unshare", "-r", "-n"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    return []


def _bundled(folder: Path, *words: str) -> Path:
    """A bundle of this checkout, unpacked."""
    subprocess.run([ROOT / "scripts/bundle", "--output", folder, *words], check=True)
    [archive] = folder.glob("edge-gateway-*.tar")
    subprocess.run(["sha256sum", "--check", "--quiet", f"{archive.name}.sha256"], check=True, cwd=folder)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.stem


def _wheels(bundle: Path, machine: str) -> set[str]:
    return {path.name.split("-")[0] for path in bundle.glob(f"wheels/*{machine}.whl")}


@pytest.mark.timeout(900)
def test_the_bundle_installs_without_a_network_and_runs_the_demo_far_from_the_checkout(tmp_path: Path) -> None:
    bundle = _bundled(tmp_path, "--platform", platform.machine())
    [wheel] = bundle.glob("wheels/edge_gateway-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]
    for part in ("mosquitto/acl", "mosquitto/acl-collector", "mosquitto/listener", "mosquitto/mosquitto.conf"):
        assert f"config/templates/{part}" in names
    assert "profiles/schemas/data.json" in names
    assert "profiles/tables/units.csv" in names

    run([*_without_network(), bundle / "install", tmp_path / "env"], tmp_path)
    bin_folder = tmp_path / "env/bin"
    for program, name in (("edge-agent", "agent"), ("edge-collector", "collector")):
        run([bin_folder / program, "init"], tmp_path)
        run([bin_folder / program, "check", f"{name}.yaml"], tmp_path)
    demo: list[str | Path] = [bin_folder / "edge-collector", "demo", "--seconds", "3", "--json"]
    done = subprocess.run(demo, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("The sealed mine is left out: av, cv2, numpy not installed (pip install")
    figures = json.loads(done.stdout)
    assert (figures["missing"], figures["seal"]) == (0, None)

    (bundle / "LICENSE").write_text("altered on the way")
    broken = subprocess.run([bundle / "install", tmp_path / "never"], capture_output=True, text=True, check=False)
    assert broken.returncode == 1
    assert "the bundle is not as it was made; nothing was installed" in broken.stderr
    assert not (tmp_path / "never").exists()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_one_bundle_holds_what_both_platforms_need_also_of_cameras(tmp_path: Path) -> None:
    bundle = _bundled(tmp_path, "--cameras")
    needed = _wheels(bundle, "x86_64")
    assert {"cryptography", "msgspec", "pydantic_core", "av", "numpy", "opencv_python_headless"} <= needed
    assert _wheels(bundle, "aarch64") == needed
    run([*_without_network(), bundle / "install", tmp_path / "env"], tmp_path)
    run([tmp_path / "env/bin/python", "-c", "import av, cv2, numpy"], tmp_path)


def run(words: Sequence[str | Path], folder: Path) -> str:
    """What a command says; AssertionError with what it complained of when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
