"""Which request goes to which handler."""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import unquote

from dev.graph_simulator import graph_folders, graph_messages, subscriptions
from dev.graph_simulator.calls import Call, Reply, json_reply
from dev.graph_simulator.directory import User
from dev.graph_simulator.errors import access_denied, not_covered, unknown_segment
from dev.graph_simulator.queries import options_from
from dev.graph_simulator.simulator import Simulator

Handler = Callable[[Simulator, Call], Reply | Awaitable[Reply]]
_READ, _WRITE = frozenset(("mail.read", "mail.readwrite")), frozenset(("mail.readwrite",))
_PROFILE = frozenset(("user.read", "openid", "profile"))
_KEYED = re.compile(r"(\w+)\('([^']*)'\)")
_SLASH = re.compile(r"%2f", re.IGNORECASE)
# What may follow a message's id. Anything else is the rest of an id with a slash in it.
_MESSAGE_SEGMENTS = frozenset(
    (
        "attachments",
        "extensions",
        "singlevalueextendedproperties",
        "multivalueextendedproperties",
        "event",
        "$value",
        "move",
        "copy",
        "send",
        "reply",
        "replyall",
        "forward",
        "createreply",
        "createreplyall",
        "createforward",
        "permanentdelete",
        "unsubscribe",
        "markasjunk",
        "marknotasjunk",
    )
)


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
    given, *rest = user.name.split(" ", 1)
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
            "surname": rest[0] if rest else None,
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


def segments_of(path: str, user: User) -> list[str]:
    """
    Split a path as the service does: at encoded slashes too, and `name('key')` in two; the own user becomes `me`.

    Raises a 403 for another user.
    """
    found: list[str] = []
    for part in _SLASH.sub("/", path).split("/"):
        segment = unquote(part)
        keyed = _KEYED.fullmatch(segment)
        found += [keyed[1], keyed[2]] if keyed else [segment]
    if found[0].lower() == "users" and len(found) > 1:
        if found[1].lower() not in (user.id, user.address.lower()):
            raise access_denied()
        found[:2] = ["me"]
    return found


def matched(method: str, segments: list[str]) -> tuple[Route, dict[str, str]]:
    """Return the route of a path and what it cuts out. Raises a 400 for a broken id, a 501 for what is not covered."""
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
