"""Settings of the uplink."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.model import Duration, Settings, Size


class UplinkSettings(Settings):
    """How envelopes travel to the collector."""

    window: Annotated[int, Field(ge=4, le=1000)] = 32
    """Envelopes on their way without the collector's acknowledgement."""
    window_size: Size = 4 * 2**20
    """Bytes on their way without the collector's acknowledgement."""
    backlog_rate: Annotated[float, Field(gt=0)] = 50.0
    """Envelopes a second that old data may take beside new data (500 samples each)."""
    resend: Duration = 30.0
    """Time without an acknowledgement after which an envelope is sent again; doubles up to five minutes."""
    state_interval: Duration = 30.0
    """How often the agent's state is published."""
    backoff: Duration = 1.5
    """Longest pause between attempts to connect; the first is a second, each is cut by up to half by chance."""
    drain: Duration = 5.0
    """How long a stopping agent goes on delivering what it still holds."""
