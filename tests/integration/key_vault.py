"""Key Vault as its client sees it: a challenge, then the versions of secrets, over HTTPS."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.keyvault.secrets.aio import SecretClient

from dev.graph_simulator.certificates import CA_FILE, server_context
from shared.vault import Vault
from tests.serving import serving

TOKEN = "let me in"
PAGE = 2


@dataclass(frozen=True)
class Kept:
    """A version of a secret."""

    id: str
    value: str
    content_type: str = "application/x-pem-file"
    enabled: bool = True
    expires_at: datetime | None = None
    created_at: datetime | None = None  # else in the order of the list, long ago


class Clock:
    """Goes on when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class KeyVault:
    """What the stand-in holds, newest last; `status` is what it answers instead, if it is set."""

    url: str = ""
    ca_file: str = ""
    secrets: dict[str, list[Kept]] = field(default_factory=dict)
    status: int | None = None
    retry_after: int | None = None
    asked: list[str] = field(default_factory=list)
    resource: str = "https://vault.azure.net"

    def go_by_address(self) -> None:
        """Satisfy a client that takes a token only for a domain that its vault is in: 127.0.0.1:1 is in 0.0.1:1."""
        self.url = self.url.replace("localhost", "127.0.0.1")
        self.resource = self.url.replace("127.0.0.1", "0.0.1")

    @property
    def challenge(self) -> str:
        return f'Bearer authorization="https://login.windows.net/tenant", resource="{self.resource}"'

    def client(self, *, retries: int = 0) -> SecretClient:
        return SecretClient(
            self.url,
            _Credential(),
            connection_verify=self.ca_file,
            verify_challenge_resource=False,
            retry_total=retries,
        )

    def vault(self) -> Vault:
        return Vault(self.client())

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        target = urlsplit(path)
        self.asked.append(target.path)
        _, _, name, *rest = target.path.rstrip("/").split("/")
        versions = self.secrets.get(name)
        if self.status or versions is None:
            status = self.status or 404
            return status, {"error": {"code": "SecretNotFound" if status == 404 else "Refused", "message": "No."}}
        if rest == ["versions"]:
            return 200, self._page(name, versions, int(parse_qs(target.query).get("skip", ["0"])[0]))
        (kept,) = (each for each in versions if each.id == rest[0])
        return 200, {"value": kept.value, **self._facts(name, kept, versions.index(kept))}

    def _page(self, name: str, versions: list[Kept], start: int) -> Mapping[str, Any]:
        items = [self._facts(name, each, versions.index(each)) for each in versions[start : start + PAGE]]
        more = f"{self.url}/secrets/{name}/versions?skip={start + PAGE}&api-version=7.5"
        return {"value": items, "nextLink": more if start + PAGE < len(versions) else None}

    def _facts(self, name: str, kept: Kept, place: int) -> Mapping[str, Any]:
        made = kept.created_at or datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=place)
        attributes = {"enabled": kept.enabled, "created": int(made.timestamp()), "updated": int(made.timestamp())}
        if kept.expires_at:
            attributes["exp"] = int(kept.expires_at.timestamp())
        return {
            "id": f"{self.url}/secrets/{name}/{kept.id}",
            "contentType": kept.content_type,
            "attributes": attributes,
            "managed": True,
        }


class _Credential(AsyncTokenCredential):
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # noqa: ANN401 - as its base
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken(TOKEN, int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))

    async def close(self) -> None: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...


@contextmanager
def running_vault(ca_folder: Path) -> Iterator[KeyVault]:
    """Serve a vault, with a certificate of the authority in a folder, which is made if it is not there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = server_context(ca_folder).wrap_socket(server.socket, server_side=True)
    vault = KeyVault(f"https://localhost:{server.server_port}", str(ca_folder / CA_FILE))
    server.vault = vault  # type: ignore[attr-defined] # how the handler finds it
    with serving(server):
        yield vault


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        vault: KeyVault = self.server.vault  # type: ignore[attr-defined] # set by running_vault
        is_let_in = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        status, document = vault.answer(self.path) if is_let_in else (401, {})
        body = json.dumps(document).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", vault.challenge)
        if vault.retry_after:
            self.send_header("Retry-After", str(vault.retry_after))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - as its base
