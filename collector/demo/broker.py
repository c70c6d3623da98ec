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


async def _serve(host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = Broker(
        BrokerConfig(
            # amqtt takes what stands before the last colon as it is, but would look for brackets in the DNS
            listeners={"default": ListenerConfig(bind=f"{host}:{port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    await broker.start()
    await stop.wait()
    await broker.shutdown()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="broker", description="The demo's MQTT broker.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="TCP port")
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    options = parser.parse_args()
    asyncio.run(_serve(options.host, options.port))


if __name__ == "__main__":
    main()
