"""What all tests share: how long the fuzzing ones look (``make soak`` looks a hundred times longer)."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("short", max_examples=200, deadline=None)
settings.register_profile("long", max_examples=20_000, deadline=None)
settings.load_profile("long" if os.environ.get("EDGE_SOAK") == "1" else "short")
