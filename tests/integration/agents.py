"""An agent at work in the test's own process, as its settings file says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge_agent.app import Agent
from edge_agent.settings import load_agent


@asynccontextmanager
async def agent(folder: Path) -> AsyncIterator[None]:
    """One run of the agent of a folder's `agent.yaml`, ended in order behind the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(Agent(load_agent(folder / "agent.yaml").settings).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task
