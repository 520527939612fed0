"""Where Azure's hosts give an app the tokens of its identity, as azure-identity asks for them."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


class IdentityServer:
    def __init__(self, token_for: Callable[[str], str]) -> None:
        self._token_for = token_for

    def __enter__(self) -> IdentityEndpoint:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        endpoint = IdentityEndpoint(f"http://127.0.0.1:{self._server.server_port}/msi/token", self._token_for)
        self._server.endpoint = endpoint  # type: ignore[attr-defined] # how the handler finds it
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return endpoint

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        endpoint: IdentityEndpoint = self.server.endpoint  # type: ignore[attr-defined] # set by IdentityServer
        is_let_in = self.headers.get("X-IDENTITY-HEADER") == endpoint.header
        body = json.dumps(endpoint.answer(self.path) if is_let_in else {}).encode()
        self.send_response(200 if is_let_in else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - as its base
