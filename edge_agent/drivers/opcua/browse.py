"""What a server's address space holds, for the engineer who writes the settings: read only (Browse and Read)."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections import deque
from collections.abc import Sequence

from asyncua import ua

from edge_agent.drivers.base import Browsed
from edge_agent.drivers.opcua.session import Session
from edge_agent.drivers.opcua.settings import parse_node

SHOWN = 80
"""Characters of a value that are shown."""
OBJECTS = "i=85"
"""The folder under which servers show their instruments (OPC UA part 5, 8.2.3)."""


async def browse(session: Session, start: str, depth: int, limit: int) -> tuple[list[Browsed], bool]:
    """Nodes below `start` ("" is the folder Objects) down to `depth` levels, nearer ones first; at most `limit`.

    Variables with their present value. The second value says whether there was more. ValueError for a `start` that is
    no node, ua.UaError when the server does not know it.
    """
    address = parse_node(start or OBJECTS)
    if address.uri and address.uri not in session.namespaces:
        raise ValueError(f"the server has no namespace {address.uri}; it has {', '.join(session.namespaces)}")
    index = session.namespaces.index(address.uri) if address.uri else 0
    root = ua.NodeId(address.identifier, index)  # type: ignore[arg-type]  # it takes all four kinds
    await session.client.get_node(root).read_node_class()  # raises where there is no such node; browsing it would not
    found: list[tuple[int, ua.ReferenceDescription]] = []
    waiting, seen = deque([(root, 1)]), {root}
    more = False
    while waiting and not more:
        node, level = waiting.popleft()
        for child in await session.client.get_node(node).get_children_descriptions():
            if child.NodeId in seen:
                continue
            if len(found) == limit:
                more = True
                break
            seen.add(child.NodeId)
            found.append((level, child))
            if level < depth:
                waiting.append((child.NodeId, level + 1))
    variables = [child.NodeId for _, child in found if child.NodeClass == ua.NodeClass.Variable]
    values = dict(zip(variables, await session.read(variables), strict=True)) if variables else {}
    return [_browsed(session, level, child, values.get(child.NodeId)) for level, child in found], more


def _browsed(session: Session, level: int, child: ua.ReferenceDescription, value: ua.DataValue | None) -> Browsed:
    return Browsed(
        level=level,
        address=write_node(child.NodeId, session.namespaces),
        name=child.DisplayName.Text or child.BrowseName.Name,
        kind=child.NodeClass.name.lower(),
        value="" if value is None else _shown(value),
    )


def _shown(value: ua.DataValue) -> str:
    """A value with its type, or the status for which there is none."""
    if value.Value is None or value.Value.Value is None:
        return value.StatusCode.name if value.StatusCode else "none"
    return f"{str(value.Value.Value)[:SHOWN]} ({value.Value.VariantType.name})"


def write_node(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """A node as `parse_node` reads it, by its namespace's URI."""
    kind, text = "s", str(node.Identifier)
    if isinstance(node.Identifier, int):
        kind = "i"
    elif isinstance(node.Identifier, uuid.UUID):
        kind = "g"
    elif isinstance(node.Identifier, bytes):
        kind, text = "b", b64encode(node.Identifier).decode()
    prefix = f"nsu={namespaces[node.NamespaceIndex]};" if node.NamespaceIndex else ""
    return f"{prefix}{kind}={text}"
