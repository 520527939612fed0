"""Reading audits: their owner's list, one of them, its signed report; and what operators see of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from shared.errors import NotFound
from shared.models.api import Audit
from shared.storage.database import Connection

LAST: Final = UUID(int=2**128 - 1)


async def list_audits(
    conn: Connection, user_id: UUID, account_id: UUID, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Audit]:
    """List an account's audits, newest first, after one of them."""
    sql = """
        SELECT id, account_id, state, origin, requested_at, finished_at, compared, missing, different, extra, recent,
               repaired, requests
          FROM audit
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND (requested_at, id) < (coalesce(%(requested_at)s, 'infinity'::timestamptz), %(id)s)
         ORDER BY requested_at DESC, id DESC
         LIMIT %(limit)s
    """
    requested_at, audit_id = before or (None, LAST)
    params = {
        "account_id": account_id,
        "user_id": user_id,
        "requested_at": requested_at,
        "id": audit_id,
        "limit": limit,
    }
    async with conn.cursor(row_factory=class_row(Audit)) as cur:
        await cur.execute(sql, params)
        return await cur.fetchall()


async def get_audit(conn: Connection, user_id: UUID, account_id: UUID, audit_id: UUID) -> Audit:
    sql = """
        SELECT id, account_id, state, origin, requested_at, finished_at, compared, missing, different, extra, recent,
               repaired, requests
          FROM audit
         WHERE id = %(audit_id)s
           AND account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(Audit)) as cur:
        await cur.execute(sql, {"audit_id": audit_id, "account_id": account_id, "user_id": user_id})
        if audit := await cur.fetchone():
            return audit
    raise NotFound(f"audit {audit_id}")


async def get_report(conn: Connection, user_id: UUID, account_id: UUID, audit_id: UUID) -> str:
    """Get an audit's JWS. Raises NotFound also while there is none."""
    sql = """
        SELECT report
          FROM audit
         WHERE id = %(audit_id)s
           AND account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    params = {"audit_id": audit_id, "account_id": account_id, "user_id": user_id}
    row = await (await conn.execute(sql, params)).fetchone()
    if row is None or row[0] is None:
        raise NotFound(f"report of audit {audit_id}")
    return str(row[0])


async def audits_of_account(conn: Connection, account_id: UUID, most: int) -> Sequence[Audit]:
    """List an account's newest audits, whoever owns it."""
    sql = """
        SELECT id, account_id, state, origin, requested_at, finished_at, compared, missing, different, extra, recent,
               repaired, requests
          FROM audits_of_account(%(account_id)s, %(most)s)
    """
    async with conn.cursor(row_factory=class_row(Audit)) as cur:
        await cur.execute(sql, {"account_id": account_id, "most": most})
        return await cur.fetchall()
