"""The WebSocket side: bare clients, and those that speak json.webpubsub.azure.v1."""

import asyncio
import base64
import binascii
import json
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from dev.web_pubsub.hubs import JSON_SUBPROTOCOL, Connection, Content, Hub, deliver_to
from dev.web_pubsub.tokens import AccessKey, Unauthorized

_INVALID_FRAME: Final = 1007


class Rejected(Exception):
    """A request of a client that is acknowledged with an error: its name and text."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = {"name": name, "message": message}


async def serve_client(socket: WebSocket, hub: Hub, key: AccessKey) -> None:
    """Serve one client from its handshake to its end."""
    try:
        claims = key.verify(socket)
    except Unauthorized as exc:
        await socket.send_denial_response(PlainTextResponse(str(exc), 401))
        return
    connection = _connection_from(claims, socket)
    await socket.accept(connection.subprotocol)
    hub.connections[connection.id] = connection
    if connection.subprotocol:
        connection.send(
            {"type": "system", "event": "connected", "userId": connection.user, "connectionId": connection.id}
        )
    sending = asyncio.create_task(_send(socket, connection))
    receiving = asyncio.create_task(_receive(socket, hub, connection))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        del hub.connections[connection.id]
        for task in (sending, receiving):
            task.cancel()
        await asyncio.wait({sending, receiving})


def _connection_from(claims: dict[str, Any], socket: WebSocket) -> Connection:
    offered = socket.scope["subprotocols"]
    return Connection(
        user=claims.get("sub"),
        roles=set(_texts(claims.get("role"))),
        subprotocol=JSON_SUBPROTOCOL if JSON_SUBPROTOCOL in offered else None,
        groups=set(_texts(claims.get("webpubsub.group"))),
    )


def _texts(claim: object) -> list[str]:
    return [claim] if isinstance(claim, str) else [str(item) for item in claim] if isinstance(claim, list) else []


async def _send(socket: WebSocket, connection: Connection) -> None:
    try:
        while (frame := await connection.outgoing.get()) is not None:
            if isinstance(frame, bytes):
                await socket.send_bytes(frame)
            else:
                await socket.send_text(frame)
        await socket.close()
    except WebSocketDisconnect:
        return


async def _receive(socket: WebSocket, hub: Hub, connection: Connection) -> None:
    try:
        while True:
            text = await socket.receive_text()
            if not connection.subprotocol:
                continue  # a bare client's message goes to an event handler, and there is none
            try:
                message = json.loads(text)
                kind = message["type"]
            except (ValueError, TypeError, KeyError):
                await socket.close(_INVALID_FRAME, "a frame must be a JSON object with a type")
                return
            _answer(hub, connection, kind, message)
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary frame where text is expected
        return


def _answer(hub: Hub, connection: Connection, kind: str, message: dict[str, Any]) -> None:
    if kind == "ping":
        connection.send({"type": "pong"})
        return
    ack_id = message.get("ackId")
    outcome: dict[str, Any] = {"success": True}
    try:
        _check_is_new(connection, ack_id)
        _obey(hub, connection, kind, message)
    except Rejected as exc:
        outcome = {"success": False, "error": exc.error}
    if ack_id is not None:
        connection.acknowledged.add(ack_id)
        connection.send({"type": "ack", "ackId": ack_id, **outcome})


def _check_is_new(connection: Connection, ack_id: int | None) -> None:
    if ack_id in connection.acknowledged:
        raise Rejected("Duplicate", f"message with ack-id {ack_id} has been processed")


def _obey(hub: Hub, connection: Connection, kind: str, message: dict[str, Any]) -> None:
    if kind not in {"joinGroup", "leaveGroup", "sendToGroup"}:
        raise Rejected("InternalServerError", f"this stand-in does nothing with '{kind}'")
    group = str(message.get("group", ""))
    permission = "sendToGroup" if kind == "sendToGroup" else "joinLeaveGroup"
    if not connection.may(permission, group):
        raise Rejected("Forbidden", f"the client does not have the role webpubsub.{permission} for {group}")
    if kind == "joinGroup":
        connection.groups.add(group)
    elif kind == "leaveGroup":
        connection.groups.discard(group)
    else:
        origin = {"from": "group", "group": group, "fromUserId": connection.user}
        excluded = [connection.id] if message.get("noEcho") else []
        deliver_to(hub.in_group(group), _content_of(message), origin, excluded)


def _content_of(message: dict[str, Any]) -> Content:
    kind, data = message.get("dataType", "text"), message.get("data")
    if kind == "json":
        return Content(kind, json.dumps(data))
    if not isinstance(data, str) or kind not in {"text", "binary"}:
        raise Rejected("InternalServerError", "data must be a string of dataType text or binary, or json")
    if kind == "text":
        return Content(kind, data)
    try:
        return Content(kind, base64.b64decode(data, validate=True))
    except binascii.Error as exc:
        raise Rejected("InternalServerError", "binary data must be base64") from exc
