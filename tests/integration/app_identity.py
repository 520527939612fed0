"""Where Azure's hosts give an app the tokens of its identity, as azure-identity asks for them."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.serving import serving

TOKEN_SECONDS = 24 * 3600


@dataclass
class IdentityEndpoint:
    """Asks `token_for` what to give for a resource, and keeps what it was asked for."""

    url: str
    token_for: Callable[[str], str]
    seconds: int = TOKEN_SECONDS  # that a token is good for
    header: str = field(default_factory=secrets.token_urlsafe, repr=False)
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> Mapping[str, str]:
        return {"IDENTITY_ENDPOINT": self.url, "IDENTITY_HEADER": self.header}

    def answer(self, path: str) -> Mapping[str, object]:
        (resource,) = parse_qs(urlsplit(path).query)["resource"]
        self.asked.append(resource)
        expires_on = str(int(time.time()) + self.seconds)
        return {
            "access_token": self.token_for(resource),
            "expires_on": expires_on,
            "resource": resource,
            "token_type": "Bearer",
        }


@contextmanager
def running_identity(token_for: Callable[[str], str]) -> Iterator[IdentityEndpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    endpoint = IdentityEndpoint(f"http://127.0.0.1:{server.server_port}/msi/token", token_for)
    server.endpoint = endpoint  # type: ignore[attr-defined] # how the handler finds it
    with serving(server):
        yield endpoint


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        endpoint: IdentityEndpoint = self.server.endpoint  # type: ignore[attr-defined] # set by running_identity
        is_let_in = self.headers.get("X-IDENTITY-HEADER") == endpoint.header
        body = json.dumps(endpoint.answer(self.path) if is_let_in else {}).encode()
        self.send_response(200 if is_let_in else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - as its base
