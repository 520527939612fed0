"""Folders: the account's tree, and how far each folder's listing went."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from uuid import UUID

from psycopg.rows import class_row

from shared.models.accounts import ConnectedAccount, SyncFolder
from shared.models.mail import ProviderFolder, folder_id_from
from shared.storage.database import Connection


class CursorMove(Enum):
    """What became of a cursor that was to be moved."""

    STALE = auto()  # somebody else had moved it
    MOVED = auto()
    ENDLESS = auto()  # moved, and its round leads nowhere


async def upsert_folders(
    conn: Connection, account: ConnectedAccount, folders: Sequence[ProviderFolder], *, keeps_names: bool = False
) -> list[UUID]:
    """
    Save the tree as the provider has it; return the ids of folders that are new or look different.

    A folder whose counts have changed is due for a visit. With `keeps_names`, a folder without a well-known name keeps
    the one that it had.
    """
    sql = """
        INSERT INTO folder (id, user_id, account_id, provider_folder_id, parent_id, display_name, well_known_name,
                            provider_total_count, provider_unread_count)
        SELECT new.id, %(user_id)s, %(account_id)s, new.provider_folder_id, new.parent_id, new.display_name,
               CASE WHEN %(keeps_names)s
                    THEN coalesce(new.well_known_name, (SELECT well_known_name FROM folder WHERE folder.id = new.id))
                    ELSE new.well_known_name
               END,
               new.total_count, new.unread_count
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
        "keeps_names": keeps_names,
    }
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def set_well_known_names(conn: Connection, account: ConnectedAccount, names: Mapping[str, str]) -> list[UUID]:
    """Save the well-known names of folders by their provider's ids; return the ids of those that changed."""
    sql = """
        UPDATE folder
           SET well_known_name = new.well_known_name
          FROM (SELECT id, named.well_known_name
                  FROM folder LEFT JOIN unnest(%(provider_folder_ids)b::text[], %(names)b::text[])
                       AS named (provider_folder_id, well_known_name) USING (provider_folder_id)
                 WHERE account_id = %(account_id)s AND user_id = %(user_id)s) AS new
         WHERE folder.id = new.id
           AND folder.well_known_name IS DISTINCT FROM new.well_known_name
        RETURNING folder.id
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "provider_folder_ids": list(names),
        "names": list(names.values()),
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
               round_pages = 0, round_mark = NULL
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
           SET state = 'listing', cursor = NULL, listing_round = listing_round + 1,
               round_pages = 0, round_mark = NULL, relistings = relistings + 1,
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
        SELECT greatest(0, extract(epoch FROM min(leased_until)) - extract(epoch FROM clock_timestamp()))::float8
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


async def move_cursor(
    conn: Connection, account: ConnectedAccount, folder: SyncFolder, *, cursor: str, listed: bool
) -> CursorMove:
    """
    Move a folder's cursor, unless it moved since `folder` was read.

    Call it in the transaction that saves what the page covers: a cursor ahead of its rows loses mail. `listed` says
    that the provider has no more for now, so that the folder is current; what came while it was listed is due.

    A round is endless when its links come back, or when it has more pages than the folder could fill with five
    messages each. Every first, second, fourth, eighth ... link is kept, and the later ones are compared with it: that
    finds a circle of any length before it was gone through four times.
    """
    sql = """
        WITH read AS (
            SELECT id,
                   coalesce(NOT %(listed)s AND (cursor = %(cursor)s
                                                OR round_mark = %(cursor)s
                                                OR round_pages >= 1000 + provider_total_count / 5), false) AS is_endless
              FROM folder
             WHERE id = %(folder_id)s
               AND user_id = %(user_id)s
               AND listing_round = %(listing_round)s
               AND cursor IS NOT DISTINCT FROM %(cursor_read)s
               FOR UPDATE
        )
        UPDATE folder
           SET cursor = %(cursor)s,
               round_pages = CASE WHEN %(listed)s THEN 0 ELSE round_pages + 1 END,
               round_mark = CASE WHEN %(listed)s THEN NULL
                                 WHEN round_pages & (round_pages + 1) = 0 THEN %(cursor)s
                                 ELSE round_mark END,
               relistings = CASE WHEN %(listed)s AND state = 'current' THEN 0 ELSE relistings END,
               check_at = CASE WHEN %(listed)s AND state = 'listing' THEN '-infinity' ELSE check_at END,
               state = CASE WHEN %(listed)s THEN 'current'::folder_state ELSE state END,
               changes_checked_at = CASE WHEN %(listed)s THEN clock_timestamp() ELSE changes_checked_at END
          FROM read
         WHERE folder.id = read.id
        RETURNING read.is_endless
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
    if row is None:
        return CursorMove.STALE
    return CursorMove.ENDLESS if row[0] else CursorMove.MOVED
