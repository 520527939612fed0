"""Messages as the provider answers them, made rows: what is news, what is late, what is gone. Reading is elsewhere."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from shared.models.accounts import ConnectedAccount
from shared.models.mail import (
    Fetched,
    MailMessage,
    folder_id_from,
    message_id_from,
)
from shared.storage.database import Connection
from shared.storage.message_rows import (
    delete_content,
    enter_search_backlog,
    replace_attachments,
    upsert_bodies,
    upsert_headers,
    upsert_tombstones,
)


@dataclass(frozen=True, slots=True)
class MessageVersion:
    """What decides whether an answer is news."""

    id: UUID
    folder_id: UUID
    change_key: str
    subject: str
    saved_at: datetime
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """
    What became of an answer.

    `contested` are provider ids of messages that somebody else saved while this answer was on its way, with another
    result: neither is known to be newer, so fetch them again. Messages whose folder went meanwhile are among them.
    """

    created: Sequence[UUID] = ()
    updated: Sequence[UUID] = ()
    contested: Sequence[str] = ()


async def stored_messages(
    conn: Connection, account: ConnectedAccount, provider_message_ids: Collection[str]
) -> dict[str, MessageVersion]:
    """Look up what is stored, tombstones included, by provider id."""
    ids = {message_id_from(account.id, provider_id): provider_id for provider_id in provider_message_ids}
    sql = """
        SELECT id, folder_id, change_key, subject, saved_at, deleted_at IS NOT NULL AS is_deleted
          FROM message
         WHERE id = ANY(%(ids)b)
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(MessageVersion)) as cur:
        await cur.execute(sql, {"ids": list(ids), "user_id": account.user_id})
        return {ids[row.id]: row async for row in cur}


async def save_messages(conn: Connection, account: ConnectedAccount, fetched: Fetched) -> Saved:
    """
    Make the rows equal to an answer of the provider, unless something newer may be stored.

    Saving the same answer again, later or at the same time changes nothing. A message that the database refuses is
    stored with its text left out and `failure` set; the others are not held up by it.
    """
    folders = await _folder_roles(conn, account)
    newest = {message.provider_message_id: message for message in fetched.messages}
    at_home = [m for m in newest.values() if folder_id_from(account.id, m.provider_folder_id) in folders]
    homeless = newest.keys() - {message.provider_message_id for message in at_home}
    stored = await stored_messages(conn, account, newest.keys())
    changed = [m for m in at_home if _is_news(m, stored.get(m.provider_message_id), account, fetched.asked_at)]
    written = await _write_or_mark(conn, account, changed, folders=folders, stored=stored, asked_at=fetched.asked_at)
    contested = [
        message.provider_message_id
        for message in at_home
        if _differs(message, stored.get(message.provider_message_id), account)
        and message_id_from(account.id, message.provider_message_id) not in written
    ]
    known = {row.id for row in stored.values() if not row.is_deleted}
    return Saved(
        created=tuple(written - known),
        updated=tuple(written & known),
        contested=(*contested, *homeless),
    )


def _differs(message: MailMessage, stored: MessageVersion | None, account: ConnectedAccount) -> bool:
    return (
        stored is None
        or stored.is_deleted
        or stored.change_key != message.change_key
        or stored.folder_id != folder_id_from(account.id, message.provider_folder_id)
    )


def _is_news(
    message: MailMessage, stored: MessageVersion | None, account: ConnectedAccount, asked_at: datetime
) -> bool:
    return _differs(message, stored, account) and (stored is None or stored.saved_at < asked_at)


async def _folder_roles(conn: Connection, account: ConnectedAccount) -> dict[UUID, str | None]:
    sql = "SELECT id, well_known_name FROM folder WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    params = {"account_id": account.id, "user_id": account.user_id}
    return {row[0]: row[1] for row in await (await conn.execute(sql, params)).fetchall()}


async def _write_or_mark(
    conn: Connection,
    account: ConnectedAccount,
    messages: Sequence[MailMessage],
    *,
    folders: Mapping[UUID, str | None],
    stored: Mapping[str, MessageVersion],
    asked_at: datetime,
) -> set[UUID]:
    """Write a batch; if the database refuses its data, write one by one, and of those it refuses only what it takes."""
    try:
        async with conn.transaction():
            return await _write(conn, account, messages, folders=folders, stored=stored, asked_at=asked_at)
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as exc:
        if len(messages) == 1:
            bare = _without_content(messages[0], failure=f"the database refused it: {type(exc).__name__}")
            return await _write(conn, account, [bare], folders=folders, stored=stored, asked_at=asked_at)
    written: set[UUID] = set()
    for message in messages:
        written |= await _write_or_mark(conn, account, [message], folders=folders, stored=stored, asked_at=asked_at)
    return written


def _without_content(message: MailMessage, *, failure: str) -> MailMessage:
    return replace(
        message,
        subject="",
        preview="",
        from_=None,
        sender=None,
        to=(),
        cc=(),
        bcc=(),
        reply_to=(),
        categories=(),
        flag_dates=None,
        internet_message_id=None,
        conversation_index=None,
        web_link=None,
        html=None,
        text="",
        headers=(),
        attachments=(),
        failure=failure,
    )


async def _write(
    conn: Connection,
    account: ConnectedAccount,
    messages: Sequence[MailMessage],
    *,
    folders: Mapping[UUID, str | None],
    stored: Mapping[str, MessageVersion],
    asked_at: datetime,
) -> set[UUID]:
    if not messages:
        return set()
    written = await upsert_headers(conn, account, messages, folders, asked_at)
    by_id = {message_id_from(account.id, message.provider_message_id): message for message in messages}
    rows = {message_id: by_id[message_id] for message_id in by_id if message_id in written}
    new_text = await upsert_bodies(conn, account, rows)
    new_subject = {
        message_id
        for message_id, message in rows.items()
        if (old := stored.get(message.provider_message_id)) and old.subject != message.subject
    }
    known = {row.id for row in stored.values()}
    await replace_attachments(conn, account, rows, known=known)
    await enter_search_backlog(conn, account, new_text | new_subject)
    return written


async def bury_messages(
    conn: Connection, account: ConnectedAccount, provider_message_ids: Sequence[str], *, asked_at: datetime
) -> Saved:
    """
    Turn messages that the provider no longer has into tombstones; their content goes at once.

    A tombstone is made for an unknown id too, so that an answer still on its way does not bring the message back.
    `updated` has those that a reader could see; `contested` those that were saved since `asked_at`.
    """
    if not provider_message_ids:
        return Saved()
    stored = await stored_messages(conn, account, provider_message_ids)
    buried = await upsert_tombstones(conn, account, provider_message_ids, asked_at)
    await delete_content(conn, account, list(buried))
    visible = {row.id for row in stored.values() if not row.is_deleted}
    contested = [
        provider_id
        for provider_id in provider_message_ids
        if message_id_from(account.id, provider_id) not in buried
        and not ((row := stored.get(provider_id)) and row.is_deleted)
    ]
    return Saved(updated=tuple(buried & visible), contested=tuple(contested))


async def provider_ids_in_folders(conn: Connection, account: ConnectedAccount, folder_ids: Sequence[UUID]) -> list[str]:
    """List the provider ids of all visible messages of some folders."""
    sql = """
        SELECT provider_message_id
          FROM message
         WHERE folder_id = ANY(%(folder_ids)s)
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
         ORDER BY received_at DESC
    """
    params = {"folder_ids": list(folder_ids), "user_id": account.user_id}
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def delete_some_messages(conn: Connection, user_id: UUID, account_id: UUID, limit: int) -> int:
    """Delete a batch of a disconnected account's messages, with all that hangs on them; return how many."""
    sql = """
        DELETE FROM message
         WHERE id IN (SELECT id
                        FROM message
                       WHERE account_id = %(account_id)s
                         AND user_id = %(user_id)s
                       LIMIT %(limit)s)
    """
    cur = await conn.execute(sql, {"account_id": account_id, "user_id": user_id, "limit": limit})
    return cur.rowcount
