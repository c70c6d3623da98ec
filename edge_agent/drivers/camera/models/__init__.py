"""The trained network that `make models` fetches: where it is kept. The repository and the package hold no weights."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "mobilenetv3-centernet.onnx"


def folder() -> Path:
    """Where fetched networks are kept: $EDGE_MODELS, else edge-gateway/models in the user's data folder (XDG)."""
    if named := os.environ.get("EDGE_MODELS"):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "edge-gateway" / "models"


def fetched() -> Path | None:
    """The network, if it was fetched; None if not."""
    path = folder() / NAME
    return path if path.is_file() else None
