"""How far the newest sync run of an account is."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from shared.errors import NotFound
from shared.models.api import FolderProgress, SyncRunState
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class RunProgress:
    run_id: UUID
    account_id: UUID
    state: SyncRunState
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    messages_done: int
    messages_failed: int
    recently_done: int  # in the last `recent_seconds`
    seconds: float | None  # from the start to the end, or to now


async def newest_run_progress(
    conn: Connection, user_id: UUID, account_id: UUID, *, recent_seconds: float
) -> RunProgress:
    """Raise NotFound when the account never had a run."""
    sql = """
        SELECT run.id AS run_id, run.account_id, run.state, run.requested_at, run.started_at, run.finished_at,
               coalesce(sum(page.message_count) FILTER (WHERE page.state = 'done'), 0) AS messages_done,
               coalesce(sum(page.message_count) FILTER (WHERE page.state = 'failed'), 0) AS messages_failed,
               coalesce(sum(page.message_count) FILTER (
                   WHERE page.finished_at > now() - make_interval(secs => %(recent_seconds)s)), 0) AS recently_done,
               extract(epoch FROM coalesce(run.finished_at, now()) - run.started_at)::float8 AS seconds
          FROM sync_run AS run LEFT JOIN sync_page AS page ON page.run_id = run.id
         WHERE run.id = (SELECT id FROM sync_run
                          WHERE account_id = %(account_id)s AND user_id = %(user_id)s
                          ORDER BY requested_at DESC
                          LIMIT 1)
           AND run.user_id = %(user_id)s
         GROUP BY run.id
    """
    params = {"user_id": user_id, "account_id": account_id, "recent_seconds": recent_seconds}
    async with conn.cursor(row_factory=class_row(RunProgress)) as cur:
        await cur.execute(sql, params)
        if progress := await cur.fetchone():
            return progress
    raise NotFound(f"sync run of account {account_id}")


async def list_folder_progress(
    conn: Connection, run: RunProgress, user_id: UUID, *, recent_seconds: float
) -> list[FolderProgress]:
    """
    List what a run does in each folder that it has to do with, and how fast of late.

    While a folder is enumerated for the first time, its total is at least what the provider says it holds.
    """
    sql = """
        WITH pages AS (
            SELECT folder_id, sum(message_count) AS total,
                   coalesce(sum(message_count) FILTER (WHERE state = 'done'), 0) AS done,
                   coalesce(sum(message_count) FILTER (WHERE state = 'failed'), 0) AS failed,
                   coalesce(sum(message_count) FILTER (
                       WHERE finished_at > now() - make_interval(secs => %(seconds)s)), 0) / %(seconds)s::float8 AS rate
              FROM sync_page
             WHERE run_id = %(run_id)s
               AND user_id = %(user_id)s
             GROUP BY folder_id
        ), progress AS (
            SELECT folder.id, folder.display_name, folder.state = 'current' AS listed,
                   greatest(coalesce(pages.total, 0),
                            CASE WHEN folder.state = 'listing' AND folder.listing_round = 1
                                 THEN folder.provider_total_count ELSE 0 END) AS total,
                   coalesce(pages.done, 0) AS done,
                   coalesce(pages.failed, 0) AS failed,
                   coalesce(pages.rate, 0) AS rate
              FROM folder LEFT JOIN pages ON pages.folder_id = folder.id
             WHERE folder.user_id = %(user_id)s
               AND folder.account_id = %(account_id)s
               AND (pages.folder_id IS NOT NULL OR folder.state = 'listing')
        )
        SELECT id AS folder_id, display_name, listed, total AS messages_total, done AS messages_done,
               rate AS messages_per_second, (total - done - failed) / nullif(rate, 0) AS seconds_left
          FROM progress
         ORDER BY lower(display_name), id
    """
    async with conn.cursor(row_factory=class_row(FolderProgress)) as cur:
        seconds = max(0.1, min(recent_seconds, run.seconds or recent_seconds))
        params = {"user_id": user_id, "account_id": run.account_id, "run_id": run.run_id, "seconds": seconds}
        await cur.execute(sql, params)
        return await cur.fetchall()
