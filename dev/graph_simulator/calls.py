"""A Graph request on its way to its handler, and the reply on its way back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dev.graph_simulator.directory import User
from dev.graph_simulator.errors import ServiceError, bad_request, invalid_query, not_covered
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.mailbox import Mailbox
from dev.graph_simulator.messages import (
    ATTACHMENT_PROPERTIES,
    FILE_PROPERTIES,
    SELECTABLE,
    Shape,
)
from dev.graph_simulator.queries import select_from

JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_PREFERENCE = re.compile(r"\s*([\w.-]+)\s*(?:=\s*(?:\"([^\"]*)\"|([^\s,;]+)))?\s*(?:[,;]|$)")
_EXPAND = re.compile(r"attachments(?:\(\$select=([^()]*)\))?", re.IGNORECASE)
_CAST = re.compile(r"^(?:microsoft\.graph\.)?(?:fileAttachment|itemAttachment|referenceAttachment)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls, through which application, with which scopes, with a token that ends when."""

    app_id: str
    user: User
    scopes: frozenset[str]
    token_expires: float = 0.0


@dataclass(slots=True)
class Call:
    """
    A request to the Graph root. `path` is as it was asked (for links), `parameters` what the route cut out of it.

    Header names are lower-case; repeated headers are joined with commas.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    session: Session
    mailbox: Mailbox
    parameters: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the body. Raises a 400 unless it is a JSON object."""
        try:
            document = from_json(self.body)
        except ValueError as exc:
            raise bad_request("Unable to read JSON request payload.") from exc
        if not isinstance(document, dict):
            raise bad_request("Unable to read JSON request payload.")
        return document

    def link(self, query: str) -> str:
        return f"{self.base_url}/v1.0/{self.path}?{query}"

    def context(self, tail: str) -> str:
        return f"{self.base_url}/v1.0/$metadata#{tail}"


@dataclass(slots=True)
class Reply:
    """
    What goes back.

    `messages`, those that have their body there, weigh it for the latency model; `breakage` tells how the connection is
    to fail, if it is.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    messages: int = 0
    breakage: str | None = None
    trickle_seconds: float = 0.0


def json_reply(document: object, status: int = 200) -> Reply:
    return Reply(status, to_json(document))


def preferences(headers: Mapping[str, str]) -> dict[str, str]:
    """Parse the Prefer header; names come out in lower case, a preference without value as an empty text."""
    found = _PREFERENCE.findall(headers.get("prefer", ""))
    return {name.lower(): quoted or bare for name, quoted, bare in found}


def shape_from(call: Call, options: Mapping[str, str], *, is_typed: bool = False) -> Shape:
    """Return the shape of messages that the request's options and preferences ask for."""
    preferred = preferences(call.headers)
    as_text = preferred.get("outlook.body-content-type", "").lower() == "text"
    unsafe = "outlook.allow-unsafe-html" in preferred
    return Shape(
        select=select_from(options.get("$select"), SELECTABLE, "message"),
        is_immutable=preferred.get("idtype", "").lower() == "immutableid",
        body="text" if as_text else "unsafe_html" if unsafe else "html",
        is_typed=is_typed,
        attachments=_expanded(options.get("$expand")),
    )


def applied(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the header that tells which preferences were met."""
    preferred = preferences(headers)
    answers = []
    if preferred.get("outlook.body-content-type", "").lower() in ("text", "html"):
        answers.append(f'outlook.body-content-type="{preferred["outlook.body-content-type"].lower()}"')
    if preferred.get("idtype", "").lower() == "immutableid":
        answers.append('IdType="ImmutableId"')
    if "odata.maxpagesize" in preferred:
        answers.append(f"odata.maxpagesize={preferred['odata.maxpagesize']}")
    return {"Preference-Applied": ", ".join(answers)} if answers else {}


def attachment_select_from(text: str | None) -> tuple[str, ...]:
    """
    Parse $select of attachments; empty means all.

    A file's own properties are known only through a cast, as `microsoft.graph.fileAttachment/contentId`.
    """
    chosen: list[str] = []
    for name in (text or "").split(","):
        plain = _CAST.sub("", name.strip())
        known = FILE_PROPERTIES if plain != name.strip() else ("id", *ATTACHMENT_PROPERTIES)
        chosen.extend(select_from(plain, known, "attachment") or ())
    return tuple(chosen)


def _expanded(text: str | None) -> tuple[str, ...] | None:
    if not text:
        return None
    found = _EXPAND.fullmatch(text.strip())
    if found is None:
        raise not_covered(f"the expansion '{text}'")
    return attachment_select_from(found[1])


def page_size_from(headers: Mapping[str, str], default: int, maximum: int) -> int:
    text = preferences(headers).get("odata.maxpagesize")
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise invalid_query(f"Invalid odata.maxpagesize '{text}'.")
    return min(int(text), maximum)


def error_reply(error: ServiceError, date: str, request_id: str, client_request_id: str) -> Reply:
    return Reply(error.status, to_json(error.body(date, request_id, client_request_id)), dict(error.headers))
