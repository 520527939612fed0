"""Reading the change log."""

from uuid import UUID

from psycopg.rows import class_row

from shared.models.api import Change
from shared.storage.database import Connection


async def newest_position(conn: Connection, user_id: UUID) -> int:
    """Get the position of the newest change; 0 before the first."""
    sql = "SELECT event_position FROM app_user WHERE id = %(user_id)s"
    row = await (await conn.execute(sql, {"user_id": user_id})).fetchone()
    return int(row[0]) if row else 0


async def list_changes(conn: Connection, user_id: UUID, *, after: int, limit: int) -> list[Change]:
    sql = """
        SELECT position, kind, account_id, folder_id, message_id, data, created_at
          FROM event
         WHERE user_id = %(user_id)s
           AND position > %(after)s
         ORDER BY position
         LIMIT %(limit)s
    """
    async with conn.cursor(row_factory=class_row(Change)) as cur:
        await cur.execute(sql, {"user_id": user_id, "after": after, "limit": limit})
        return await cur.fetchall()
