"""Between ASGI and the library: the request as the worker gets it, the response as the host sends it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from azure.functions.meta import Datum

from dev.functions_host.errors import InvocationFailed
from dev.functions_host.paths import decoded_path, encoded_path

_UNESCAPED_IN_COOKIE: Final = "-_.~"
_NO_BODY: Final = {204, 205, 304}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    scheme: str
    host: str
    raw_path: str  # percent-encoded
    query: str
    headers: Mapping[str, str]  # lower-case names, repeated ones joined
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def headers_from(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = _decoded(value)
        joined[key] = f"{joined[key]},{text}" if key in joined else text
    return joined


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def query_from(query: str) -> dict[str, str]:
    """Join repeated keys, whatever their case; a key without a value is dropped."""
    spelling: dict[str, str] = {}
    joined: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        name = spelling.setdefault(key.lower(), key)
        if value:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def request_datum(request: Request, route_values: Mapping[str, str]) -> Datum:
    query = f"?{request.query}" if request.query else ""
    url = f"{request.scheme}://{request.host}{encoded_path(decoded_path(request.raw_path))}{query}"
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(url, "string"),
            "headers": _datums(request.headers),
            "query": _datums(query_from(request.query)),
            "params": _datums(route_values),
            "body": Datum(request.body, "bytes"),
        },
        "http",
    )


def _datums(texts: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(text, "string") for name, text in texts.items()}


def response_from(returned: Datum | None) -> Response:
    """Make the response out of what the function returned, an HttpResponse or a str."""
    if returned is None:
        raise InvocationFailed("an http function without a $return binding has no response")
    if returned.type != "http":
        return _response_from_text(str(returned.value))
    status = int(returned.value["status_code"].value)
    headers = [(name.lower(), datum.value) for name, datum in returned.value["headers"].items()]
    headers += [("set-cookie", text) for text in _cookies(returned.value["cookies"] or [])]
    body = b"" if status in _NO_BODY else returned.value["body"].value
    return Response(status, tuple(headers), body)


def _cookies(parsed: Iterable["SimpleCookie"]) -> list[str]:
    return [_cookie(morsel) for cookie in parsed for morsel in cookie.values()]


def _cookie(morsel: "Morsel[str]") -> str:
    """Write one cookie as ASP.NET does, which percent-encodes the value."""
    text = f"{quote(morsel.key, safe=_UNESCAPED_IN_COOKIE)}={quote(morsel.value, safe=_UNESCAPED_IN_COOKIE)}"
    for name in ("expires", "max-age", "domain", "path"):
        if morsel[name]:
            text += f"; {name}={morsel[name]}"
    text += "; secure" if morsel["secure"] else ""
    text += f"; samesite={morsel['samesite'].lower()}" if morsel["samesite"] else ""
    return text + ("; httponly" if morsel["httponly"] else "")


def _response_from_text(text: str) -> Response:
    """Serve a str: an object with a `body` is a response, other JSON is written anew, the rest is plain text."""
    try:
        content = json.loads(text)
    except ValueError:
        return Response(200, (("content-type", "text/plain; charset=utf-8"),), text.encode())
    if isinstance(content, dict):
        fields = {key.lower(): value for key, value in content.items()}
        if "body" in fields:
            return _response_from_object(fields)
    return Response(200, (("content-type", "application/json; charset=utf-8"),), _json(content))


def _response_from_object(fields: dict[str, Any]) -> Response:
    given = fields.get("headers") or {}
    headers = {name.lower(): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    body = fields["body"]
    is_text = isinstance(body, str)
    headers.setdefault("content-type", "text/plain; charset=utf-8" if is_text else "application/json; charset=utf-8")
    status = int(fields.get("statuscode") or fields.get("status") or 200)
    content = body.encode() if isinstance(body, str) else _json(body)
    return Response(status, tuple(headers.items()), b"" if status in _NO_BODY else content)


def _json(content: Any) -> bytes:  # noqa: ANN401 (any JSON value)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
