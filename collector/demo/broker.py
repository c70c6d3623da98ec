"""The demo's MQTT broker (amqtt) as a process of its own: ``python -m collector.demo.broker --port N``.

For the demo alone: it speaks MQTT 3.1.1 and no TLS, and forgets everything when it ends. A site and a bureau use
mosquitto or a cluster (config/templates/mosquitto).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = Broker(
        BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    await broker.start()
    await stop.wait()
    await broker.shutdown()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="broker", description="The demo's MQTT broker.")
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
