"""Following the change log."""

import asyncio
from typing import Final
from uuid import UUID

from shared.errors import ChangesExpired
from shared.models.api import ChangeQuery, Changes
from shared.storage.database import Pool, user_transaction
from shared.storage.event_lists import list_changes, newest_position

POLL_SECONDS: Final = 1.0


async def follow_changes(pool: Pool, user_id: UUID, wanted: ChangeQuery) -> Changes:
    """
    Read the changes after a position, waiting for the first if asked to; without one only say where the log ends.

    Raises ChangesExpired when some of them are no longer kept.
    """
    if wanted.after is None:
        async with user_transaction(pool, user_id) as conn:
            return Changes(items=[], position=await newest_position(conn, user_id), has_more=False)
    ends_at = asyncio.get_running_loop().time() + wanted.wait_seconds
    while True:
        changes = await read_changes(pool, user_id, after=wanted.after, limit=wanted.limit)
        seconds_left = ends_at - asyncio.get_running_loop().time()
        if changes.items or seconds_left <= 0:
            return changes
        await asyncio.sleep(min(POLL_SECONDS, seconds_left))


async def read_changes(pool: Pool, user_id: UUID, *, after: int, limit: int) -> Changes:
    """
    Read a page of the log.

    Positions have no gaps and become visible in order, so one that is missing was purged. The newest is read first:
    if it lies beyond what was asked for and no row does, all are purged. If it lies before that, the database was
    restored to an earlier state, and what the reader followed since then is not in this log.
    """
    async with user_transaction(pool, user_id) as conn:
        newest = await newest_position(conn, user_id)
        found = await list_changes(conn, user_id, after=after, limit=limit + 1)
    expected = after + len(found) if found else newest
    last = found[-1].position if found else after
    if last != expected:
        raise ChangesExpired(f"position {after}")
    items = found[:limit]
    return Changes(items=items, position=items[-1].position if items else after, has_more=len(found) > limit)
