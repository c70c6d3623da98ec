"""Canaries in every secret setting, each error provoked: none of them stands where it should not."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import psutil
import pytest
from pydantic import BaseModel, SecretStr

from collector.notify.channels.smtp import Smtp, SmtpSettings
from collector.notify.channels.webhook import Webhook, WebhookSettings
from collector.reports.transports.base import Outgoing
from collector.reports.transports.http.transport import HttpSettings, HttpTransport
from collector.settings import collector_model, load_collector
from collector.sinks.influxdb.prepare import prepare
from collector.sinks.influxdb.settings import InfluxSettings
from collector.sinks.influxdb.sink import InfluxSink
from config.errors import ConfigError
from config.private import readable_keys
from edge_agent.drivers.camera.capture.snapshot import SnapshotSource
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.opcua.session import RefusedError, open_session
from edge_agent.settings import agent_model, load_agent
from tests.certificates import Authority
from tests.collector.notify.receivers import mailbox
from tests.collector.notify.test_channels import RAISED
from tests.collector.reports.test_sftp import There
from tests.collector.sinks.make import ramp
from tests.edge_agent.drivers.opcua.plant import device as opcua
from tests.edge_agent.drivers.opcua.plant import plant
from tests.private import write_private
from tests.servers import LOCAL, free_port, mosquitto, wait_for
from tests.servers import running as served

CANARY = "c4n4ry-"
PERSONS = base64.b64encode(b"c4n4ry-of-persons-32-bytes-long!").decode()


def canary(name: str) -> str:
    """16 characters, as ciphers want them."""
    return f"{CANARY}{name}".ljust(16, "x")[:16]


GROUPS = ((0, slice(9)), (1, slice(2, 10)), (2, slice(3, 11)))
"""Bytes before it in a group of base64, and the characters that then depend on nothing else."""
BASE64 = [base64.b64encode(b"\0" * at + CANARY.encode()).decode()[part] for at, part in GROUPS]
SHAPES = re.compile("|".join([CANARY, CANARY.encode().hex(), CANARY.encode().hex().upper(), *BASE64]))
"""As it is, in hexadecimal, in base64."""


def leaks(text: str | bytes) -> list[str]:
    told = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [told[max(0, each.start() - 80) : each.end() + 20] for each in SHAPES.finditer(told)]


def test_the_shapes_of_a_canary_are_known() -> None:
    for before in ("", "u:", "user:", "viewer:"):
        secret = f"{before}{canary('a')}"
        for told in (secret, quote(secret), secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert leaks(f"so: {told}"), told
    assert not leaks("mqtt:canary.example" * 50)


@contextmanager
def parrot(status: int = 400) -> Iterator[int]:
    """A server that repeats whatever it is sent, headers and all, in an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode("latin-1")
            said = json.dumps({"message": f"no: {self.path} {dict(self.headers)} {body}"}).encode()
            if self.path.startswith("/token"):
                chosen, said = 200, json.dumps({"access_token": canary("access"), "expires_in": 60}).encode()
            else:
                chosen = status
            self.send_response(chosen, "no")
            if chosen == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST  # noqa: N815  # as the standard library calls it

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing is printed."""

    server = ThreadingHTTPServer((LOCAL, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told_by(settings: BaseModel, action: Callable[[], object]) -> str:
    """What an operator may see of a failure: the traceback with all its causes, and the settings in it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each kind of error is looked at
        action()
    return "".join(traceback.format_exception(caught.value)) + f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Everything that any library logs at the level debug."""
    caplog.set_level(logging.DEBUG)
    yield lambda: "\n".join(f"{each.getMessage()} {each.exc_text or ''}" for each in caplog.records)
    assert not leaks("\n".join(each.getMessage() for each in caplog.records))


@pytest.mark.parametrize("status", [400, 401, 500])
def test_stores_that_repeat_what_they_are_sent(status: int, heard: Callable[[], str]) -> None:
    with parrot(status) as port:
        for more in (
            {"api": "v1", "database": "d", "username": "user", "password": canary("influx")},
            {"api": "v2", "org": "o", "bucket": "b", "token": canary("token")},
        ):
            for place in (port, free_port()):
                url = f"http://{LOCAL}:{place}"
                settings = InfluxSettings.model_validate({"type": "influxdb", "url": url, "timeout": "5s"} | more)
                sink = InfluxSink(settings)
                for action in (lambda: sink.write(ramp("P1", 1), []), lambda: prepare(settings, None)):  # noqa: B023
                    assert not leaks(told_by(settings, action))  # each raises
                sink.close()
    assert heard() is not None


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_platforms_that_repeat_what_they_are_sent(status: int, heard: Callable[[], str]) -> None:
    with parrot(status) as port:
        for place in (port, free_port()):
            settings = HttpSettings.model_validate({
                "type": "http", "url": f"http://{LOCAL}:{place}/report", "headers": {"appsecret": canary("header")},
                "oauth2": {"token_url": f"http://{LOCAL}:{port}/token", "client_id": "us",
                           "client_secret": canary("client")},
            })  # fmt: skip
            transport = HttpTransport(settings)
            answer = await transport.send(Outgoing("d1", b"{}"))
            await transport.close()
            assert answer.verdict != "accepted"
            assert not leaks(f"{answer} {settings!r} {settings.model_dump_json()}"), answer
    assert heard() is not None


async def test_a_wrong_password_or_host_at_mail_webhooks_sftp_and_opc_ua(
    tmp_path: Path, heard: Callable[[], str]
) -> None:
    authority = Authority(tmp_path)
    with parrot() as port, mailbox(authority.issue("mail")) as box:
        for place in (port, free_port()):
            url = SecretStr(f"http://{LOCAL}:{place}/hook/{canary('path')}?key={canary('query')}")
            hook = WebhookSettings(
                type="webhook", name="h", url=url, template="feishu", secret=SecretStr(canary("sign"))
            )
            assert not leaks(told_by(hook, lambda: Webhook(hook).send(RAISED)))  # noqa: B023
        for place in (box.port, free_port()):
            mail = SmtpSettings(
                type="smtp", name="m", host=LOCAL, port=place, sender="a@b.example", to=("c@d.example",),
                ca=tmp_path / "ca.crt", username="bureau", password=SecretStr(canary("mail")),
            )  # fmt: skip
            assert not leaks(told_by(mail, lambda: Smtp(mail).send(RAISED)))  # noqa: B023
    there = There(tmp_path / "sftp")
    await there.start()
    try:
        for place in (there.port, free_port()):
            wrong = there.transport(password=SecretStr(canary("sftp")), port=place)
            answer = await wrong.send(Outgoing("d1", b"x"))
            await wrong.close()
            assert not leaks(f"{answer} {wrong._settings!r}")
    finally:
        await there.stop()
    async with plant() as site:
        for place in (site.port, free_port()):
            user = {"username": "operator", "password": canary("opcua")}
            settings = opcua(place, user=user, open_password=True)
            with pytest.raises(Exception) as caught:  # noqa: PT011
                async with open_session(settings):
                    raise ConnectionError("the plant lets everybody in")
            assert not leaks("".join(traceback.format_exception(caught.value)) + repr(settings))
    assert heard() is not None


@pytest.mark.parametrize("status", [401, 500])
def test_cameras_that_repeat_what_they_are_sent(status: int, heard: Callable[[], str]) -> None:
    with parrot(status) as port:
        for place in (port, free_port()):
            for source in (
                SnapshotSource(f"http://{LOCAL}:{place}/p", "viewer", canary("camera"), every=1, timeout=5),
                StreamSource(f"http://{LOCAL}:{place}/p", "viewer", canary("camera"), timeout=5),
                StreamSource(f"rtsp://{LOCAL}:{place}/p", "viewer", canary("camera"), timeout=5),
            ):
                with pytest.raises(Exception) as caught:  # noqa: PT011
                    source.open()
                assert not leaks("".join(traceback.format_exception(caught.value)))
    assert heard() is not None


SECRET_NAMES = re.compile(r"(^|_)(password|secret|token|iv|key)$")


def models(kind: Any, seen: dict[type[BaseModel], None]) -> dict[type[BaseModel], None]:
    """Every model that stands somewhere in an annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen[kind] = None
        for field in kind.model_fields.values():
            models(field.annotation, seen)
    for each in get_args(kind):
        models(each, seen)
    return seen


def test_every_setting_that_is_called_like_a_secret_hides_what_it_holds() -> None:
    found = models(collector_model(), models(agent_model(), {}))
    looked = 0
    for model in found:
        for name, field in model.model_fields.items():
            words = str(field.annotation)
            if SECRET_NAMES.search(name) and "Path" not in words and field.annotation is not bool:
                looked += 1
                assert "SecretStr" in words or "KeyText" in words, f"{model.__name__}.{name} is {words}"
    assert looked >= 10, "the models are no longer found"


COLLECTOR = """
collector: bureau
log: {level: debug}
mqtt: {host: 127.0.0.1, port: BROKER, tls: disabled, username: u, password: !secret mqtt}
state: state
sinks:
  - {type: influxdb, name: one, url: "http://127.0.0.1:PARROT", api: v1, database: d, username: u,
     password: !secret influx}
  - {type: influxdb, name: two, url: "http://127.0.0.1:PARROT", api: v2, org: o, bucket: b, token: !secret token}
cascade:
  - collector: province
    mqtt: {host: 127.0.0.1, port: BROKER, tls: disabled, username: u, password: !secret cascade}
reports:
  - name: city
    profiles: [hazchem-storage]
    frame: {type: app, app_id: !secret app, service_id: s}
    cipher: {type: sm4-cbc, key: !secret cipher, iv: !secret vector}
    transport:
      type: http
      url: "http://127.0.0.1:PARROT"
      headers: {appsecret: !secret header}
      oauth2: {token_url: "http://127.0.0.1:PARROT/token", client_id: us, client_secret: !secret client}
  - name: files
    profiles: [coal-safety]
    transport: {type: sftp, host: 127.0.0.1, port: NOBODY, username: u, password: !secret sftp, known_hosts: known}
notify:
  receivers:
    - {type: webhook, name: robot, url: !secret hook, template: feishu, secret: !secret sign}
    - {type: smtp, name: mail, host: 127.0.0.1, port: NOBODY, sender: a@b.example, to: [c@d.example],
       username: u, password: !secret mail}
  rules: []
persons: {keys: {"*": !secret persons}}
"""
AGENT = """
agent: plant-a
collector: bureau
log: {level: debug, format: json}
site: {code: "110110001", name: trial, adcode: "110110"}
mqtt: {host: 127.0.0.1, port: BROKER, tls: disabled, username: u, password: !secret mqtt}
state: state
devices:
  - {name: gate, driver: camera, url: "http://127.0.0.1:PARROT/p", snapshot: true, user: viewer,
     password: !secret camera, code: "14010000001320000001", position: P01, capture: {timeout: 2s},
     ignore: [person_in, person_out]}
  - {name: unit, driver: opcua, endpoint: "opc.tcp://127.0.0.1:NOBODY", security: none, open_password: true,
     user: {username: u, password: !secret opcua}, timeout: 2s, tags: [{name: level, node: "i=2258"}]}
  - name: mine
    driver: files
    folder: upload
    format: {type: text, profile: coal-personnel}
    persons: {key: !secret persons, restricted: {"1401234567890212": !secret cards}}
"""


def laid_out(folder: Path, text: str, ports: dict[str, int], env: dict[str, str]) -> Path:
    """A settings file whose secrets are canaries: every other one in a file, the rest in the environment."""
    folder.mkdir()
    for word, port in ports.items():
        text = text.replace(word, str(port))
    for number, name in enumerate(sorted(set(re.findall(r"!secret (\w+)", text)))):
        value = {
            "persons": PERSONS,
            "cards": f"{canary('cards')}x",
            "hook": f"http://127.0.0.1:{ports['PARROT']}/{canary('hook')}",
        }.get(name, canary(name))
        if number % 2:
            env[f"EDGE_SECRET_{name.upper()}"] = value
        else:
            write_private(folder / "secrets" / name, value)
    (folder / "known").touch()
    (folder / "upload").mkdir()
    file = folder / "settings.yaml"
    file.write_text(text)
    return file


def test_programs_at_work_show_no_secret_in_logs_state_commands_or_what_they_start(tmp_path: Path) -> None:
    with served(mosquitto(tmp_path / "broker", "password_file /dev/null")) as broker, parrot(401) as port:
        broker.stop()  # nobody may log in: see the line that takes anonymous out
        settings = Path(broker.command[-1])
        settings.write_text(settings.read_text().replace("allow_anonymous true", "allow_anonymous false"))
        broker.start()
        ports = {"BROKER": broker.port, "PARROT": port, "NOBODY": free_port()}
        env = {"PYTHONUNBUFFERED": "1"}
        env |= os.environ
        plant = [
            AtWork(
                "collector.cli.main", laid_out(tmp_path / "c", COLLECTOR, ports, env), env, ("no link to the broker",)
            ),
            AtWork(
                "edge_agent.cli.main", laid_out(tmp_path / "a", AGENT, ports, env), env, ("is down", "gate", "unit")
            ),
        ]
        with ExitStack() as stack:
            for each in plant:
                stack.enter_context(each.running())
            for each in plant:
                each.look()
        for each in plant:
            each.say("doctor", 2)  # without the program it tries all of it by itself
    for file in sorted(tmp_path.rglob("*")):
        if file.is_file() and "secrets" not in file.parts:
            assert not leaks(file.read_bytes()), file


@dataclass
class AtWork:
    """A program that runs until its log says all of `words`."""

    module: str
    file: Path
    env: dict[str, str]
    words: tuple[str, ...]
    pid: int = 0

    @property
    def log(self) -> Path:
        return self.file.parent / "log.txt"

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.log.open("wb") as out:
            command = [sys.executable, "-m", self.module, "run", str(self.file)]
            program = subprocess.Popen(command, env=self.env, stdout=out, stderr=out)
        self.pid = program.pid
        try:
            yield
            assert program.poll() is None, self.log.read_text()
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(60)

    def look(self) -> None:
        """Its arguments, what it started, and what it says of itself, once each error has been told."""
        wait_for(lambda: all(word in self.log.read_text() for word in self.words), seconds=90, what=str(self.words))
        assert not leaks(" ".join(psutil.Process(self.pid).cmdline()))
        for child in psutil.Process(self.pid).children(recursive=True):
            assert not leaks(" ".join(child.cmdline()) + json.dumps(child.environ())), child
        self.say("status", 0)
        self.say("doctor", 2)

    def say(self, command: str, code: int) -> None:
        """A command beside it, or once it has ended."""
        words = [sys.executable, "-m", self.module, command, str(self.file)]
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=180)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert not leaks(done.stdout + done.stderr), command


def test_mistakes_beside_a_secret_and_settings_in_an_exception_show_nothing_of_it(tmp_path: Path) -> None:
    ports, env = {"BROKER": 1, "PARROT": 2, "NOBODY": 3}, dict[str, str]()
    for name, text, read in (("c", COLLECTOR, load_collector), ("a", AGENT, load_agent)):
        file = laid_out(tmp_path / name, text, ports, env)
        with pytest.MonkeyPatch.context() as patch:
            for key, value in env.items():
                patch.setenv(key, value)
            settings = read(file).settings
            assert not leaks(f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}")
            # a list where a text is wanted, in each of its places: each is a mistake with what stands there
            file.write_text(re.sub(r"(!secret \w+)", r"[\1]", file.read_text()))
            with pytest.raises(ConfigError) as caught:
                read(file)
            assert not leaks("".join(traceback.format_exception(caught.value)))


async def test_a_key_that_others_may_read_is_used_nowhere(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("us")
    (tmp_path / "trust").mkdir()
    key.chmod(0o640)
    both = {"certificate": certificate, "key": key}
    packet = Outgoing("d1", b"x")
    http = HttpTransport(HttpSettings.model_validate({"type": "http", "url": f"https://{LOCAL}:{free_port()}"} | both))
    there = There(tmp_path / "sftp")
    there.key.chmod(0o604)
    for transport in (http, there.transport(key=there.key, known_hosts=there.key, port=1)):
        answer = await transport.send(packet)
        await transport.close()
        assert (answer.verdict, "chmod 600" in answer.message) == ("later", True), answer
    secure = {"policy": "Basic256Sha256", "trust": tmp_path / "trust"} | both
    for more in ({"security": secure}, {"user": both}):
        with pytest.raises(RefusedError, match="chmod 600"):
            async with open_session(opcua(free_port(), **more)):
                raise AssertionError("a key that leaked was used")
    found = readable_keys(opcua(1, security=secure, user=both))
    assert [each.path for each in found] == [("security", "key"), ("user", "key")]
