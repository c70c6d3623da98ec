"""By how much an agent's clock is off, from its states: the quickest counts, what was kept does not."""

from __future__ import annotations

import time
from pathlib import Path

from collector.clocks import Clocks
from profiles.wire.codec import encode
from profiles.wire.messages import State
from tests.collector.field import Agent, Shelf, collecting, eventually, settings
from tests.servers import Server

MINUTE = 60_000


def test_the_quickest_of_the_last_five_states_counts() -> None:
    clocks = Clocks()
    assert clocks.ahead("a") is None
    for waited in (900, 20, 400):
        clocks.heard("a", 1_000_000 + 5000, 1_000_000 + waited)
    assert clocks.ahead("a") == 4980
    for _each in range(5):
        clocks.heard("a", 1_000_000, 1_000_000 + 30)
    assert clocks.ahead("a") == -30, "it was set right"
    clocks.forget("a")
    assert clocks.ahead("a") is None


async def test_a_collector_knows_a_clock_that_is_off_and_takes_none_from_what_the_broker_had_kept(
    broker: Server, tmp_path: Path
) -> None:
    agent = Agent(broker.port)

    def state(off: int, *, online: bool = True) -> bytes:
        now = time.time_ns() // 1_000_000
        return encode(State(v=1, online=online, since=1, version="1", time=now + off))

    agent.send("state", state(-60 * MINUTE), retain=True)
    async with collecting(settings(broker.port, tmp_path, Shelf())) as collector:
        await eventually(lambda: collector.agent_state(agent.name), "the state that the broker kept")
        assert collector.clock_ahead(agent.name) is None
        agent.send("state", state(10 * MINUTE))
        await eventually(lambda: collector.clock_ahead(agent.name), "a state of now")
        ahead = collector.clock_ahead(agent.name)
        assert ahead is not None
        assert 9 * MINUTE < ahead <= 10 * MINUTE
        agent.send("state", state(0, online=False))
        await eventually(lambda: collector.clock_ahead(agent.name) is None, "its end")
    agent.close()
