"""What users allowed applications to do, and the codes and tokens that stand for it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from dev.graph_simulator.clock import Clock
from dev.graph_simulator.directory import App, User
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.store import Store

CODE_SECONDS = 600
REFRESH_TOKEN_SECONDS = 90 * 24 * 3600
_SIGNATURE_BYTES = 16


@dataclass(slots=True)
class Grant:
    """One consent: access and refresh tokens name it, and die with it."""

    id: str
    app: str
    user: str
    tenant: str
    scopes: list[str]
    is_revoked: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code and all that its redemption must match."""

    grant: str
    authority: str
    redirect_uri: str
    expires: float
    challenge: str | None = None
    challenge_method: str = "plain"
    nonce: str | None = None
    scopes: tuple[str, ...] = ()
    is_used: bool = False


class AccessToken(NamedTuple):
    """What an access token says; times are seconds since 1970."""

    grant: Grant
    scopes: list[str]
    issued: float
    expires: float


class TokenRefused(Exception):
    """A token that is unknown, forged, expired or revoked; the text is the reason."""


class Grants:
    """
    Tokens are opaque to clients and self-contained here, so that they outlive a restart.

    A refresh token stays valid when a newer one was handed out, as with the service.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._key = self._signing_key()
        self.grants = {one["id"]: Grant(**one) for one in store.all("grant")}

    def allow(self, app: App, user: User, scopes: Sequence[str]) -> Grant:
        grant = Grant(secrets.token_hex(12), app.id, user.id, user.tenant, list(scopes))
        self.save(grant)
        return grant

    def save(self, grant: Grant) -> None:
        self.grants[grant.id] = grant
        self._store.put("grant", grant.id, asdict(grant))

    def new_code(self, code: Code) -> str:
        text = "0.A" + secrets.token_urlsafe(48)
        self._store.put("code", text, asdict(code))
        return text

    def code(self, text: str) -> Code | None:
        found = self._store.get("code", text)
        return Code(**found) if found else None

    def use(self, text: str, code: Code) -> None:
        code.is_used = True
        self._store.put("code", text, asdict(code))

    def access_token(self, grant: Grant, scopes: Sequence[str], seconds: int) -> str:
        return "EwB" + self._signed(["a", grant.id, self._now(), self._now() + seconds, list(scopes)])

    def refresh_token(self, grant: Grant) -> str:
        return "M.C" + self._signed(["r", grant.id, self._now(), self._now() + REFRESH_TOKEN_SECONDS])

    def read_access_token(self, token: str) -> AccessToken:
        """Return what a token says. Raises `TokenRefused`."""
        payload = self._payload(token, "EwB", "a")
        return AccessToken(self.grants[payload[1]], list(payload[4]), float(payload[2]), float(payload[3]))

    def read_refresh_token(self, token: str) -> Grant:
        """Return the grant. Raises `TokenRefused`."""
        return self.grants[self._payload(token, "M.C", "r")[1]]

    def _payload(self, token: str, head: str, kind: str) -> list[Any]:
        payload = self._unsigned(token.removeprefix(head)) if token.startswith(head) else None
        if payload is None or payload[0] != kind or payload[1] not in self.grants:
            raise TokenRefused("malformed")
        if payload[3] <= self._now():
            raise TokenRefused("expired")
        if self.grants[payload[1]].is_revoked:
            raise TokenRefused("revoked")
        return payload

    def _signed(self, payload: list[object]) -> str:
        body = to_json([*payload, secrets.token_hex(4)])
        signature = hmac.digest(self._key, body, hashlib.sha256)[:_SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(signature + body).decode().rstrip("=")

    def _unsigned(self, text: str) -> list[Any] | None:
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, hmac.digest(self._key, body, hashlib.sha256)[:_SIGNATURE_BYTES]):
            return None
        payload: list[Any] = from_json(body)
        return payload

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _signing_key(self) -> bytes:
        known = self._store.get("secret", "tokens")
        if known is None:
            known = secrets.token_hex(32)
            self._store.put("secret", "tokens", known)
        return bytes.fromhex(known)
