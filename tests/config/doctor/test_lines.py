"""The lines that a person reads."""

from __future__ import annotations

from click.testing import CliRunner

from collector.doctor.state import DEAD
from config.doctor.commands import doctor_command
from config.doctor.finding import ok, warning


def test_the_longest_name_of_a_check_stands_apart_from_its_text() -> None:
    found = [ok(DEAD, "none"), warning("clock", "it is wrong", "set it")]
    done = CliRunner().invoke(doctor_command("collector", "collector.yaml", lambda *_: iter(found)), [])
    assert done.output.splitlines()[:3] == [
        "ok      dead letters none",
        "warning clock        it is wrong",
        f"{'':21}→ set it",
    ]  # fmt: skip
    assert done.exit_code == 1
