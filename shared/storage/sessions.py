"""Sessions: one row per sign-in, which knows the hashes of its two newest refresh tokens."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class StoredSession:
    refresh_token_hash: bytes
    previous_token_hash: bytes | None
    rotated_seconds_ago: float


async def insert_session(
    conn: Connection, user_id: UUID, session_id: UUID, token_hash: bytes, *, life_seconds: int
) -> None:
    sql = """
        INSERT INTO user_session (id, user_id, refresh_token_hash, expires_at)
        VALUES (%(session_id)s, %(user_id)s, %(token_hash)s, now() + make_interval(secs => %(life_seconds)s))
    """
    params = {"session_id": session_id, "user_id": user_id, "token_hash": token_hash, "life_seconds": life_seconds}
    await conn.execute(sql, params)


async def owner_of_session(conn: Connection, session_id: UUID) -> UUID | None:
    row = await (await conn.execute("SELECT owner_of_session(%(id)s)", {"id": session_id})).fetchone()
    return row[0] if row else None


async def lock_live_session(conn: Connection, user_id: UUID, session_id: UUID) -> StoredSession | None:
    """Lock a session against a second refresh at the same time; None when it has ended."""
    sql = """
        SELECT refresh_token_hash, previous_token_hash,
               extract(epoch FROM clock_timestamp() - rotated_at)::float8 AS rotated_seconds_ago
          FROM user_session
         WHERE id = %(session_id)s
           AND user_id = %(user_id)s
           AND revoked_at IS NULL
           AND expires_at > now()
           FOR UPDATE
    """
    async with conn.cursor(row_factory=class_row(StoredSession)) as cur:
        await cur.execute(sql, {"session_id": session_id, "user_id": user_id})
        return await cur.fetchone()


async def rotate_session(
    conn: Connection, user_id: UUID, session_id: UUID, *, old_hash: bytes, new_hash: bytes, life_seconds: int
) -> None:
    """Make another refresh token the good one, and let the session live on from now."""
    sql = """
        UPDATE user_session
           SET refresh_token_hash = %(new_hash)s,
               previous_token_hash = %(old_hash)s,
               rotated_at = clock_timestamp(),
               expires_at = now() + make_interval(secs => %(life_seconds)s)
         WHERE id = %(session_id)s
           AND user_id = %(user_id)s
           AND refresh_token_hash = %(old_hash)s
    """
    params = {
        "session_id": session_id,
        "user_id": user_id,
        "old_hash": old_hash,
        "new_hash": new_hash,
        "life_seconds": life_seconds,
    }
    await conn.execute(sql, params)


async def revoke_session(conn: Connection, user_id: UUID, session_id: UUID) -> None:
    sql = """
        UPDATE user_session
           SET revoked_at = now()
         WHERE id = %(session_id)s
           AND user_id = %(user_id)s
           AND revoked_at IS NULL
    """
    await conn.execute(sql, {"session_id": session_id, "user_id": user_id})
