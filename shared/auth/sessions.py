"""
Refresh tokens: `<session id>.<secret>`, of which the database keeps SHA-256 hashes.

Each use replaces the token by its successor. The successor is derived from the old token with a key of ours, so that
asking twice with one token gives the same answer twice: two tabs that refresh at once, or a client whose answer was
lost, go on with one token. After a few seconds the old token's return means that somebody has a copy, and ends the
session for everybody.
"""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from shared.auth.access_tokens import LIFE_SECONDS, Keys, access_token_for
from shared.errors import Unauthenticated
from shared.models.api import Session, User
from shared.settings import Settings
from shared.storage.database import Connection, Pool, system_transaction, user_transaction
from shared.storage.sessions import (
    StoredSession,
    insert_session,
    lock_live_session,
    owner_of_session,
    revoke_session,
    rotate_session,
)
from shared.storage.users import get_user

log = logging.getLogger(__name__)

SESSION_SECONDS: Final = 30 * 24 * 3600  # since the last refresh
REPEAT_SECONDS: Final = 10.0  # how long a replaced token is answered again
TOKEN_MAX_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session and the refresh token that continues it."""

    session: Session
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Presented:
    session_id: UUID
    token: str

    @property
    def hash(self) -> bytes:
        return _hash(self.token)


async def begin_session(conn: Connection, settings: Settings, keys: Keys, user: User) -> SignedIn:
    session_id = uuid4()
    token = f"{session_id}.{secrets.token_urlsafe(32)}"
    await insert_session(conn, user.id, session_id, _hash(token), life_seconds=SESSION_SECONDS)
    return _signed_in(settings, keys, user, token)


async def refresh_session(pool: Pool, settings: Settings, keys: Keys, token: str | None) -> SignedIn:
    """Continue a session. Raises Unauthenticated, and ends the session when its token was used before."""
    presented = presented_from(token)
    user_id = await _owner(pool, presented)
    async with user_transaction(pool, user_id) as conn:
        successor = await _rotate(conn, keys, user_id, presented)
        user = await get_user(conn, user_id)
    if successor is None:
        raise Unauthenticated("refresh token refused")
    return _signed_in(settings, keys, user, successor)


async def end_session(pool: Pool, token: str | None) -> None:
    """Revoke a session by any token it ever had; one that is unknown is ended already."""
    try:
        presented = presented_from(token)
        user_id = await _owner(pool, presented)
    except Unauthenticated:
        return
    async with user_transaction(pool, user_id) as conn:
        await revoke_session(conn, user_id, presented.session_id)


def presented_from(token: str | None) -> Presented:
    """Take a token apart. Raises Unauthenticated when it has not our form."""
    if not token or len(token) > TOKEN_MAX_CHARACTERS or not token.isascii():
        raise Unauthenticated("no refresh token")
    try:
        return Presented(UUID(token.partition(".")[0]), token)
    except ValueError as exc:
        raise Unauthenticated("malformed refresh token") from exc


async def _owner(pool: Pool, presented: Presented) -> UUID:
    async with system_transaction(pool) as conn:
        if user_id := await owner_of_session(conn, presented.session_id):
            return user_id
    raise Unauthenticated("unknown session")


async def _rotate(conn: Connection, keys: Keys, user_id: UUID, presented: Presented) -> str | None:
    """Give the token that follows the presented one; None when it is refused."""
    stored = await lock_live_session(conn, user_id, presented.session_id)
    if stored is None:
        return None
    if hmac.compare_digest(presented.hash, stored.refresh_token_hash):
        successor = _successor(presented, next(iter(keys.values())))
        await rotate_session(
            conn,
            user_id,
            presented.session_id,
            old_hash=presented.hash,
            new_hash=_hash(successor),
            life_seconds=SESSION_SECONDS,
        )
        return successor
    if repeated := _repeated_successor(keys, stored, presented):
        return repeated
    log.warning("a refresh token came back; session revoked", extra={"session_id": str(presented.session_id)})
    await revoke_session(conn, user_id, presented.session_id)
    return None


def _repeated_successor(keys: Keys, stored: StoredSession, presented: Presented) -> str | None:
    if stored.rotated_seconds_ago > REPEAT_SECONDS or stored.previous_token_hash is None:
        return None
    if not hmac.compare_digest(presented.hash, stored.previous_token_hash):
        return None
    successors = (_successor(presented, key) for key in keys.values())
    return next((each for each in successors if _hash(each) == stored.refresh_token_hash), None)


def _successor(presented: Presented, key: bytes) -> str:
    secret = hmac.new(key, b"refresh token after " + presented.token.encode(), hashlib.sha256).hexdigest()
    return f"{presented.session_id}.{secret}"


def _signed_in(settings: Settings, keys: Keys, user: User, refresh_token: str) -> SignedIn:
    token = access_token_for(settings, keys, user.id)
    return SignedIn(Session(access_token=token, expires_in=LIFE_SECONDS, user=user), refresh_token)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
