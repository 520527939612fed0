"""Access tokens: signed statements of who asks, good for a quarter of an hour without asking the database."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.errors import Unauthenticated
from shared.settings import Settings

LIFE_SECONDS: Final = 15 * 60
ALGORITHM: Final = "HS256"

Keys = Mapping[str, bytes]
"""The ring of the signing keys, by id."""


def access_token_for(settings: Settings, keys: Keys, user_id: UUID) -> str:
    """Sign with the first key of the ring."""
    import jwt  # noqa: PLC0415 - a queue worker never needs it

    key_id, key = next(iter(keys.items()))
    now = datetime.now(UTC)
    claims = {
        "iss": settings.public_base_url,
        "aud": audience(settings),
        "sub": str(user_id),
        "iat": now,
        "exp": now + timedelta(seconds=LIFE_SECONDS),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id})


def user_id_from(settings: Settings, keys: Keys, token: str) -> UUID:
    """Verify a token with the key it names. Raises Unauthenticated."""
    import jwt  # noqa: PLC0415 - as in access_token_for

    try:
        key = keys[str(jwt.get_unverified_header(token).get("kid"))]
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=settings.public_base_url,
            audience=audience(settings),
            options={"require": ["iss", "aud", "sub", "iat", "exp"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError) as exc:
        raise Unauthenticated(f"access token refused: {type(exc).__name__}") from exc


def audience(settings: Settings) -> str:
    return f"{settings.public_base_url}/api"
