"""Run as a program: an OPC UA server of one of two libraries. Arguments: asyncua|opcua, port, namespace URIs."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from edge_agent.simulators.forbidden import watch_opcua

URI = "http://plant.test/unit"


def serve_opcua(port: int, namespaces: list[str]) -> None:
    import opcua
    from opcua.server.uaprocessor import UaProcessor

    watch_opcua(UaProcessor)
    server: Any = opcua.Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    for uri in namespaces:
        index = server.register_namespace(uri)
        server.nodes.objects.add_variable(f"ns={index};s=level", f"{index}:level", 1.0 if uri == URI else 999.0)
    server.start()
    threading.Event().wait()


async def serve_asyncua(port: int, namespaces: list[str]) -> None:
    from asyncua import Server, ua
    from asyncua.server.uaprocessor import UaProcessor

    watch_opcua(UaProcessor)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for uri in namespaces:
        index = await server.register_namespace(uri)
        node = ua.NodeId.from_string(f"ns={index};s=level")
        await server.nodes.objects.add_variable(node, f"{index}:level", 1.0 if uri == URI else 999.0)
    async with server:
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "opcua":
        serve_opcua(int(sys.argv[2]), sys.argv[3:])
    else:
        asyncio.run(serve_asyncua(int(sys.argv[2]), sys.argv[3:]))
