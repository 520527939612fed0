"""Reading accounts, their folders with counts, and what a user is told of a sync."""

from uuid import UUID

from psycopg.rows import class_row

from shared.errors import NotFound
from shared.models.api import Account, FailedJob, FailedMessage, FailedPage, Folder
from shared.models.mail import message_id_from
from shared.storage.database import Connection


async def list_accounts(conn: Connection, user_id: UUID) -> list[Account]:
    sql = """
        SELECT account.id, provider, address, display_name,
               CASE WHEN is_delayed THEN 'delayed' ELSE state::text END AS state,
               CASE WHEN is_delayed THEN delay_reason ELSE state_reason END AS state_reason,
               CASE WHEN is_delayed THEN delayed_until END AS delayed_until,
               connected_at, changes_checked_at, changes_unannounced,
               subscription.expires_at AS notifications_until,
               subscription_problem AS notifications_problem
          FROM account
          LEFT JOIN subscription ON subscription.account_id = account.id,
               LATERAL (SELECT delayed_until IS NOT NULL AND state IN ('connecting', 'syncing', 'live') AS is_delayed)
                       AS waiting
         WHERE account.user_id = %(user_id)s
           AND state <> 'disconnected'
         ORDER BY connected_at, account.id
    """
    async with conn.cursor(row_factory=class_row(Account)) as cur:
        await cur.execute(sql, {"user_id": user_id})
        return await cur.fetchall()


async def read_account(conn: Connection, user_id: UUID, account_id: UUID) -> Account:
    """Get an account as its owner sees it: a disconnected one is gone. Raises NotFound."""
    sql = """
        SELECT account.id, provider, address, display_name,
               CASE WHEN is_delayed THEN 'delayed' ELSE state::text END AS state,
               CASE WHEN is_delayed THEN delay_reason ELSE state_reason END AS state_reason,
               CASE WHEN is_delayed THEN delayed_until END AS delayed_until,
               connected_at, changes_checked_at, changes_unannounced,
               subscription.expires_at AS notifications_until,
               subscription_problem AS notifications_problem
          FROM account
          LEFT JOIN subscription ON subscription.account_id = account.id,
               LATERAL (SELECT delayed_until IS NOT NULL AND state IN ('connecting', 'syncing', 'live') AS is_delayed)
                       AS waiting
         WHERE account.user_id = %(user_id)s
           AND account.id = %(account_id)s
           AND state <> 'disconnected'
    """
    async with conn.cursor(row_factory=class_row(Account)) as cur:
        await cur.execute(sql, {"user_id": user_id, "account_id": account_id})
        if account := await cur.fetchone():
            return account
    raise NotFound(f"account {account_id}")


async def list_folders(conn: Connection, user_id: UUID, account_id: UUID) -> list[Folder]:
    """List an account's folders by name, with what we hold of each."""
    sql = """
        SELECT folder.id, folder.account_id, folder.parent_id, folder.display_name, folder.well_known_name,
               (SELECT count(*) FROM message
                 WHERE message.folder_id = folder.id AND deleted_at IS NULL) AS message_count,
               (SELECT count(*) FROM message
                 WHERE message.folder_id = folder.id AND deleted_at IS NULL AND NOT is_read) AS unread_count,
               folder.provider_total_count AS provider_message_count
          FROM folder
         WHERE folder.user_id = %(user_id)s
           AND folder.account_id = %(account_id)s
         ORDER BY lower(folder.display_name), folder.id
    """
    async with conn.cursor(row_factory=class_row(Folder)) as cur:
        await cur.execute(sql, {"user_id": user_id, "account_id": account_id})
        return await cur.fetchall()


async def list_failed_pages(conn: Connection, user_id: UUID, account_id: UUID, limit: int) -> list[FailedPage]:
    """List the failed pages of the account's newest run."""
    sql = """
        SELECT id, folder_id, message_count AS messages, attempts, error_code
          FROM sync_page
         WHERE user_id = %(user_id)s
           AND state = 'failed'
           AND run_id = (SELECT id FROM sync_run
                          WHERE account_id = %(account_id)s AND user_id = %(user_id)s
                          ORDER BY requested_at DESC
                          LIMIT 1)
         ORDER BY id
         LIMIT %(limit)s
    """
    async with conn.cursor(row_factory=class_row(FailedPage)) as cur:
        await cur.execute(sql, {"user_id": user_id, "account_id": account_id, "limit": limit})
        return await cur.fetchall()


async def list_failed_jobs(conn: Connection, user_id: UUID, account_id: UUID, limit: int) -> list[FailedJob]:
    """List the newest jobs that failed for good; those about one message name it, whether or not we have it."""
    sql = """
        SELECT id, job ->> 'kind' AS kind, job ->> 'provider_message_id' AS provider_message_id, failed_at
          FROM failed_job
         WHERE user_id = %(user_id)s
           AND account_id = %(account_id)s
         ORDER BY failed_at DESC, id
         LIMIT %(limit)s
    """
    params = {"user_id": user_id, "account_id": account_id, "limit": limit}
    return [
        FailedJob(
            id=job_id,
            kind=kind,
            message_id=message_id_from(account_id, provider_id) if provider_id else None,
            failed_at=failed_at,
        )
        for job_id, kind, provider_id, failed_at in await (await conn.execute(sql, params)).fetchall()
    ]


async def list_failed_messages(conn: Connection, user_id: UUID, account_id: UUID, limit: int) -> list[FailedMessage]:
    """List the newest messages that are stored only in part."""
    sql = """
        SELECT id, failure
          FROM message
         WHERE user_id = %(user_id)s
           AND account_id = %(account_id)s
           AND failure IS NOT NULL
           AND deleted_at IS NULL
         ORDER BY received_at DESC, id DESC
         LIMIT %(limit)s
    """
    async with conn.cursor(row_factory=class_row(FailedMessage)) as cur:
        await cur.execute(sql, {"user_id": user_id, "account_id": account_id, "limit": limit})
        return await cur.fetchall()
