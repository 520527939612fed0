"""The REST side, at the paths of the service; `api-version` is not looked at."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dev.web_pubsub.clients import serve_client
from dev.web_pubsub.hubs import Connection, Content, Hub, deliver_to
from dev.web_pubsub.tokens import AccessKey, Unauthorized

Endpoint = Callable[[Hub, Request], Awaitable[Response]]

_FROM_SERVER = {"from": "server"}


def create_service(access_key: str) -> Starlette:
    key, hubs = AccessKey(access_key), defaultdict[str, Hub](Hub)

    def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            try:
                key.verify(request)
            except Unauthorized as exc:
                return PlainTextResponse(str(exc), 401)
            if "filter" in request.query_params:
                return PlainTextResponse("this stand-in does not know OData filters", 501)
            return await endpoint(hubs[request.path_params["hub"].lower()], request)

        return respond

    async def client(socket: WebSocket) -> None:
        await serve_client(socket, hubs[socket.path_params["hub"].lower()], key)

    async def generate_token(_hub: Hub, request: Request) -> Response:
        name = request.path_params["hub"]
        token = key.client_token(
            f"{request.url.scheme}://{request.headers['host']}/client/hubs/{name}",
            user=request.query_params.get("userId"),
            roles=request.query_params.getlist("role"),
            groups=request.query_params.getlist("group"),
            minutes=int(request.query_params.get("minutesToExpire", 60)),
        )
        return JSONResponse({"token": token})

    routes = [
        Route(f"/api/hubs/{{hub}}{path}", guarded(endpoint), methods=[method]) for method, path, endpoint in _ENDPOINTS
    ]
    return Starlette(
        routes=[
            Route("/api/health", _health),
            WebSocketRoute("/client/hubs/{hub}", client),
            Route("/api/hubs/{hub}/:generateToken", guarded(generate_token), methods=["POST"]),
            *routes,
        ]
    )


async def _health(_request: Request) -> Response:
    return Response()


def _addressed(hub: Hub, request: Request) -> list[Connection]:
    """Return the connections that a path names: one, a user's, a group's, or all."""
    path = request.path_params
    if "connection" in path:
        found = hub.connections.get(path["connection"])
        return [found] if found else []
    if "user" in path:
        return hub.of_user(path["user"])
    return hub.in_group(path["group"]) if "group" in path else list(hub.connections.values())


async def _send(hub: Hub, request: Request) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    try:
        content = _content(kind, body)
    except ValueError as exc:
        return PlainTextResponse(str(exc), 400)
    to_group = {"from": "group", "group": request.path_params["group"]} if "group" in request.path_params else None
    deliver_to(_addressed(hub, request), content, to_group or _FROM_SERVER, request.query_params.getlist("excluded"))
    return Response(status_code=202)


def _content(kind: str, body: bytes) -> Content:
    """Raise ValueError when the body is not what its content type says."""
    if kind == "application/octet-stream":
        return Content("binary", body)
    if kind == "text/plain":
        return Content("text", body.decode())
    if kind == "application/json":
        json.loads(body)
        return Content("json", body.decode())
    raise ValueError(f"content type '{kind}' is none of application/json, text/plain, application/octet-stream")


async def _close(hub: Hub, request: Request) -> Response:
    excluded = request.query_params.getlist("excluded")
    for connection in _addressed(hub, request):
        if connection.id not in excluded:
            connection.close(request.query_params.get("reason", ""))
    return Response(status_code=204)


async def _exists(hub: Hub, request: Request) -> Response:
    return Response(status_code=200 if _addressed(hub, request) else 404)


async def _list_group(hub: Hub, request: Request) -> Response:
    members = [{"connectionId": member.id, "userId": member.user} for member in _addressed(hub, request)]
    return JSONResponse({"value": members})


def _members(hub: Hub, request: Request) -> list[Connection]:
    """Return whom a membership path names beside its group."""
    path = request.path_params
    if "user" in path:
        return hub.of_user(path["user"])
    found = hub.connections.get(path["connection"])
    return [found] if found else []


async def _join(hub: Hub, request: Request) -> Response:
    members = _members(hub, request)
    if not members and "connection" in request.path_params:
        return Response(status_code=404)
    for member in members:
        member.groups.add(request.path_params["group"])
    return Response()


async def _leave(hub: Hub, request: Request) -> Response:
    for member in _members(hub, request):
        member.groups.discard(request.path_params["group"])
    return Response(status_code=204)


async def _leave_all(hub: Hub, request: Request) -> Response:
    for member in _members(hub, request):
        member.groups.clear()
    return Response(status_code=204)


def _role(request: Request) -> str:
    target = request.query_params.get("targetName")
    return f"webpubsub.{request.path_params['permission']}" + (f".{target}" if target else "")


async def _grant(hub: Hub, request: Request) -> Response:
    members = _members(hub, request)
    for member in members:
        member.roles.add(_role(request))
    return Response(status_code=200 if members else 404)


async def _revoke(hub: Hub, request: Request) -> Response:
    for member in _members(hub, request):
        member.roles.discard(_role(request))
    return Response(status_code=204)


async def _may(hub: Hub, request: Request) -> Response:
    permission, target = request.path_params["permission"], request.query_params.get("targetName", "")
    members = _members(hub, request)
    return Response(status_code=200 if members and members[0].may(permission, target) else 404)


_ENDPOINTS: list[tuple[str, str, Endpoint]] = [
    ("POST", "/:send", _send),
    ("POST", "/:closeConnections", _close),
    ("POST", "/connections/{connection}/:send", _send),
    ("HEAD", "/connections/{connection}", _exists),
    ("DELETE", "/connections/{connection}", _close),
    ("DELETE", "/connections/{connection}/groups", _leave_all),
    ("POST", "/groups/{group}/:send", _send),
    ("POST", "/groups/{group}/:closeConnections", _close),
    ("HEAD", "/groups/{group}", _exists),
    ("GET", "/groups/{group}/connections", _list_group),
    ("PUT", "/groups/{group}/connections/{connection}", _join),
    ("DELETE", "/groups/{group}/connections/{connection}", _leave),
    ("POST", "/users/{user}/:send", _send),
    ("POST", "/users/{user}/:closeConnections", _close),
    ("HEAD", "/users/{user}", _exists),
    ("PUT", "/users/{user}/groups/{group}", _join),
    ("DELETE", "/users/{user}/groups/{group}", _leave),
    ("DELETE", "/users/{user}/groups", _leave_all),
    ("PUT", "/permissions/{permission}/connections/{connection}", _grant),
    ("DELETE", "/permissions/{permission}/connections/{connection}", _revoke),
    ("HEAD", "/permissions/{permission}/connections/{connection}", _may),
]
