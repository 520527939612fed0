"""The HTTPS server: Graph below /v1.0/, sign-in below a tenant's name, the admin API below /_admin/."""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from dev.graph_simulator.admin import add_admin_routes
from dev.graph_simulator.authorize import authorize
from dev.graph_simulator.calls import Reply, error_reply, json_reply
from dev.graph_simulator.clock import http_date
from dev.graph_simulator.discovery import issuer_tenant, key_set, openid_configuration
from dev.graph_simulator.errors import ServiceError, not_covered
from dev.graph_simulator.faults import failure
from dev.graph_simulator.graph import Asked, answered
from dev.graph_simulator.simulator import Simulator
from dev.graph_simulator.token_endpoint import token

MAXIMUM_BODY = 256 * 1024 * 1024
GRAPH_ROOT = "/v1.0/"
TRICKLES = 20
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("graph_simulator")


def application(simulator: Simulator) -> web.Application:
    app = web.Application(client_max_size=MAXIMUM_BODY)
    add_admin_routes(app, simulator)
    app.router.add_route("*", GRAPH_ROOT + "{tail:.*}", _graph(simulator))
    app.router.add_route("*", "/{authority}/{tail:.*}", _entra(simulator))
    app.router.add_route("*", "/{tail:.*}", _unknown)
    return app


def _graph(simulator: Simulator) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if simulator.delivery.outage.is_on:
            return await _sent(request, Reply(200, breakage="reset"))
        asked = Asked(
            method=request.method,
            target=request.raw_path.removeprefix(GRAPH_ROOT),
            headers=_joined(request.headers),
            body=await request.read() if request.body_exists else b"",
            base_url=f"https://{request.host}",
        )
        async with answered(simulator, asked) as reply:
            reply.headers["Date"] = http_date(simulator.clock.now())
            return await _sent(request, reply)

    return answer


def _entra(simulator: Simulator) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        outage = simulator.delivery.outage
        if outage.is_on and outage.includes_entra:
            return await _sent(request, Reply(200, breakage="reset"))
        try:
            if (fault := simulator.faults.strike(request.method, request.raw_path, None)) and (
                reply := failure(fault, simulator.clock.now())
            ):
                return await _sent(request, reply)
            return await _signed_in(simulator, request)
        except ServiceError as error:
            return await _sent(request, error_reply(error, "", "", ""))

    return answer


async def _signed_in(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    authority, tail = request.match_info["authority"], request.match_info["tail"]
    tenant = issuer_tenant(simulator, authority)
    match request.method, tail:
        case ("GET" | "POST", "oauth2/v2.0/authorize") if tenant:
            return await authorize(simulator, authority, request)
        case "POST", "oauth2/v2.0/token" if tenant:
            return await token(simulator, authority, request)
        case "GET", "v2.0/.well-known/openid-configuration" if tenant:
            return await _sent(request, json_reply(openid_configuration(simulator, authority, tenant)))
        case "GET", "discovery/v2.0/keys":
            return await _sent(request, json_reply(key_set(simulator)))
    if tenant is None and tail.startswith(("oauth2/", "v2.0/", "discovery/")):
        text = f"AADSTS90002: Tenant '{authority}' not found."
        return await _sent(request, json_reply({"error": "invalid_tenant", "error_description": text}, 400))
    raise not_covered(f"{request.method} {request.path}")


async def _unknown(request: web.Request) -> web.StreamResponse:
    error = not_covered(f"{request.method} {request.path}")
    return await _sent(request, error_reply(error, "", "", ""))


async def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a reply to its end, or break the connection as the reply demands."""
    headers = {"Content-Type": reply.content_type, **reply.headers} if reply.body else dict(reply.headers)
    if reply.breakage:
        return await _broken(request, reply, headers)
    response = web.Response(status=reply.status, body=reply.body, headers=headers)
    if not reply.body:
        response.headers.pop("Content-Type", None)
    await response.prepare(request)
    await response.write_eof()
    return response


async def _broken(request: web.Request, reply: Reply, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=headers)
    transport: Any = request.transport
    if reply.breakage == "trickle":
        return await _trickled(request, reply, response)
    if reply.breakage != "reset":
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    if reply.breakage == "half":
        transport.close()
        return response
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # so that closing is a reset
    transport.abort()
    return response


async def _trickled(request: web.Request, reply: Reply, response: web.StreamResponse) -> web.StreamResponse:
    """Send the whole answer, evenly over the time asked for."""
    response.content_length = len(reply.body)
    await response.prepare(request)
    size = max(1, -(-len(reply.body) // TRICKLES))
    for start in range(0, len(reply.body), size):
        await response.write(reply.body[start : start + size])
        await asyncio.sleep(reply.trickle_seconds / TRICKLES)
    await response.write_eof()
    return response


def _joined(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return headers with lower-case names; repeated ones are joined with commas."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
