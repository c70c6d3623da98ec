"""A whole plant as processes that a test may kill: instrument, agent, broker, collector, store."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml

from edge_agent.outbox.recovery import open_outbox
from edge_agent.outbox.settings import OutboxSettings
from edge_agent.simulators import tank_farm
from profiles.wire.codec import decode, decoder
from profiles.wire.messages import Data, Events, Value
from tests.faults.clocked import step
from tests.servers import Server, influxdb, mosquitto, wait_for

AGENT, COLLECTOR, DATABASE = "plant-1", "county-1", "gateway"


@dataclass
class Program:
    """One of our programs as a process."""

    name: str
    folder: Path
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                stdout=subprocess.PIPE if self.name == "instrument" else log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return int(self.process.returncode)


class Plant:
    """Everything on ports that the system hands out; `folder` holds all files."""

    def __init__(
        self, folder: Path, *, interval: str = "200ms", resend: str = "2s", password: str = "", settle: str = "10m"
    ) -> None:
        """`password`: the store asks for one, and the collector gives this one; `settle`: of the agent's clock."""
        self.folder = folder
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(8))
        self.ledger = folder / "ledger"
        self.broker: Server = mosquitto(folder / "mosquitto")
        self.store: Server = influxdb(folder / "influxdb")
        simulator = ["edge_agent.simulators.tank_farm", "--sequence", "--ledger", str(self.ledger)]
        self.instrument = Program("instrument", folder, simulator)
        run = [str(self.clock), "edge_agent.cli.main", "run", str(folder / "agent.yaml")]
        self.agent = Program("agent", folder, ["tests.faults.clocked", *run])
        self.collector = Program("collector", folder, ["collector.cli.main", "run", str(folder / "collector.yaml")])
        self._login = ""
        self.further: dict[str, Any] = {}
        """Settings of the collector beside the usual ones; `start` writes them."""
        self.uplink_port = self.broker.port
        """Where the agent finds the broker: a proxy's port, where its link is to be broken."""
        self._interval, self._resend, self._password, self._settle = interval, resend, password, settle
        if password:
            self.store.env["INFLUXDB_HTTP_AUTH_ENABLED"] = "true"

    def start(self, *, database: bool = True) -> None:
        """Start all, and lay a trigger into the outbox that keeps every commit's bytes for the count."""
        self.broker.start()
        self.store.start()
        if database:
            self.make_database()
        self.instrument.start()
        assert self.instrument.process is not None
        assert self.instrument.process.stdout is not None
        port = json.loads(self.instrument.process.stdout.readline())["port"]
        self._write_settings(port)
        state = self.folder / "agent"
        state.mkdir()
        open_outbox(state / "outbox.db", OutboxSettings()).close()
        with sqlite3.connect(state / "outbox.db") as db:
            db.execute("CREATE TABLE audit (lane TEXT NOT NULL, frame BLOB NOT NULL)")
            db.execute(
                "CREATE TRIGGER audit_of_commits AFTER INSERT ON envelope"
                " BEGIN INSERT INTO audit VALUES (new.lane, new.frame); END"
            )
        db.close()
        self.collector.start()
        self.agent.start()

    def make_database(self) -> None:
        """Without it the store answers 404 to every write."""
        if self._password:
            self.query("CREATE USER bureau WITH PASSWORD 'first' WITH ALL PRIVILEGES", method="POST")
            self._login = "bureau:first"
        self.query("CREATE DATABASE " + DATABASE, method="POST")

    def accept_password(self) -> None:
        """Have the store take the password that the collector gives."""
        self.query(f"SET PASSWORD FOR bureau = '{self._password}'", method="POST")
        self._login = f"bureau:{self._password}"

    def step_clock(self, by_ms: int) -> None:
        """Set the agent's wall clock so far ahead of the true one."""
        step(self.clock, by_ms * 1_000_000)

    def dead_letters(self) -> int:
        """How many the collector has kept."""
        with sqlite3.connect(self.folder / "collector/dead_letters.db", timeout=30) as db:
            count = db.execute("SELECT count(*) FROM letter").fetchone()[0]
        db.close()
        return int(count)

    def stop(self) -> None:
        """End what still runs."""
        for program in (self.agent, self.collector, self.instrument):
            program.stop()
        self.broker.stop()
        self.store.stop()

    def waiting(self, outbox: str = "agent/outbox.db") -> int:
        """Envelopes in an outbox."""
        with sqlite3.connect(self.folder / outbox, timeout=30) as db:
            count = db.execute("SELECT count(*) FROM envelope").fetchone()[0]
        db.close()
        return int(count)

    def delivered(self, outbox: str = "agent/outbox.db") -> None:
        """Return once an outbox is empty."""
        wait_for(lambda: self.waiting(outbox) == 0, seconds=90, what=f"{outbox} to be delivered")

    def committed(self) -> Iterator[tuple[str, int, Value]]:
        """Every sample of every commit: tag, time in ms, value."""
        reader = decoder(Data)
        for frame in self._audit("data"):
            data = decode(frame, reader)
            for sample in data.s:
                yield sample.tag, data.t0 + sample.dt, sample.value

    def committed_events(self) -> Counter[tuple[int, str]]:
        """Every event of every commit: time in ms, and state."""
        reader = decoder(Events)
        found = [event for frame in self._audit("event") for event in decode(frame, reader).events]
        return Counter((event.time, event.state) for event in found)

    def stored_events(self, database: str = DATABASE) -> Counter[tuple[int, str]]:
        """Every event of the store: time in ms, and state."""
        answer = self.query("SELECT id FROM event GROUP BY state", db=database, epoch="ms")
        series = answer["results"][0].get("series", [])
        return Counter((moment, each["tags"]["state"]) for each in series for moment, _id in each["values"])

    def stored_texts(self, part: str) -> list[str]:
        """The texts of the store's events that contain `part`."""
        answer = self.query("SELECT text FROM event", db=DATABASE)
        series = answer["results"][0].get("series", [])
        return [text for each in series for _time, text in each["values"] if text and part in text]

    def waiting_frames(self, lane: str) -> list[bytes]:
        """The envelopes in the outbox."""
        with sqlite3.connect(self.folder / "agent/outbox.db", timeout=30) as db:
            found = db.execute("SELECT frame FROM envelope WHERE lane = ?", [lane]).fetchall()
        db.close()
        return [frame for (frame,) in found]

    def _audit(self, lane: str) -> list[bytes]:
        with sqlite3.connect(self.folder / "agent/outbox.db", timeout=30) as db:
            found = db.execute("SELECT frame FROM audit WHERE lane = ?", [lane]).fetchall()
        db.close()
        return [frame for (frame,) in found]

    def stored(self, database: str = DATABASE) -> list[tuple[str, int, Value]]:
        """Every record of the store: tag, time in ms, value; null where it holds a quality alone."""
        codes = {tag.settings["point"]["code"]: tag.settings["name"] for tag in tank_farm.tags()}
        found = []
        answer = self.query("SELECT value, flag, quality FROM reading GROUP BY point", db=database, epoch="ms")
        for series in answer["results"][0].get("series", []):
            for moment, value, flag, _quality in series["values"]:
                found.append((codes[series["tags"]["point"]], moment, flag if flag is not None else value))
        return found

    def query(self, statement: str, *, method: str = "GET", **parameters: str) -> Any:
        """Ask the store in InfluxQL."""
        url = f"http://127.0.0.1:{self.store.port}/query"
        login = urllib3.make_headers(basic_auth=self._login) if self._login else {}
        answer = urllib3.request(method, url, fields={"q": statement} | parameters, headers=login, timeout=30.0)
        assert answer.status == 200, answer.data
        return answer.json()

    def sink(self, database: str = DATABASE) -> dict[str, Any]:
        """A sink's settings for a database of the store."""
        return {"type": "influxdb", "url": f"http://127.0.0.1:{self.store.port}", "api": "v1", "database": database}

    def _write_settings(self, port: int) -> None:
        mqtt = {"host": "127.0.0.1", "port": self.broker.port, "tls": "disabled"}
        site = {"code": tank_farm.HAZARD[:9], "name": "plant", "adcode": "110110"}
        agent = {
            "agent": AGENT, "collector": COLLECTOR, "site": site, "state": "agent",
            "mqtt": mqtt | {"port": self.uplink_port, "keepalive": "1s"},
            "outbox": {"flush": "300ms"}, "uplink": {"resend": self._resend, "backoff": "1s", "state_interval": "1s"},
            "clock": {"settle": self._settle},
            "devices": [tank_farm.device_settings(port, interval=self._interval)],
        }  # fmt: skip
        sink = self.sink()
        if self._password:
            sink |= {"username": "bureau", "password": self._password}
        collector = {"collector": COLLECTOR, "mqtt": mqtt, "state": "collector", "sinks": [sink]} | self.further
        for name, settings in (("agent", agent), ("collector", collector)):
            text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
            (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
