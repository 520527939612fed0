"""What a repeated enumeration of a folder saw, to find what it did not see."""

from collections.abc import Sequence
from uuid import UUID

from shared.models.accounts import ConnectedAccount, SyncFolder
from shared.storage.database import Connection


async def remember_seen(
    conn: Connection, account: ConnectedAccount, folder: SyncFolder, message_ids: Sequence[UUID]
) -> None:
    sql = """
        INSERT INTO listing_seen (folder_id, listing_round, message_id, user_id)
        SELECT %(folder_id)s, %(listing_round)s, id, %(user_id)s FROM unnest(%(message_ids)s::uuid[]) AS id
        ON CONFLICT DO NOTHING
    """
    params = {
        "folder_id": folder.id,
        "listing_round": folder.listing_round,
        "user_id": account.user_id,
        "message_ids": list(message_ids),
    }
    await conn.execute(sql, params)


async def unseen_provider_ids(conn: Connection, account: ConnectedAccount, folder: SyncFolder) -> list[str]:
    """
    List the folder's visible messages that this round of its enumeration did not name.

    NOT IN is hashed whatever the planner believes of a table that nobody has analysed; a join may be a square.
    """
    sql = """
        SELECT provider_message_id
          FROM message
         WHERE folder_id = %(folder_id)s
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
           AND id NOT IN (SELECT message_id
                            FROM listing_seen
                           WHERE folder_id = %(folder_id)s
                             AND listing_round = %(listing_round)s)
         ORDER BY received_at DESC
    """
    params = {"folder_id": folder.id, "listing_round": folder.listing_round, "user_id": account.user_id}
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def forget_seen(conn: Connection, account: ConnectedAccount, folder: SyncFolder) -> None:
    sql = "DELETE FROM listing_seen WHERE folder_id = %(folder_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"folder_id": folder.id, "user_id": account.user_id})
