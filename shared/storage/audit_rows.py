"""Rows of messages as an audit compares them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from shared.models.accounts import ConnectedAccount
from shared.models.audits import RowVersion
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class StoredState:
    provider_message_id: str
    version: RowVersion
    saved_at: datetime
    is_in_window: bool  # visible, and received in the window that was asked for
    is_deleted: bool


async def window_start(
    conn: Connection, account: ConnectedAccount, received_before: datetime | None, messages: int
) -> datetime | None:
    """
    Find where a window starts that ends at `received_before` and holds about so many of our messages.

    It is a whole second, all of which is in the window; None when fewer are left.
    """
    sql = """
        SELECT date_trunc('second', received_at)
          FROM message
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
           AND received_at < coalesce(%(received_before)s, 'infinity'::timestamptz)
         ORDER BY received_at DESC, id DESC
        OFFSET %(messages)s - 1
         LIMIT 1
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "received_before": received_before,
        "messages": messages,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return row[0] if row else None


async def stored_states(
    conn: Connection,
    account: ConnectedAccount,
    *,
    received_from: datetime | None,
    received_before: datetime | None,
    ids: Collection[UUID],
) -> dict[UUID, StoredState]:
    """Look up the rows of a window, and those with these ids wherever they are."""
    sql = """
        SELECT id, provider_message_id, folder_id, change_key, is_read, flag, saved_at, true AS is_in_window,
               false AS is_deleted
          FROM message
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
           AND received_at >= coalesce(%(received_from)s, '-infinity'::timestamptz)
           AND received_at < coalesce(%(received_before)s, 'infinity'::timestamptz)
         UNION ALL
        SELECT id, provider_message_id, folder_id, change_key, is_read, flag, saved_at, false,
               deleted_at IS NOT NULL
          FROM message
         WHERE id = ANY(%(ids)b)
           AND user_id = %(user_id)s
           AND (deleted_at IS NOT NULL
                OR received_at < coalesce(%(received_from)s, '-infinity'::timestamptz)
                OR received_at >= coalesce(%(received_before)s, 'infinity'::timestamptz))
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "received_from": received_from,
        "received_before": received_before,
        "ids": list(ids),
    }
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, params)
        return {row["id"]: _state(row) for row in await cur.fetchall()}


def _state(row: dict[str, Any]) -> StoredState:
    return StoredState(
        provider_message_id=row["provider_message_id"],
        version=_version(row),
        saved_at=row["saved_at"],
        is_in_window=row["is_in_window"],
        is_deleted=row["is_deleted"],
    )


def _version(row: dict[str, Any]) -> RowVersion:
    return RowVersion(
        folder_id=row["folder_id"], change_key=row["change_key"], is_read=row["is_read"], flag=row["flag"]
    )


async def visible_versions(
    conn: Connection, account: ConnectedAccount, message_ids: Collection[UUID]
) -> dict[UUID, RowVersion]:
    sql = """
        SELECT id, folder_id, change_key, is_read, flag
          FROM message
         WHERE id = ANY(%(ids)b)
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
    """
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, {"ids": list(message_ids), "user_id": account.user_id})
        return {row["id"]: _version(row) for row in await cur.fetchall()}


async def doubt_versions(conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID]) -> None:
    """
    Forget the change keys of rows whose key is right and whose state is not.

    What is saved next of them then counts as news; until then they are as readable as before.
    """
    sql = """
        UPDATE message
           SET change_key = ''
         WHERE id = ANY(%(ids)b)
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
    """
    await conn.execute(sql, {"ids": list(message_ids), "user_id": account.user_id})
