"""The wheel, in an empty environment and another folder: templates, profiles and schemas came with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_the_wheel_runs_the_demo_far_from_the_checkout(tmp_path: Path) -> None:
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = tmp_path / "source"  # a folder of its own: setuptools packs what an earlier build left behind
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    build: list[str | Path] = [sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(build, check=True, cwd=tmp_path)
    [wheel] = tmp_path.glob("edge_gateway-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]
    venv.create(tmp_path / "env", with_pip=True)
    bin_folder = tmp_path / "env/bin"
    subprocess.run([bin_folder / "python", *pip, "install", wheel], check=True, cwd=tmp_path)
    for program, name in (("edge-agent", "agent"), ("edge-collector", "collector")):
        subprocess.run([bin_folder / program, "init"], check=True, cwd=tmp_path)
        subprocess.run([bin_folder / program, "check", f"{name}.yaml"], check=True, cwd=tmp_path)
    for part in ("mosquitto/acl", "mosquitto/acl-collector", "mosquitto/listener", "mosquitto/mosquitto.conf"):
        assert f"config/templates/{part}" in names
    assert "profiles/schemas/data.json" in names
    assert "profiles/tables/units.csv" in names
    done = subprocess.run(
        [bin_folder / "edge-collector", "demo", "--seconds", "3", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("The sealed mine is left out: av, cv2, numpy not installed (pip install")
    figures = json.loads(done.stdout)
    assert (figures["missing"], figures["seal"]) == (0, None)
