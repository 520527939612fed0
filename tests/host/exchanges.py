"""The recorded table of requests, each with what the Functions host answers by its source and its documents."""

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.host.declared import RECORDED


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]  # names in lower case
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True)
class Exchange:
    name: str
    source: str
    request: dict[str, Any]
    answer: dict[str, Any]

    def __str__(self) -> str:
        return self.name


def read_exchanges(start: Literal["open", "guarded"]) -> list[Exchange]:
    return [Exchange(**row) for row in json.loads((RECORDED / "http.json").read_text())[start]]


def play(exchange: Exchange, url: str, keys: Mapping[str, str]) -> Answer:
    """Send the request as it is recorded, byte for byte, with keys in place of their names."""
    request, address = exchange.request, urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.putrequest(request["method"], _with_keys(request["path"], keys), skip_accept_encoding=True)
        for name, value in request.get("headers", ()):
            connection.putheader(name, value)
        if key := request.get("key"):
            connection.putheader("x-functions-key", keys.get(key, key))
        _send_body(connection, request)
        response = connection.getresponse()
        headers = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()


def difference(exchange: Exchange, answer: Answer, url: str) -> list[str]:
    """Return what of the answer is not as recorded; nothing when all is."""
    expected = json.loads(json.dumps(exchange.answer).replace("{host}", url))
    found: list[tuple[str, object, object]] = [("status", expected["status"], answer.status)]
    for name, values in expected.get("headers", {}).items():
        found.append((name, values, answer.values(name)))
    if "body" in expected:
        found.append(("body", expected["body"], answer.body.decode()))
    if "body_base64" in expected:
        found.append(("body", base64.b64decode(expected["body_base64"]), answer.body))
    if "said" in expected or "said_headers" in expected:
        said = json.loads(answer.body)
        found += [(key, value, said.get(key)) for key, value in expected.get("said", {}).items()]
        found += [(key, value, said["headers"].get(key)) for key, value in expected.get("said_headers", {}).items()]
    return [f"{what}: {wanted!r} is recorded, {got!r} came" for what, wanted, got in found if wanted != got]


def _send_body(connection: http.client.HTTPConnection, request: Mapping[str, Any]) -> None:
    if "chunks" in request:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders((chunk.encode() for chunk in request["chunks"]), encode_chunked=True)
    elif "body" in request:
        body = request["body"].encode()
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
    else:
        connection.endheaders()


def _with_keys(path: str, keys: Mapping[str, str]) -> str:
    for name, key in keys.items():
        path = path.replace(f"{{key:{name}}}", key)
    return path
