"""A camera that answers ONVIF, on a real socket: SOAP 1.2 as the ONVIF specifications have it, log-ins by digest.

Written after the specifications (Core: GetSystemDateAndTime, GetServices, WS-UsernameToken; Media, version 1), by hand
and with no library, so that what the driver sends is not judged by the library it is built on. No real camera was ever
compared with it. It refuses, and notes, whatever does not merely ask or listen (`onvif_says`).
"""

# ruff: noqa: N802  # methods are called as the questions that they answer
from __future__ import annotations

import base64
import datetime
import hashlib
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edge_agent.simulators.forbidden import note_forbidden
from tests.edge_agent.drivers.camera.onvif_says import NAMES, EventService

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
FRESH = 5.0
"""Seconds by which a log-in's date may differ from the camera's own clock (WS-Security UsernameToken 1.1, 3.1)."""
ENVELOPE = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:ter="http://www.onvif.org/ver10/error"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"'
    ' xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{body}</s:Body></s:Envelope>'
)
CAPABILITIES = (
    "WSSubscriptionPolicySupport", "WSPullPointSupport", "WSPausableSubscriptionManagerInterfaceSupport"
)  # fmt: skip
PROFILE = """<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>
<tt:VideoSourceConfiguration token="VS"><tt:Name>VS</tt:Name><tt:UseCount>2</tt:UseCount>
<tt:SourceToken>{source}</tt:SourceToken><tt:Bounds x="0" y="0" width="1920" height="1080"/>
</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="VE"><tt:Name>VE</tt:Name>
<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding>
<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution><tt:Quality>4</tt:Quality>
<tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>
<tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>
<tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>5</tt:TTL>
<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>
</tt:VideoEncoderConfiguration></trt:Profiles>"""


@dataclass
class OnvifCamera:
    """What it is, and what it was asked."""

    user: str = "viewer"
    password: str = "p@ss:w/rd"
    ahead: float = 0.0
    """By how much its clock is ahead of ours, s."""
    profiles: list[tuple[str, str, str, int, int]] = field(
        default_factory=lambda: [
            ("P0", "mainStream", "V0", 1920, 1080), ("P1", "subStream", "V0", 704, 576),
            ("P2", "thirdStream", "V0", 176, 144), ("P3", "subStream2", "V1", 640, 360),
        ]
    )  # fmt: skip
    """Token, name, lens, width, height."""
    stream: str = "rtsp://10.9.8.7:554/live/{token}?auth=abc"
    """What it names as its streams' addresses: those of the network behind its router."""
    single: str = "http://viewer:p%40ss@10.9.8.7/snap/{token}"
    old: bool = False
    """Whether it does not know GetServices."""
    utc: bool = True
    jpeg: bytes = b""
    status: int | None = None
    """With which it answers everything, and with nothing else."""
    body: str | None = None
    """What it answers instead of SOAP, to everything."""
    events: EventService | None = None
    """Without one nobody can listen to it."""
    moved: str = ""
    """Where it sends everybody instead of answering."""
    silent: threading.Event = field(default_factory=threading.Event)
    """While it is set it says nothing."""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.ahead)

    def answer(self, request: bytes, path: str) -> tuple[int, str]:
        """Status and body."""
        root = ET.fromstring(request)
        body = root.find(f"{{{SOAP}}}Body")
        assert body is not None
        name = body[0].tag.rpartition("}")[2]
        self.asked.append(name)
        if not name.startswith("Get") and name not in NAMES:
            note_forbidden(f"ONVIF {name}")
            return 400, fault("ter:ActionNotSupported", "only questions are answered")
        if name != "GetSystemDateAndTime" and (why := self.refuses(root)):
            return 400, fault("ter:NotAuthorized", why)
        if name in NAMES and self.events is not None:
            return self.listened(self.events, name, root, path)
        if (made := getattr(self, name, None)) is None or (self.old and name == "GetServices"):
            return 500, fault("ter:ActionNotSupported", "Optional Action Not Implemented")
        token = "".join(body[0].itertext()).strip()[-2:]
        inner = made(token)
        space = "trt" if name in ("GetProfiles", "GetStreamUri", "GetSnapshotUri") else "tds"
        return 200, ENVELOPE.format(body=f"<{space}:{name}Response>{inner}</{space}:{name}Response>")

    def listened(self, events: EventService, name: str, root: ET.Element, path: str) -> tuple[int, str]:
        """Status and body of what its event service answers."""
        inner = events.answer(name, root, path)
        if inner is None:
            return 500, fault("ter:InvalidArgVal", "no such subscription")
        space = "wsnt" if name in ("Renew", "Unsubscribe") else "tev"
        return 200, ENVELOPE.format(body=f"<{space}:{name}Response>{inner}</{space}:{name}Response>")

    def refuses(self, root: ET.Element) -> str:
        """Why a log-in is refused; "" when it is right: Base64(SHA-1(nonce + created + password))."""
        found = {
            each.tag.rpartition("}")[2]: each.text or "" for each in root.iter() if each.tag.startswith(f"{{{WSSE}")
        }
        created = root.find(f".//{{{WSU}}}Created")
        if created is None or created.text is None:
            return "Sender not Authorized"
        nonce = base64.b64decode(found["Nonce"])
        expected = hashlib.sha1(nonce + created.text.encode() + self.password.encode()).digest()
        if found["Username"] != self.user or base64.b64decode(found["Password"]) != expected:
            return "Sender not Authorized"
        age = abs((self.now() - datetime.datetime.fromisoformat(created.text)).total_seconds())
        return "Sender not Authorized" if age > FRESH else ""

    def GetSystemDateAndTime(self, _token: str) -> str:
        now = self.now()
        moment = (
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date>"
        )
        utc = f"<tt:UTCDateTime>{moment}</tt:UTCDateTime>" if self.utc else ""
        return (
            "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            f"<tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone>{utc}</tds:SystemDateAndTime>"
        )

    def GetDeviceInformation(self, _token: str) -> str:
        told = {
            "Manufacturer": "Nobody",
            "Model": "N-1",
            "FirmwareVersion": "V1.0",
            "SerialNumber": "1",
            "HardwareId": "1",
        }
        return "".join(f"<tds:{name}>{value}</tds:{name}>" for name, value in told.items())

    def GetServices(self, _token: str) -> str:
        return "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{name}/wsdl</tds:Namespace>"
            f"<tds:XAddr>http://10.9.8.7/onvif/{name}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
            for name in ("device", "media", *(("events",) if self.events is not None else ()))
        )

    def GetCapabilities(self, _token: str) -> str:
        media = (
            f"<tt:XAddr>http://{self.address}/onvif/media</tt:XAddr><tt:StreamingCapabilities>"
            "<tt:RTPMulticast>false</tt:RTPMulticast></tt:StreamingCapabilities>"
        )
        events = ""
        if self.events is not None:
            said = "".join(f"<tt:{name}>false</tt:{name}>" for name in CAPABILITIES)
            events = f"<tt:Events><tt:XAddr>http://{self.address}/onvif/events</tt:XAddr>{said}</tt:Events>"
        return f"<tds:Capabilities>{events}<tt:Media>{media}</tt:Media></tds:Capabilities>"

    def GetProfiles(self, _token: str) -> str:
        shapes = (
            dict(zip(("token", "name", "source", "width", "height"), each, strict=True)) for each in self.profiles
        )
        sound = '<trt:Profiles token="A0" fixed="true"><tt:Name>sound only</tt:Name></trt:Profiles>'
        return sound + "".join(PROFILE.format(**shape) for shape in shapes)

    def GetStreamUri(self, token: str) -> str:
        return media_uri(self.stream.format(token=token))

    def GetSnapshotUri(self, token: str) -> str:
        return media_uri(self.single.format(token=token))


def media_uri(uri: str) -> str:
    if not uri:
        return ""
    return (
        f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT60S</tt:Timeout></trt:MediaUri>"
    )


def fault(code: str, text: str) -> str:
    return ENVELOPE.format(
        body=f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason></s:Fault>'
    )


@contextmanager
def onvif_camera(**about: object) -> Iterator[OnvifCamera]:
    """One that is on for the length of a block."""
    this = OnvifCamera(**about)  # type: ignore[arg-type]  # as its fields have it

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            while this.silent.is_set():
                time.sleep(0.02)
            if this.moved:
                status, body = 307, ""
            elif this.status is not None or this.body is not None:
                status, body = this.status or 200, this.body or ""
            else:
                status, body = this.answer(request, self.path)
            self.answered(status, body.encode(), "application/soap+xml; charset=utf-8")

        def do_GET(self) -> None:
            this.asked.append(f"GET {self.path}")
            self.answered(200 if this.jpeg else 404, this.jpeg, "image/jpeg")

        def answered(self, status: int, body: bytes, kind: str) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if this.moved:
                    self.send_header("Location", this.moved)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # whoever asked is gone

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", this.port), Handler)
    server.daemon_threads = True
    this.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield this
    finally:
        this.silent.clear()
        server.shutdown()
        thread.join()
        server.server_close()
