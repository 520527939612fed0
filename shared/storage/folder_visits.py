"""When each folder is visited for changes, and what its visits came to."""

from psycopg.rows import class_row

from shared.models.accounts import ConnectedAccount, SyncFolder
from shared.storage.database import Connection


async def mark_folders_due(conn: Connection, account: ConnectedAccount) -> None:
    """Have every folder visited, also those that somebody visits at this moment."""
    sql = "UPDATE folder SET check_at = '-infinity' WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})


async def due_folders(conn: Connection, account: ConnectedAccount) -> list[SyncFolder]:
    """
    List the folders whose cursor is to be followed by now, the one that waited longest first.

    A fifth of a folder's interval does not matter: those due a little later are due with the others, since each visit
    of an account costs the folder tree as well. While no subscription tells of mail, those that mail flows through are
    due each time.
    """
    sql = """
        SELECT id, provider_folder_id, well_known_name, cursor, listing_round
          FROM folder
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'current'
           AND (check_at <= clock_timestamp() + make_interval(secs => check_seconds / 5)
                OR (well_known_name IN ('inbox', 'sentitems', 'drafts')
                    AND NOT EXISTS (SELECT FROM subscription
                                     WHERE subscription.account_id = folder.account_id
                                       AND subscription.user_id = %(user_id)s
                                       AND expires_at > clock_timestamp())))
         ORDER BY check_at, changes_checked_at NULLS FIRST, id
    """
    async with conn.cursor(row_factory=class_row(SyncFolder)) as cur:
        await cur.execute(sql, {"account_id": account.id, "user_id": account.user_id})
        return await cur.fetchall()


async def begin_visit(conn: Connection, account: ConnectedAccount, folder: SyncFolder, lease_seconds: float) -> None:
    """Note that a folder is being visited; if nobody ends the visit, it is due again after the lease."""
    sql = """
        UPDATE folder
           SET check_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = %(folder_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"folder_id": folder.id, "user_id": account.user_id, "lease_seconds": lease_seconds})


async def end_visit(
    conn: Connection,
    account: ConnectedAccount,
    folder: SyncFolder,
    *,
    found_changes: bool,
    shortest_seconds: float,
    longest_seconds: float,
) -> None:
    """
    Set when a folder is visited again: soon when it had changes, else after twice as long as before.

    Folders that mail flows through wait an hour at most. Who marked it due meanwhile is not overruled.
    """
    sql = """
        WITH next AS (
            SELECT id,
                   CASE WHEN %(found_changes)s THEN %(shortest)s
                        ELSE least(greatest(2 * check_seconds, %(shortest)s),
                                   greatest(%(shortest)s,
                                            CASE WHEN well_known_name IN ('inbox', 'sentitems', 'drafts')
                                                 THEN least(%(longest)s, 3600) ELSE %(longest)s END)) END AS seconds
              FROM folder
             WHERE id = %(folder_id)s
               AND user_id = %(user_id)s
               FOR UPDATE
        )
        UPDATE folder
           SET check_seconds = next.seconds,
               check_at = clock_timestamp() + make_interval(secs => next.seconds * (0.9 + 0.2 * random()))
          FROM next
         WHERE folder.id = next.id
           AND check_at > '-infinity'
    """
    params = {
        "folder_id": folder.id,
        "user_id": account.user_id,
        "found_changes": found_changes,
        "shortest": float(shortest_seconds),
        "longest": float(longest_seconds),
    }
    await conn.execute(sql, params)


async def counts_disagree(
    conn: Connection, account: ConnectedAccount, folder: SyncFolder, *, patience_seconds: float
) -> bool:
    """
    Compare the provider's count of a folder with ours, and tell whether its enumeration is called for.

    It is when they differ, by the same at two visits in a row: then it is not what is on its way, but something that
    delta has kept from us. What they differ by after that is something else than mail, and is expected from then on.
    It is called for once in `patience_seconds` at most, and not while a run fetches.
    """
    sql = """
        WITH gap AS (
            SELECT id, count_gap, count_gap_seen, relisted_at,
                   provider_total_count - (SELECT count(*)::integer
                                             FROM message
                                            WHERE message.folder_id = folder.id
                                              AND message.user_id = %(user_id)s
                                              AND deleted_at IS NULL) AS now
              FROM folder
             WHERE id = %(folder_id)s
               AND user_id = %(user_id)s
               AND state = 'current'
               AND NOT EXISTS (SELECT FROM sync_run
                                WHERE sync_run.account_id = folder.account_id
                                  AND sync_run.user_id = %(user_id)s
                                  AND sync_run.state IN ('starting', 'running'))
        ), judged AS (
            SELECT id, now, now NOT IN (0, count_gap) AND now = count_gap_seen
                            AND relisted_at < clock_timestamp() - make_interval(secs => %(patience)s) AS is_odd
              FROM gap
        )
        UPDATE folder
           SET count_gap = CASE WHEN judged.is_odd OR judged.now = 0 THEN judged.now ELSE folder.count_gap END,
               count_gap_seen = judged.now,
               relisted_at = CASE WHEN judged.is_odd THEN clock_timestamp() ELSE folder.relisted_at END
          FROM judged
         WHERE folder.id = judged.id
        RETURNING judged.is_odd
    """
    params = {"folder_id": folder.id, "user_id": account.user_id, "patience": float(patience_seconds)}
    row = await (await conn.execute(sql, params)).fetchone()
    return bool(row and row[0])
