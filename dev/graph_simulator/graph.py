"""The Graph root: who calls, which route it is, which limits and faults apply, and the answer."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote
from uuid import uuid4

from dev.graph_simulator import graph_folders, graph_messages, subscriptions
from dev.graph_simulator.batch import InnerRequest, run_batch
from dev.graph_simulator.calls import Call, Reply, Session, error_reply, json_reply
from dev.graph_simulator.errors import (
    ServiceError,
    access_denied,
    invalid_token,
    item_not_found,
    malformed_id,
    not_covered,
    unknown_segment,
)
from dev.graph_simulator.faults import Fault, failure
from dev.graph_simulator.folders import WELL_KNOWN_NAMES
from dev.graph_simulator.grants import TokenRefused
from dev.graph_simulator.limits import Usage
from dev.graph_simulator.mailbox import NotFound
from dev.graph_simulator.queries import options_from
from dev.graph_simulator.simulator import Simulator

Handler = Callable[[Simulator, Call], Reply | Awaitable[Reply]]
_READ, _WRITE = frozenset(("mail.read", "mail.readwrite")), frozenset(("mail.readwrite",))
_PROFILE = frozenset(("user.read", "openid", "profile"))
_KEYED = re.compile(r"(\w+)\('([^']*)'\)")
_SLASH = re.compile(r"%2f", re.IGNORECASE)
# What may follow a message's id. Anything else is the rest of an id with a slash in it.
_MESSAGE_SEGMENTS = frozenset(
    ["attachments", "extensions", "singlevalueextendedproperties", "multivalueextendedproperties", "event", "$value", "move", "copy", "send", "reply", "replyall", "forward", "createreply", "createreplyall", "createforward", "permanentdelete", "unsubscribe", "markasjunk", "marknotasjunk"]
)


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


class Route(NamedTuple):
    method: str
    pattern: tuple[str, ...]
    handler: Handler
    scopes: frozenset[str]
    is_limited: bool = True


def _route(method: str, path: str, handler: Handler, scopes: frozenset[str], *, is_limited: bool = True) -> Route:
    return Route(method, tuple(path.split("/")), handler, scopes, is_limited)


def _me(_: Simulator, call: Call) -> Reply:
    options_from(call.query, ("$select",))
    user = call.session.user
    given, _, family = user.name.partition(" ")
    return json_reply(
        {
            "@odata.context": call.context("users/$entity"),
            "businessPhones": [],
            "displayName": user.name,
            "givenName": given,
            "jobTitle": None,
            "mail": user.address,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "surname": family or None,
            "userPrincipalName": user.address,
            "id": user.id,
        }
    )


ROUTES = (
    _route("GET", "me", _me, _PROFILE, is_limited=False),
    _route("GET", "me/messages", graph_messages.list_all, _READ),
    _route("GET", "me/messages/$count", graph_messages.count_all, _READ),
    _route("GET", "me/mailfolders", graph_folders.list_top, _READ),
    _route("POST", "me/mailfolders", graph_folders.create_top, _WRITE),
    _route("GET", "me/mailfolders/delta", graph_folders.tree_delta, _READ),
    _route("GET", "me/mailfolders/{folder}", graph_folders.get_one, _READ),
    _route("PATCH", "me/mailfolders/{folder}", graph_folders.patch_one, _WRITE),
    _route("DELETE", "me/mailfolders/{folder}", graph_folders.delete_one, _WRITE),
    _route("POST", "me/mailfolders/{folder}/move", graph_folders.move_one, _WRITE),
    _route("GET", "me/mailfolders/{folder}/childfolders", graph_folders.list_children, _READ),
    _route("POST", "me/mailfolders/{folder}/childfolders", graph_folders.create_child, _WRITE),
    _route("GET", "me/mailfolders/{folder}/messages", graph_messages.list_in_folder, _READ),
    _route("GET", "me/mailfolders/{folder}/messages/$count", graph_messages.count_in_folder, _READ),
    _route("GET", "me/mailfolders/{folder}/messages/delta", graph_messages.folder_delta, _READ),
    *(
        _route(method, f"{root}/{{message}}{tail}", handler, scopes)
        for root in ("me/messages", "me/mailfolders/{folder}/messages")
        for method, tail, handler, scopes in (
            ("GET", "", graph_messages.get_one, _READ),
            ("PATCH", "", graph_messages.patch_one, _WRITE),
            ("DELETE", "", graph_messages.delete_one, _WRITE),
            ("GET", "/$value", graph_messages.get_mime, _READ),
            ("POST", "/move", graph_messages.move_one, _WRITE),
            ("POST", "/copy", graph_messages.copy_one, _WRITE),
            ("POST", "/permanentdelete", graph_messages.delete_for_good, _WRITE),
            ("GET", "/attachments", graph_messages.list_attachments, _READ),
            ("GET", "/attachments/{attachment}", graph_messages.get_attachment, _READ),
            ("GET", "/attachments/{attachment}/$value", graph_messages.get_attachment_bytes, _READ),
        )
    ),
    _route("POST", "subscriptions", subscriptions.create, _READ, is_limited=False),
    _route("GET", "subscriptions", subscriptions.list_own, _READ, is_limited=False),
    _route("GET", "subscriptions/{subscription}", subscriptions.get_one, _READ, is_limited=False),
    _route("PATCH", "subscriptions/{subscription}", subscriptions.patch_one, _READ, is_limited=False),
    _route("DELETE", "subscriptions/{subscription}", subscriptions.delete_one, _READ, is_limited=False),
    _route("POST", "subscriptions/{subscription}/reauthorize", subscriptions.reauthorize, _READ, is_limited=False),
)
_BY_SHAPE: dict[tuple[str, int], list[Route]] = {}
for _one in ROUTES:
    _BY_SHAPE.setdefault((_one.method, len(_one.pattern)), []).append(_one)


@asynccontextmanager
async def answered(simulator: Simulator, asked: Asked) -> AsyncIterator[Reply]:
    """Yield the answer. The request counts as in flight until the block is left: leave it when the answer is sent."""
    if asked.method == "POST" and asked.target.partition("?")[0].lower() == "$batch":
        yield _completed(await _caught(simulator, asked, _batch(simulator, asked)), simulator, asked)
        return
    entered: list[Usage] = []
    try:
        yield _completed(await _caught(simulator, asked, _single(simulator, asked, entered)), simulator, asked)
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


def _completed(reply: Reply, simulator: Simulator, asked: Asked) -> Reply:
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
    segments = _segments(path, session)
    route, parameters = _matched(asked.method, segments)
    if not route.scopes & session.scopes:
        raise access_denied()
    mailbox = simulator.mailbox(session.user)
    if route.is_limited:
        usage = simulator.limits.usage(session.app_id, mailbox.id)
        usage.routes[f"{route.method} /{'/'.join(route.pattern)}"] += 1
        entered.append(usage)
        simulator.limits.enter(usage)
    fault = simulator.faults.strike(asked.method, f"/v1.0/{asked.target}", session.user.address)
    if fault and (failed := failure(fault)):
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
    seconds = simulator.settings.latency.seconds(reply.messages) + (fault.milliseconds / 1000 if fault else 0)
    if seconds:
        await asyncio.sleep(seconds)
    if fault and fault.action == "half":
        reply.breakage = "half"
    return reply


async def _batch(simulator: Simulator, asked: Asked) -> Reply:
    _session(simulator, asked.headers)
    fault = simulator.faults.strike(asked.method, f"/v1.0/{asked.target}", None)
    if fault and (failed := failure(fault)):
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
        grant, scopes, issued = simulator.grants.read_access_token(token.strip())
    except TokenRefused as refused:
        is_expired = str(refused) == "expired"
        message = "Access token has expired." if is_expired else "CompactToken parsing failed with error code: 80049217"
        raise invalid_token(message) from refused
    user = simulator.directory.users.get(grant.user)
    if user is None or issued <= user.tokens_valid_from:
        raise invalid_token("Access token has expired.")
    names = frozenset(scope.rpartition("/")[2].lower() for scope in scopes)
    return Session(grant.app, user, names)


def _segments(path: str, session: Session) -> list[str]:
    """Split a path as the service does: an encoded slash splits too; `name('key')` is two segments; own user is `me`."""
    found: list[str] = []
    for part in _SLASH.sub("/", path).split("/"):
        segment = unquote(part)
        keyed = _KEYED.fullmatch(segment)
        found += [keyed[1], keyed[2]] if keyed else [segment]
    if found[0].lower() == "users" and len(found) > 1:
        if found[1].lower() not in (session.user.id, session.user.address.lower()):
            raise access_denied()
        found[:2] = ["me"]
    return found


def _matched(method: str, segments: list[str]) -> tuple[Route, dict[str, str]]:
    for route in _BY_SHAPE.get((method, len(segments)), ()):
        parameters: dict[str, str] = {}
        for step, segment in zip(route.pattern, segments, strict=True):
            if step.startswith("{"):
                parameters[step[1:-1]] = segment
            elif step != segment.lower():
                break
        else:
            return route, parameters
    lowered = [segment.lower() for segment in segments]
    if "messages" in lowered:
        after_id = lowered.index("messages") + 2
        if len(segments) > after_id and lowered[after_id] not in _MESSAGE_SEGMENTS:
            raise unknown_segment(segments[after_id])
    raise not_covered(f"{method} /v1.0/{'/'.join(segments)}")
