"""Each channel against a real server or program: what arrives, what counts as delivered, and that no secret is told."""

from __future__ import annotations

import base64
import hmac
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import structs
from pydantic import SecretStr

from collector.alarms.lives import Deed, Last, Life, Place
from collector.notify.channels.base import DeliveryError
from collector.notify.channels.command import Command, CommandSettings
from collector.notify.channels.smtp import Smtp, SmtpSettings
from collector.notify.channels.webhook import Webhook, WebhookSettings
from collector.notify.message import Message, message
from tests.certificates import Authority
from tests.collector.alarms.make import NOW, SECOND
from tests.collector.notify.receivers import Robot, mailbox, robot
from tests.servers import LOCAL, free_port

PLACE = Place("plant-a", "limit", "T101.LEVEL", "high", "110110001", "110110", "hazchem-storage", "G1", "YW001", "YW")
LIFE = Life(
    id=12, name="A1", stored=NOW, known=NOW, place=PLACE, raised=NOW, until=NOW + SECOND, condition="cleared",
    last=Last("HH", 11.7, 11.5, "储罐A液位高高", PLACE), severity=4, gravest="HH", count=3, chattering=False,
    handled=Deed("li", NOW, "阀门已关", 4, 3),
)  # fmt: skip
RAISED = message("bureau", LIFE, "raised again 3", "+08:00")
PASSWORD = SecretStr("hunter22")


def webhook(told: Robot, **rest: Any) -> Webhook:
    return Webhook(WebhookSettings(type="webhook", name="robot", url=SecretStr(told.url), **rest))


def smtp(port: int, **rest: Any) -> Smtp:
    chosen: dict[str, Any] = {"sender": "gw@bureau.example", "to": ("li@bureau.example", "wang@bureau.example")}
    return Smtp(SmtpSettings(type="smtp", name="mail", host=LOCAL, port=port, **(chosen | rest)))


def test_a_message_says_what_where_since_when_and_in_which_state() -> None:
    assert RAISED.text.splitlines() == [
        "[HH] raised again 再次报警: limit T101.LEVEL, site 110110001",
        "since 起始 2025-10-09 16:53:20 +0800, cleared 恢复 2025-10-09 16:53:21 +0800",
        "value 数值 11.7, limit 限值 11.5",
        "point 指标 YW001 (hazchem-storage)",
        "储罐A液位高高",
        "raised 3 times 次",
        "alarm 12, open, collector bureau",
    ]
    assert "li: 阀门已关" in message("bureau", LIFE, "handled 5", "+08:00").text


def test_a_webhook_gets_the_fields() -> None:
    with robot() as told:
        webhook(told).send(RAISED)
        [body] = told.bodies
    assert body == {name: getattr(RAISED, name) for name in Message.__struct_fields__}
    assert (body["id"], body["alarm"], body["step"]) == (f"bureau/12/{NOW}/raised again 3", 12, "raised again")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("dingtalk", {"msgtype": "text", "text": {"content": RAISED.text}}),
        ("wecom", {"msgtype": "text", "text": {"content": RAISED.text}}),
        ("feishu", {"msg_type": "text", "content": {"text": RAISED.text}}),
    ],
)
def test_a_robot_gets_its_own_shape_and_its_own_word_counts(template: Any, expected: Any) -> None:
    with robot() as told:
        webhook(told, template=template).send(RAISED)
        assert told.bodies == [expected]
        for answer in (b'{"errcode": 310000, "code": 19021, "errmsg": "sign not match"}', b"<html>hello</html>", b"[]"):
            told.answer = answer
            with pytest.raises(DeliveryError, match="the robot refuses it"):
                webhook(told, template=template).send(RAISED)


def test_robots_of_dingtalk_and_feishu_are_signed() -> None:
    with robot() as told:
        webhook(told, template="dingtalk", secret=PASSWORD).send(RAISED)
        webhook(told, template="feishu", secret=PASSWORD).send(RAISED)
    query = {name: values[0] for name, values in parse_qs(urlsplit(told.paths[0]).query).items()}
    expected = hmac.digest(b"hunter22", f"{query['timestamp']}\nhunter22".encode(), "sha256")
    assert (query["access_token"], base64.b64decode(query["sign"])) == ("SECRET-TOKEN", expected)
    body = told.bodies[1]
    expected = hmac.digest(f"{body['timestamp']}\nhunter22".encode(), b"", "sha256")
    assert base64.b64decode(body["sign"]) == expected


def test_a_webhook_that_is_not_there_or_answers_no_2xx_has_delivered_nothing_and_tells_no_secret() -> None:
    with robot() as told:
        for told.status in (302, 404, 500):
            told.answer = b"no SECRET-TOKEN for access_token=SECRET-TOKEN here"
            with pytest.raises(DeliveryError, match=f"the server answers {told.status}") as caught:
                webhook(told).send(RAISED)
            assert "access_token=SECRET-TOKEN" not in str(caught.value)
        gone = webhook(told)
    with pytest.raises(DeliveryError) as caught:
        gone.send(RAISED)
    assert "SECRET-TOKEN" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_long_text_is_cut_between_characters() -> None:
    with robot() as told:
        long = Message(**{name: getattr(RAISED, name) for name in Message.__struct_fields__} | {"text": "储" * 2000})
        webhook(told, template="wecom").send(long)
        content = told.bodies[0]["text"]["content"]
    assert set(content) == {"储"}
    assert len(content.encode()) <= 2048


def test_a_mail_arrives_at_all_its_addresses() -> None:
    with mailbox() as box:
        smtp(box.port, tls="disabled").send(RAISED)
        [mail] = box.mails
    assert box.to == [["li@bureau.example", "wang@bureau.example"]]
    assert mail["Subject"] == RAISED.title
    assert mail["Message-ID"] == f"<bureau.12.{NOW}.raised-again-3@edge-collector>"
    assert mail.get_content().splitlines() == RAISED.text.splitlines()  # type: ignore[attr-defined]


def test_a_name_with_a_line_end_is_mailed_all_the_same() -> None:
    odd = structs.replace(PLACE, source="T1\r\nBcc: all@bureau.example")
    with mailbox() as box:
        smtp(box.port, tls="disabled").send(message("bureau", structs.replace(LIFE, place=odd), "raised", "+08:00"))
        [mail] = box.mails
    assert mail["Bcc"] is None
    assert "T1 Bcc: all@bureau.example" in mail["Subject"]
    assert box.to == [["li@bureau.example", "wang@bureau.example"]]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_travels_by_tls_after_a_log_in_and_a_wrong_password_or_server_is_refused(tmp_path: Path, tls: Any) -> None:
    authority = Authority(tmp_path)
    with mailbox(authority.issue("mail"), at_once=tls == "tls") as box:
        secure = {"tls": tls, "ca": tmp_path / "ca.crt", "username": "bureau"}
        smtp(box.port, password=PASSWORD, **secure).send(RAISED)
        assert len(box.mails) == 1
        with pytest.raises(DeliveryError, match="SMTPAuthenticationError") as caught:
            smtp(box.port, password=SecretStr("hunter23"), **secure).send(RAISED)
        assert "hunter23" not in str(caught.value)
        Authority(tmp_path / "other")
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            smtp(box.port, password=PASSWORD, **(secure | {"ca": tmp_path / "other" / "ca.crt"})).send(RAISED)
        assert len(box.mails) == 1


def test_a_mail_server_without_tls_gets_no_password() -> None:
    with mailbox() as box:
        with pytest.raises(DeliveryError, match="STARTTLS extension not supported"):
            smtp(box.port, username="bureau", password=PASSWORD).send(RAISED)
        assert not box.mails


def test_an_address_that_is_refused_is_not_passed_over() -> None:
    with mailbox() as box:
        box.refused = {"wang@bureau.example"}
        with pytest.raises(DeliveryError, match=r"wang@bureau\.example"):
            smtp(box.port, tls="disabled").send(RAISED)
    with pytest.raises(DeliveryError, match="ConnectionRefusedError"):
        smtp(free_port(), tls="disabled").send(RAISED)


def test_a_command_gets_its_arguments_as_they_stand_and_the_text_on_its_input(tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'wb').write(sys.argv[2].encode() + b'|' + sys.stdin.buffer.read())"
    command = (sys.executable, "-c", code, str(tmp_path / "sms"), "$(id); `id` *")
    Command(CommandSettings(type="command", name="sms", command=command)).send(RAISED)
    assert (tmp_path / "sms").read_text() == f"$(id); `id` *|{RAISED.text}"


@pytest.mark.parametrize(
    ("code", "timeout", "expected"),
    [
        ("import sys; sys.exit('no credit')", 30.0, "ended with 1: no credit"),
        ("import time; time.sleep(600)", 0.3, r"did not end within 0\.3 s"),
    ],
)
def test_a_command_that_fails_or_hangs_has_delivered_nothing(code: str, timeout: float, expected: str) -> None:
    chosen = CommandSettings(type="command", name="sms", command=(sys.executable, "-c", code), timeout=timeout)
    with pytest.raises(DeliveryError, match=expected):
        Command(chosen).send(RAISED)


def test_a_command_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(DeliveryError, match="/no/such/program cannot be started"):
        Command(CommandSettings(type="command", name="sms", command=("/no/such/program",))).send(RAISED)
