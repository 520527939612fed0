"""Pages of a sync run: fetches to do, each done exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.models.accounts import ConnectedAccount, SyncPage
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """A page to record: a window of received times, or ids alone."""

    folder_id: UUID
    provider_message_ids: Sequence[str]
    received_from: datetime | None = None
    received_before: datetime | None = None
    received_times: Sequence[datetime | None] | None = None


@dataclass(frozen=True, slots=True)
class PageCounts:
    open: int
    failed: int


async def insert_pages(conn: Connection, account: ConnectedAccount, run_id: UUID, pages: Sequence[PlannedPage]) -> None:
    sql = """
        INSERT INTO sync_page (user_id, account_id, run_id, folder_id, received_from, received_before,
                               provider_message_ids, received_times, message_count)
        VALUES (%(user_id)s, %(account_id)s, %(run_id)s, %(folder_id)s, %(received_from)s, %(received_before)s,
                %(ids)b, %(times)b, cardinality(%(ids)b::text[]))
    """
    async with conn.cursor() as cur:
        await cur.executemany(
            sql,
            [
                {
                    "user_id": account.user_id,
                    "account_id": account.id,
                    "run_id": run_id,
                    "folder_id": page.folder_id,
                    **_facts_of(page),
                }
                for page in pages
            ],
        )


async def insert_id_pages(
    conn: Connection,
    account: ConnectedAccount,
    run_id: UUID,
    folder_id: UUID,
    provider_message_ids: Sequence[str],
    *,
    size: int,
) -> None:
    """Record fetches by id, `size` at a time."""
    starts = range(0, len(provider_message_ids), size)
    pages = [PlannedPage(folder_id, provider_message_ids[start : start + size]) for start in starts]
    await insert_pages(conn, account, run_id, pages)


async def claim_page(
    conn: Connection, account: ConnectedAccount, run_id: UUID, lease_seconds: float
) -> SyncPage | None:
    """Take the next page that nobody works on, in the order in which they were listed."""
    sql = """
        UPDATE sync_page
           SET state = 'fetching', leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = (SELECT id
                       FROM sync_page
                      WHERE run_id = %(run_id)s
                        AND user_id = %(user_id)s
                        AND state IN ('pending', 'fetching')
                        AND leased_until < clock_timestamp()
                      ORDER BY id
                      LIMIT 1
                        FOR UPDATE SKIP LOCKED)
        RETURNING id, folder_id, (SELECT provider_folder_id FROM folder WHERE folder.id = sync_page.folder_id),
                  received_from, received_before, provider_message_ids, received_times, attempts,
                  (SELECT page_messages FROM sync_run WHERE sync_run.id = sync_page.run_id) AS most_messages
    """
    params = {"run_id": run_id, "user_id": account.user_id, "lease_seconds": lease_seconds}
    async with conn.cursor(row_factory=class_row(SyncPage)) as cur:
        await cur.execute(sql, params)
        return await cur.fetchone()


async def finish_page(conn: Connection, account: ConnectedAccount, page: SyncPage) -> bool:
    """
    Mark a page done, unless it is; return whether this call did it.

    Call it in the transaction that saves the page's messages.
    """
    sql = """
        UPDATE sync_page
           SET state = 'done', finished_at = clock_timestamp(), error_code = NULL
         WHERE id = %(page_id)s
           AND user_id = %(user_id)s
           AND state IN ('pending', 'fetching')
    """
    return (await conn.execute(sql, {"page_id": page.id, "user_id": account.user_id})).rowcount == 1


async def narrow_page(
    conn: Connection, account: ConnectedAccount, page: SyncPage, provider_message_ids: Sequence[str]
) -> None:
    """Leave only some messages to be fetched, by id; the rest of the page is saved in the same transaction."""
    sql = """
        UPDATE sync_page
           SET state = 'pending', leased_until = '-infinity', received_from = NULL, received_before = NULL,
               received_times = NULL, provider_message_ids = %(ids)s
         WHERE id = %(page_id)s
           AND user_id = %(user_id)s
           AND state IN ('pending', 'fetching')
    """
    params = {"page_id": page.id, "user_id": account.user_id, "ids": list(provider_message_ids)}
    await conn.execute(sql, params)


async def split_page(conn: Connection, account: ConnectedAccount, page: SyncPage, parts: Sequence[PlannedPage]) -> None:
    """Make a page the first of parts that promise the same, and record the others, unless the page has changed."""
    sql = """
        UPDATE sync_page
           SET state = 'pending', leased_until = '-infinity', received_from = %(received_from)s,
               received_before = %(received_before)s, provider_message_ids = %(ids)s, received_times = %(times)s,
               message_count = cardinality(%(ids)s::text[])
         WHERE id = %(page_id)s
           AND user_id = %(user_id)s
           AND state IN ('pending', 'fetching')
           AND provider_message_ids = %(read)s
        RETURNING run_id
    """
    first, *rest = parts
    params = {**_facts_of(first), "page_id": page.id, "user_id": account.user_id, "read": page.provider_message_ids}
    if row := await (await conn.execute(sql, params)).fetchone():
        await insert_pages(conn, account, row[0], rest)


async def set_page_messages(conn: Connection, account: ConnectedAccount, page: SyncPage, most: int | None) -> None:
    """Have the other pages of the run be no larger than this; None: as they were cut."""
    sql = """
        UPDATE sync_run
           SET page_messages = %(most)s
         WHERE id = (SELECT run_id FROM sync_page WHERE id = %(page_id)s)
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"most": most, "page_id": page.id, "user_id": account.user_id})


async def release_page(conn: Connection, account: ConnectedAccount, page: SyncPage) -> None:
    """Give a page back untouched, because the provider asks for patience."""
    sql = """
        UPDATE sync_page
           SET state = 'pending', leased_until = '-infinity'
         WHERE id = %(page_id)s
           AND user_id = %(user_id)s
           AND state = 'fetching'
    """
    await conn.execute(sql, {"page_id": page.id, "user_id": account.user_id})


async def fail_page(
    conn: Connection, account: ConnectedAccount, page: SyncPage, *, error_code: str, most_attempts: int
) -> None:
    """Count a failed attempt; after the last one the page is failed and the run goes on without it."""
    sql = """
        UPDATE sync_page
           SET attempts = attempts + 1,
               state = CASE WHEN attempts + 1 >= %(most_attempts)s THEN 'failed' ELSE 'pending' END::sync_page_state,
               leased_until = clock_timestamp() + make_interval(secs => power(2, attempts)),
               error_code = %(error_code)s
         WHERE id = %(page_id)s
           AND user_id = %(user_id)s
           AND state = 'fetching'
    """
    params = {
        "page_id": page.id,
        "user_id": account.user_id,
        "error_code": error_code,
        "most_attempts": most_attempts,
    }
    await conn.execute(sql, params)


async def retry_failed_pages(conn: Connection, account: ConnectedAccount, run_id: UUID) -> int:
    """Make failed pages pending again; return how many."""
    sql = """
        UPDATE sync_page
           SET state = 'pending', attempts = 0, leased_until = '-infinity'
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND state = 'failed'
    """
    return (await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})).rowcount


async def count_pages(conn: Connection, account: ConnectedAccount, run_id: UUID) -> PageCounts:
    sql = """
        SELECT count(*) FILTER (WHERE state IN ('pending', 'fetching')) AS open,
               count(*) FILTER (WHERE state = 'failed') AS failed
          FROM sync_page
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND state IN ('pending', 'fetching', 'failed')
    """
    async with conn.cursor(row_factory=class_row(PageCounts)) as cur:
        await cur.execute(sql, {"run_id": run_id, "user_id": account.user_id})
        return await cur.fetchone() or PageCounts(open=0, failed=0)


async def count_waiting_pages(conn: Connection, account: ConnectedAccount, run_id: UUID) -> int:
    """Count the pages that could be taken now."""
    sql = """
        SELECT count(*)
          FROM sync_page
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND state IN ('pending', 'fetching')
           AND leased_until < clock_timestamp()
    """
    row = await (await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})).fetchone()
    return int(row[0]) if row else 0


def _facts_of(page: PlannedPage) -> dict[str, object]:
    return {
        "received_from": page.received_from,
        "received_before": page.received_before,
        "ids": list(page.provider_message_ids),
        "times": list(page.received_times) if page.received_times else None,
    }
