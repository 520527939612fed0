"""Rows that are past their time."""

from shared.storage.database import Connection


async def purge_expired(conn: Connection, *, event_days: int, tombstone_days: int) -> int:
    """Delete old events, tombstones and sessions of all users; return how many rows."""
    sql = """
        SELECT purge_expired(now() - make_interval(days => %(event_days)s),
                             now() - make_interval(days => %(tombstone_days)s))
    """
    row = await (await conn.execute(sql, {"event_days": event_days, "tombstone_days": tombstone_days})).fetchone()
    return int(row[0]) if row else 0
