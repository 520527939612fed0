"""Hubs, their connections, and who is in which group."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

JSON_SUBPROTOCOL: Final = "json.webpubsub.azure.v1"
_WAITING_MESSAGES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """A message's payload: JSON and text as text, binary as bytes."""

    kind: str  # json, text or binary
    data: str | bytes

    def as_json(self) -> Any:  # noqa: ANN401 (any JSON value)
        if isinstance(self.data, bytes):
            return base64.b64encode(self.data).decode()
        return json.loads(self.data) if self.kind == "json" else self.data


@dataclass(eq=False, slots=True)
class Connection:
    """One WebSocket. Frames wait in `outgoing`; None at its end closes it."""

    user: str | None
    roles: set[str]
    subprotocol: str | None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    groups: set[str] = field(default_factory=set)
    outgoing: asyncio.Queue[str | bytes | None] = field(default_factory=lambda: asyncio.Queue(_WAITING_MESSAGES))
    acknowledged: set[int] = field(default_factory=set)

    def deliver(self, content: Content, origin: dict[str, Any]) -> None:
        """Send a message as the client's protocol has it: in an envelope, or bare."""
        if self.subprotocol:
            envelope = {"type": "message", **origin, "dataType": content.kind, "data": content.as_json()}
            self.send(envelope)
        else:
            self._put(content.data)

    def send(self, message: dict[str, Any]) -> None:
        self._put(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def close(self, reason: str) -> None:
        if self.subprotocol:
            self.send({"type": "system", "event": "disconnected", "message": reason})
        self._put(None)

    def may(self, permission: str, group: str) -> bool:
        return f"webpubsub.{permission}" in self.roles or f"webpubsub.{permission}.{group}" in self.roles

    def _put(self, frame: str | bytes | None) -> None:
        if self.outgoing.full():  # the client does not read: drop it, not the hub
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            frame = None
        self.outgoing.put_nowait(frame)


class Hub:
    def __init__(self) -> None:
        self.connections: dict[str, Connection] = {}

    def of_user(self, user: str) -> list[Connection]:
        return [connection for connection in self.connections.values() if connection.user == user]

    def in_group(self, group: str) -> list[Connection]:
        return [connection for connection in self.connections.values() if group in connection.groups]


def deliver_to(
    connections: Iterable[Connection], content: Content, origin: dict[str, Any], excluded: Iterable[str] = ()
) -> None:
    left_out = set(excluded)
    for connection in connections:
        if connection.id not in left_out:
            connection.deliver(content, origin)
