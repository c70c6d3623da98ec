"""The folder that Grafana is provisioned from: data source, dashboards, alert rules.

Source: grafana.com/docs, Administration, Provisioning, and the data source's "Provision the InfluxDB data source".
No secret stands in a file: Grafana fills ``$EDGE_INFLUX_…`` in from its own environment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from collector.dashboards.boards import boards
from collector.dashboards.influxql import UID
from collector.dashboards.rules import FOLDER, rules
from profiles.load import Library

NAME = "edge-gateway"
"""Of every file and folder of ours among others'."""
FOLDER_UID = "edge-gateway"
Version = Literal["1", "2", "3"]
USER, PASSWORD, TOKEN = "$EDGE_INFLUX_USER", "$EDGE_INFLUX_PASSWORD", "$EDGE_INFLUX_TOKEN"  # names


@dataclass(frozen=True)
class Store:
    """Where Grafana finds the store; `database`: of 2.x the one that the bucket is mapped to (DBRP)."""

    version: Version
    url: str
    database: str


def source(store: Store) -> dict[str, Any]:
    """The data source's file. InfluxDB 1.x asks for user and password where it asks at all, 2.x and 3.x for a token."""
    data: dict[str, Any] = {"version": "InfluxQL", "dbName": store.database, "httpMode": "POST"}
    secret = {"password": PASSWORD}
    made: dict[str, Any] = {
        "name": "InfluxDB (edge-gateway)", "uid": UID, "type": "influxdb", "access": "proxy", "orgId": 1,
        "url": store.url, "editable": False, "jsonData": data, "secureJsonData": secret,
    }  # fmt: skip
    if store.version == "1":
        made["user"] = USER
    else:
        data["httpHeaderName1"] = "Authorization"
        made["secureJsonData"] = {"httpHeaderValue1": f"Token {TOKEN}"}
    return {"apiVersion": 1, "datasources": [made]}


def provider(folder: Path) -> dict[str, Any]:
    """The file that tells Grafana in which of its folders the dashboards lie, and under which heading it shows them."""
    return {
        "apiVersion": 1,
        "providers": [{
            "name": NAME, "orgId": 1, "folder": FOLDER, "folderUid": FOLDER_UID, "type": "file",
            "disableDeletion": True, "allowUiUpdates": False, "updateIntervalSeconds": 60,
            "options": {"path": str(folder / "dashboards" / NAME)},
        }],
    }  # fmt: skip


def files(library: Library, store: Store, folder: Path) -> dict[Path, str]:
    """Every file by its path within the provisioning folder, which Grafana itself sees as `folder`."""
    found = {
        Path("datasources", f"{NAME}.yaml"): _yaml(source(store)),
        Path("dashboards", f"{NAME}.yaml"): _yaml(provider(folder)),
        Path("alerting", f"{NAME}.yaml"): _yaml(rules()),
    }
    for name, board in boards(library).items():
        text = json.dumps(board, cls=JSONEncoder, ensure_ascii=False, indent=2)
        found[Path("dashboards", NAME, f"{name}.json")] = text + "\n"
    return found


def _yaml(content: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(content, cls=JSONEncoder))  # the SDK's objects among it
    return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
