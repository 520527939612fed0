"""The Graph root: who calls, which route it is, which limits and faults apply, and the answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from dev.graph_simulator.batch import InnerRequest, run_batch
from dev.graph_simulator.calls import Call, Reply, Session, error_reply, json_reply
from dev.graph_simulator.errors import ServiceError, access_denied, invalid_token, item_not_found, malformed_id
from dev.graph_simulator.faults import Fault, failure
from dev.graph_simulator.folders import WELL_KNOWN_NAMES
from dev.graph_simulator.grants import TokenRefused
from dev.graph_simulator.limits import Usage
from dev.graph_simulator.mailbox import NotFound
from dev.graph_simulator.routes import Route, matched, segments_of
from dev.graph_simulator.simulator import Simulator

_TURNS_TO_COME_IN = 4  # of the event loop: read, decrypted, parsed, begun


@dataclass(slots=True)
class Asked:
    """A request as it arrived. `target` is path and query below /v1.0/, still encoded; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    request_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def client_request_id(self) -> str:
        return self.headers.get("client-request-id", self.request_id)


@asynccontextmanager
async def answered(simulator: Simulator, asked: Asked) -> AsyncIterator[Reply]:
    """Yield the answer. The request counts as in flight until the block is left: leave it when the answer is sent."""
    if asked.method == "POST" and asked.target.partition("?")[0].lower() == "$batch":
        yield _completed(await _caught(simulator, asked, _batch(simulator, asked)), asked)
        return
    entered: list[Usage] = []
    try:
        yield _completed(await _caught(simulator, asked, _single(simulator, asked, entered)), asked)
    finally:
        for usage in entered:
            simulator.limits.leave(usage)


async def _caught(simulator: Simulator, asked: Asked, work: Awaitable[Reply]) -> Reply:
    try:
        return await work
    except ServiceError as error:
        date = simulator.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
        return error_reply(error, date, asked.request_id, asked.client_request_id)
    finally:
        simulator.store.commit()


def _completed(reply: Reply, asked: Asked) -> Reply:
    reply.headers |= {
        "request-id": asked.request_id,
        "client-request-id": asked.client_request_id,
        "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000"}}',
        "OData-Version": "4.0",
        "Cache-Control": "private",
    }
    return reply


async def _single(simulator: Simulator, asked: Asked, entered: list[Usage]) -> Reply:
    path, _, query = asked.target.partition("?")
    session = _session(simulator, asked.headers)
    route, parameters = matched(asked.method, segments_of(path, session.user))
    if not route.scopes & session.scopes:
        raise access_denied()
    mailbox = simulator.mailbox(session.user)
    if route.is_limited:
        usage = simulator.limits.usage(session.app_id, mailbox.id)
        usage.routes[f"{route.method} /{'/'.join(route.pattern)}"] += 1
        entered.append(usage)
        simulator.limits.enter(usage)
    fault = simulator.faults.strike(asked.method, f"/v1.0/{asked.target}", session.user.address)
    if fault and (failed := failure(fault, simulator.clock.now())):
        return failed
    call = Call(asked.method, path, query, asked.headers, asked.body, asked.base_url, session, mailbox, parameters)
    reply = await _handled(simulator, route, call)
    return await _held_back(simulator, reply, fault)


async def _handled(simulator: Simulator, route: Route, call: Call) -> Reply:
    try:
        reply = route.handler(simulator, call)
        return reply if isinstance(reply, Reply) else await reply
    except NotFound as missing:
        is_known_form = missing.id.lower() in WELL_KNOWN_NAMES or call.mailbox.ids.is_well_formed(missing.id)
        raise (item_not_found() if is_known_form else malformed_id()) from missing


async def _held_back(simulator: Simulator, reply: Reply, fault: Fault | None) -> Reply:
    # What was changed is durable before the wait: a client that gives up here has changed it all the same.
    simulator.store.commit()
    seconds = simulator.settings.latency.seconds(reply.messages)
    if fault and fault.action == "slow":
        seconds += fault.milliseconds / 1000
    if seconds:
        await asyncio.sleep(seconds)
    else:
        # Requests that came in while this one was being handled are counted as being at the same time.
        for _ in range(_TURNS_TO_COME_IN):
            await asyncio.sleep(0)
    if fault and fault.action in ("half", "torn", "trickle"):
        reply.breakage, reply.trickle_seconds = fault.action, fault.milliseconds / 1000
    return reply


async def _batch(simulator: Simulator, asked: Asked) -> Reply:
    _session(simulator, asked.headers)
    fault = simulator.faults.strike(asked.method, f"/v1.0/{asked.target}", None)
    if fault and (failed := failure(fault, simulator.clock.now())):
        return failed

    async def answer(inner: InnerRequest) -> Reply:
        headers = {"authorization": asked.headers.get("authorization", "")} | inner.headers
        target = inner.url.removeprefix("/")
        one = Asked(inner.method, target, headers, inner.body, asked.base_url)
        async with answered(simulator, one) as reply:
            return reply if reply.breakage is None else json_reply({"error": {"code": "UnknownError"}}, 503)

    return await run_batch(asked.body, answer)


def _session(simulator: Simulator, headers: Mapping[str, str]) -> Session:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise invalid_token("Access token is empty.")
    try:
        known = simulator.grants.read_access_token(token.strip())
    except TokenRefused as refused:
        is_expired = str(refused) == "expired"
        message = "Access token has expired." if is_expired else "CompactToken parsing failed with error code: 80049217"
        raise invalid_token(message) from refused
    user = simulator.directory.users.get(known.grant.user)
    if user is None or known.issued <= user.tokens_valid_from:
        raise invalid_token("Access token has expired.")
    names = frozenset(scope.rpartition("/")[2].lower() for scope in known.scopes)
    return Session(known.grant.app, user, names, known.expires)
