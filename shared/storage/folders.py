"""Folders: the account's tree, and how far each folder's listing went."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from shared.models.accounts import ConnectedAccount, SyncFolder
from shared.models.mail import ProviderFolder, folder_id_from
from shared.storage.database import Connection


async def upsert_folders(conn: Connection, account: ConnectedAccount, folders: Sequence[ProviderFolder]) -> list[UUID]:
    """
    Save the tree as the provider has it; return the ids of folders that are new or look different.

    A folder whose counts have changed is due for a visit.
    """
    sql = """
        INSERT INTO folder (id, user_id, account_id, provider_folder_id, parent_id, display_name, well_known_name,
                            provider_total_count, provider_unread_count)
        SELECT new.id, %(user_id)s, %(account_id)s, new.provider_folder_id, new.parent_id, new.display_name,
               new.well_known_name, new.total_count, new.unread_count
          FROM unnest(%(ids)b::uuid[], %(provider_folder_ids)b::text[], %(parent_ids)b::uuid[],
                      %(display_names)b::text[], %(well_known_names)b::text[], %(total_counts)b::int[],
                      %(unread_counts)b::int[])
            AS new (id, provider_folder_id, parent_id, display_name, well_known_name, total_count, unread_count)
         ORDER BY new.id
        ON CONFLICT (id) DO UPDATE
           SET parent_id = excluded.parent_id,
               display_name = excluded.display_name,
               well_known_name = excluded.well_known_name,
               provider_total_count = excluded.provider_total_count,
               provider_unread_count = excluded.provider_unread_count,
               check_at = CASE WHEN (folder.provider_total_count, folder.provider_unread_count)
                                    = (excluded.provider_total_count, excluded.provider_unread_count)
                               THEN folder.check_at ELSE '-infinity' END
         WHERE (folder.parent_id, folder.display_name, folder.well_known_name,
                folder.provider_total_count, folder.provider_unread_count)
               IS DISTINCT FROM
               (excluded.parent_id, excluded.display_name, excluded.well_known_name,
                excluded.provider_total_count, excluded.provider_unread_count)
        RETURNING id
    """
    known = {folder.provider_folder_id for folder in folders}
    params = {
        "user_id": account.user_id,
        "account_id": account.id,
        "ids": [folder_id_from(account.id, folder.provider_folder_id) for folder in folders],
        "provider_folder_ids": [folder.provider_folder_id for folder in folders],
        "parent_ids": [
            folder_id_from(account.id, folder.parent_provider_folder_id)
            if folder.parent_provider_folder_id in known and folder.parent_provider_folder_id
            else None
            for folder in folders
        ],
        "display_names": [folder.display_name for folder in folders],
        "well_known_names": [folder.well_known_name for folder in folders],
        "total_counts": [folder.total_count for folder in folders],
        "unread_counts": [folder.unread_count for folder in folders],
    }
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def known_folder_ids(conn: Connection, account: ConnectedAccount) -> set[UUID]:
    sql = "SELECT id FROM folder WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    params = {"account_id": account.id, "user_id": account.user_id}
    return {row[0] for row in await (await conn.execute(sql, params)).fetchall()}


async def delete_folders(conn: Connection, account: ConnectedAccount, folder_ids: Sequence[UUID]) -> None:
    sql = "DELETE FROM folder WHERE id = ANY(%(folder_ids)s) AND user_id = %(user_id)s"
    await conn.execute(sql, {"folder_ids": list(folder_ids), "user_id": account.user_id})


async def restart_listing(conn: Connection, account: ConnectedAccount, folder_ids: Sequence[UUID] | None) -> None:
    """Send folders, or with None all of the account's, back to the start of an enumeration."""
    sql = """
        UPDATE folder
           SET state = 'listing', cursor = NULL, listing_round = listing_round + 1, leased_until = '-infinity',
               round_pages = 0, count_gap = NULL, count_gap_seen = NULL
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND (%(folder_ids)s::uuid[] IS NULL OR id = ANY(%(folder_ids)s::uuid[]))
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "folder_ids": None if folder_ids is None else list(folder_ids),
    }
    await conn.execute(sql, params)


async def give_up_round(conn: Connection, account: ConnectedAccount, folder: SyncFolder) -> int | None:
    """
    Send a folder back to the start of an enumeration, because the round that was read of it cannot be ended.

    At once the first time, and the later the more often that happened in a row. Return how often that was; None when
    somebody else has begun another round meanwhile.
    """
    sql = """
        UPDATE folder
           SET state = 'listing', cursor = NULL, listing_round = listing_round + 1, round_pages = 0,
               count_gap = NULL, count_gap_seen = NULL, relistings = relistings + 1,
               leased_until = CASE WHEN relistings = 0 THEN '-infinity'
                                   ELSE clock_timestamp() + least(interval '5 seconds' * 2 ^ least(relistings - 1, 12),
                                                                  interval '1 hour') END
         WHERE id = %(folder_id)s
           AND user_id = %(user_id)s
           AND listing_round = %(listing_round)s
        RETURNING relistings
    """
    params = {"folder_id": folder.id, "user_id": account.user_id, "listing_round": folder.listing_round}
    row = await (await conn.execute(sql, params)).fetchone()
    return int(row[0]) if row else None


async def seconds_until_listing(conn: Connection, account: ConnectedAccount) -> float:
    """Tell how long every folder that is still to be listed has to wait after failures; 0 when one has not to."""
    sql = """
        SELECT greatest(0, extract(epoch FROM min(leased_until) - clock_timestamp()))::float8
          FROM folder
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'listing'
           AND relistings > 1
        HAVING count(*) = (SELECT count(*) FROM folder
                            WHERE account_id = %(account_id)s
                              AND user_id = %(user_id)s
                              AND state = 'listing')
    """
    row = await (await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


async def count_listing_folders(conn: Connection, account: ConnectedAccount) -> int:
    sql = """
        SELECT count(*)
          FROM folder
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'listing'
    """
    row = await (await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})).fetchone()
    return int(row[0]) if row else 0


async def claim_listing(conn: Connection, account: ConnectedAccount, lease_seconds: float) -> SyncFolder | None:
    """Take a folder that is still being listed and that nobody lists now; the inbox first, then the large ones."""
    sql = """
        UPDATE folder
           SET leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = (SELECT id
                       FROM folder
                      WHERE account_id = %(account_id)s
                        AND user_id = %(user_id)s
                        AND state = 'listing'
                        AND leased_until < clock_timestamp()
                      ORDER BY (well_known_name = 'inbox') DESC NULLS LAST, provider_total_count DESC, id
                      LIMIT 1
                        FOR UPDATE SKIP LOCKED)
        RETURNING id, provider_folder_id, well_known_name, cursor, listing_round
    """
    params = {"account_id": account.id, "user_id": account.user_id, "lease_seconds": lease_seconds}
    async with conn.cursor(row_factory=class_row(SyncFolder)) as cur:
        await cur.execute(sql, params)
        return await cur.fetchone()


async def release_listing(conn: Connection, account: ConnectedAccount, folder: SyncFolder) -> None:
    sql = "UPDATE folder SET leased_until = '-infinity' WHERE id = %(folder_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"folder_id": folder.id, "user_id": account.user_id})


async def mark_folders_due(conn: Connection, account: ConnectedAccount) -> None:
    """Have every folder visited, also those that somebody visits at this moment."""
    sql = "UPDATE folder SET check_at = '-infinity' WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})


async def due_folders(conn: Connection, account: ConnectedAccount) -> list[SyncFolder]:
    """List the folders whose cursor is to be followed by now, the one that waited longest first."""
    sql = """
        SELECT id, provider_folder_id, well_known_name, cursor, listing_round
          FROM folder
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'current'
           AND check_at <= clock_timestamp()
         ORDER BY changes_checked_at NULLS FIRST, id
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

    Counts differ by what is not mail, and that stays the same. Another difference that two visits in a row have seen is
    something that delta has kept from us. It is called for once in `patience_seconds` at most.
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
        ), judged AS (
            SELECT id, now, count_gap IS NOT NULL AND now <> count_gap AND now = count_gap_seen
                            AND relisted_at < clock_timestamp() - make_interval(secs => %(patience)s) AS is_odd
              FROM gap
        )
        UPDATE folder
           SET count_gap = coalesce(folder.count_gap, judged.now),
               count_gap_seen = judged.now,
               relisted_at = CASE WHEN judged.is_odd THEN clock_timestamp() ELSE folder.relisted_at END
          FROM judged
         WHERE folder.id = judged.id
        RETURNING judged.is_odd
    """
    params = {"folder_id": folder.id, "user_id": account.user_id, "patience": float(patience_seconds)}
    row = await (await conn.execute(sql, params)).fetchone()
    return bool(row and row[0])


async def move_cursor(
    conn: Connection, account: ConnectedAccount, folder: SyncFolder, *, cursor: str, listed: bool
) -> int | None:
    """
    Move a folder's cursor, unless it moved since `folder` was read; return how long its round is.

    That is in pages, 0 when the round ends with this one, None when the cursor was not moved.

    Call it in the transaction that saves what the page covers: a cursor ahead of its rows loses mail. `listed` says
    that the provider has no more for now, so that the folder is current; what came while it was listed is due.
    """
    sql = """
        UPDATE folder
           SET cursor = %(cursor)s,
               round_pages = CASE WHEN %(listed)s THEN 0 ELSE round_pages + 1 END,
               relistings = CASE WHEN %(listed)s AND state = 'current' THEN 0 ELSE relistings END,
               check_at = CASE WHEN %(listed)s AND state = 'listing' THEN '-infinity' ELSE check_at END,
               state = CASE WHEN %(listed)s THEN 'current'::folder_state ELSE state END,
               changes_checked_at = CASE WHEN %(listed)s THEN clock_timestamp() ELSE changes_checked_at END
         WHERE id = %(folder_id)s
           AND user_id = %(user_id)s
           AND listing_round = %(listing_round)s
           AND cursor IS NOT DISTINCT FROM %(cursor_read)s
        RETURNING round_pages
    """
    params = {
        "folder_id": folder.id,
        "user_id": account.user_id,
        "cursor": cursor,
        "listed": listed,
        "listing_round": folder.listing_round,
        "cursor_read": folder.cursor,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return int(row[0]) if row else None
