"""A webhook: the message as JSON by HTTP POST, or as the robots of DingTalk, WeCom and Feishu (Lark) want it.

Sources: https://open.dingtalk.com/document/robots/custom-robot-access (body, errcode, sign),
https://developer.work.weixin.qq.com/document/path/91770 (body, errcode),
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (body, code, sign).
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from urllib.parse import quote_plus, urlsplit

import msgspec
import urllib3
from pydantic import SecretStr

from collector.ask import ask
from collector.notify.channels.base import ReceiverSettings, failed
from collector.notify.message import Message
from config.hosts import split
from config.model import FilePath

MAX_TEXT = 1900
"""Bytes of text for a robot: WeCom takes 2048, the others more."""
SECRET = 8
"""Characters from which a part of the address may be a token, which no error text shows."""


class WebhookSettings(ReceiverSettings):
    """An address that takes a POST."""

    type: Literal["webhook"]
    url: SecretStr
    """The address; a robot's holds its token, so keep it in a secret: ``!secret robot-url``."""
    template: Literal["json", "dingtalk", "wecom", "feishu"] = "json"
    """The shape of the body: the message's fields, or a robot's."""
    secret: SecretStr | None = None
    """The robot's signing secret (加签), of dingtalk and feishu."""
    ca: FilePath | None = None
    """The authority of the server's certificate; left out: those of the system."""

    @property
    def is_address(self) -> bool:
        """Whether the URL is one. Asked by a check, not in the model, whose errors would show the token."""
        try:
            parts = urlsplit(self.url.get_secret_value())
            split(parts.netloc.rpartition("@")[2])
        except ValueError:
            return False
        return parts.scheme in ("http", "https")


class _Call(NamedTuple):
    query: str
    body: dict[str, Any]


def _json(message: Message, _secret: str) -> _Call:
    return _Call("", msgspec.to_builtins(message))


def _dingtalk(message: Message, secret: str) -> _Call:
    query = ""
    if secret:
        moment = str(time.time_ns() // 1_000_000)
        sign = _sign(secret, f"{moment}\n{secret}")
        query = f"timestamp={moment}&sign={quote_plus(sign)}"
    return _Call(query, {"msgtype": "text", "text": {"content": _short(message.text)}})


def _wecom(message: Message, _secret: str) -> _Call:
    return _Call("", {"msgtype": "text", "text": {"content": _short(message.text)}})


def _feishu(message: Message, secret: str) -> _Call:
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": _short(message.text)}}
    if secret:
        moment = str(int(time.time()))
        body |= {"timestamp": moment, "sign": _sign(f"{moment}\n{secret}", "")}
    return _Call("", body)


TEMPLATES: dict[str, Callable[[Message, str], _Call]] = {
    "json": _json, "dingtalk": _dingtalk, "wecom": _wecom, "feishu": _feishu,
}  # fmt: skip
TAKEN = {"dingtalk": "errcode", "wecom": "errcode", "feishu": "code"}
"""The key of a robot's answer that is 0 when it took the message: HTTP 200 alone says nothing."""


class Webhook:
    """See `collector.notify.channels.base.Channel`."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._url = settings.url.get_secret_value()
        parts = urlsplit(self._url)
        tokens = [each for each in (parts.query, parts.path.rpartition("/")[2]) if len(each) >= SECRET]
        self._secrets = [settings.url, settings.secret, *map(SecretStr, tokens)]
        ca = str(settings.ca) if settings.ca else None
        self._pool = urllib3.PoolManager(num_pools=1, retries=False, timeout=settings.timeout, ca_certs=ca)

    def send(self, message: Message) -> None:
        """POST it; taken is any 2xx, and of a robot its own word."""
        secret = self._settings.secret.get_secret_value() if self._settings.secret else ""
        query, body = TEMPLATES[self._settings.template](message, secret)
        url = self._url + (f"{'&' if '?' in self._url else '?'}{query}" if query else "")
        try:
            status, told = ask(self._pool, url, json=body)
        except (urllib3.exceptions.HTTPError, OSError) as err:
            raise failed(f"{type(err).__name__}: {err}", self._secrets) from None  # its cause may hold the address
        if not 200 <= status < 300:
            raise failed(f"the server answers {status}: {_words(told)}", self._secrets)
        key = TAKEN.get(self._settings.template)
        if key and _answer(told).get(key) != 0:
            raise failed(f"the robot refuses it: {_words(told)}", self._secrets)


def _answer(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(data: bytes) -> str:
    return data[:200].decode(errors="replace")


def _sign(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


def _short(text: str) -> str:
    return text.encode()[:MAX_TEXT].decode(errors="ignore")
