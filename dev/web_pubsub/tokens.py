"""Access tokens, verified as the service does: signed with the access key, and made out to the address called."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from starlette.requests import HTTPConnection

_ALGORITHM = "HS256"


class Unauthorized(Exception):
    """Carries the reason; the caller sees 401."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    value: str

    def verify(self, connection: HTTPConnection) -> dict[str, Any]:
        """Return the claims of a request's token; raise Unauthorized when it does not open this address."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = connection.query_params.get("access_token", "")
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self.value, algorithms=[_ALGORITHM], options={"require": ["exp", "aud"], "verify_aud": False}
            )
        except jwt.PyJWTError as exc:
            raise Unauthorized(str(exc)) from exc
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if not any(_is_address_of(audience, connection) for audience in audiences):
            raise Unauthorized("the token was made out to another address")
        return claims

    def client_token(
        self, audience: str, *, user: str | None, roles: list[str], groups: list[str], minutes: int
    ) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"aud": audience, "iat": now, "exp": now + minutes * 60}
        claims |= {"sub": user} if user else {}
        claims |= {"role": roles} if roles else {}
        claims |= {"webpubsub.group": groups} if groups else {}
        return jwt.encode(claims, self.value, algorithm=_ALGORITHM)


def _is_address_of(audience: object, connection: HTTPConnection) -> bool:
    """Compare host and path; the scheme is the client's (http for ws), and the query does not count."""
    address = urlsplit(str(audience))
    asked = (address.netloc.lower(), address.path.rstrip("/"))
    return asked == (connection.headers.get("host", "").lower(), _raw_path(connection).rstrip("/"))


def _raw_path(connection: HTTPConnection) -> str:
    raw: bytes = connection.scope["raw_path"]
    return raw.decode("latin-1")
