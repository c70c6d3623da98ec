"""The sample of docs/alarms.md is a settings file that holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.alarms.book import RAISES
from collector.alarms.lives import SEVERITY
from collector.alarms.settings import AlarmSettings
from collector.notify.sender import FIRST_PAUSE, LONGEST_PAUSE
from collector.settings import load_collector
from config.errors import ConfigError
from tests.private import write_private

PAGE = Path(__file__).parents[3] / "docs" / "alarms.md"
REST = (
    "collector: bureau\nmqtt: {host: 127.0.0.1, tls: disabled}\nstate: state\n"
    "sinks: [{type: sqlite, name: store, path: store.db}]\n"
)


def test_the_sample_loads_and_its_secrets_are_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [sample] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "collector.yaml").write_text(REST + sample)
    for name in ("robot-url", "robot-sign", "mail-password"):
        write_private(tmp_path / "secrets" / name, f"https://robot.example/{name}\n")
    loaded = load_collector(tmp_path / "collector.yaml")
    assert not loaded.warnings
    settings = loaded.settings
    assert (settings.audit.hash, settings.alarms.chatter.raises) == ("sm3", 5)
    names = [receiver.name for receiver in settings.notify.receivers]
    assert names == ["duty-robot", "chief", "county-sms", "province"]
    assert settings.notify.rules[-1].escalate is not None
    assert settings.notify.rules[-1].escalate.to == (("county-sms",), ("chief",), ("province",))
    assert "robot.example" not in repr(settings)


def test_what_the_page_says_of_defaults_is_so() -> None:
    page, alarms = PAGE.read_text(), AlarmSettings()
    told = [
        f"`alarms.keep` ({alarms.keep / 86_400:.0f} d)",
        f"`alarms.most_open` ({alarms.most_open:,})",
        f"  rejoin: {alarms.rejoin / 60:.0f}m\n",
        f"{{raises: {alarms.chatter.raises}, within: {alarms.chatter.within / 3600:.0f}h}}",
        f"after {FIRST_PAUSE:.0f} s, {2 * FIRST_PAUSE:.0f} s … {LONGEST_PAUSE / 60:.0f} min",
        f"{RAISES} are kept one by one",
    ]
    assert [words for words in told if words not in page] == []
    for severity in set(SEVERITY.values()):
        levels = [level for level, its in SEVERITY.items() if its == severity]
        assert f"{severity} for {', '.join(levels)}" in page


def mistakes(folder: Path, notify: str) -> dict[int, str]:
    """What is wrong with settings, by the line within `notify`."""
    (folder / "collector.yaml").write_text(REST + notify)
    with pytest.raises(ConfigError) as caught:
        load_collector(folder / "collector.yaml")
    return {problem.line - REST.count("\n"): problem.message for problem in caught.value.problems}


def test_mistakes_in_notifications_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    told = mistakes(tmp_path, """\
notify:
  zone: Beijing
  receivers:
    - {type: smtp, name: chief, host: mail.example, sender: nobody, to: [a@b.example]}
  rules:
    - to: [chief]
      duty: {begin: 8 o'clock}
""")  # fmt: skip
    assert set(told) == {2, 4, 7}
    for line, words in ((2, "+08:00"), (4, "a mail address"), (7, "08:00")):
        assert words in told[line]


def test_names_that_nobody_has_and_addresses_that_are_none_are_told_without_the_address(tmp_path: Path) -> None:
    told = mistakes(tmp_path, """\
notify:
  receivers:
    - {type: webhook, name: duty, url: robot.example/SECRET-TOKEN}
  rules:
    - to: [duty, dutty]
""")  # fmt: skip
    assert told == {
        3: "expected an address that begins with https:// or http://",
        5: "no receiver has the name 'dutty'; there are: duty",
    }
