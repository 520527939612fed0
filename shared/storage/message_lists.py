"""Reading messages: lists and threads of headers, and one message with its body."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from shared.errors import NotFound
from shared.models.api import Header, Mailbox, MessageQuery, MessageSummary
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: after this message."""

    received_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class StoredMessage:
    summary: MessageSummary
    html: str | None
    text: str | None  # None while nobody has taken it from the HTML
    headers: Sequence[Header]


async def list_messages(
    conn: Connection, user_id: UUID, wanted: MessageQuery, after: Place | None, limit: int
) -> list[MessageSummary]:
    """
    List messages, newest first, that meet every filter given.

    A filter that is not given is NULL, and the planner, which sees the values, leaves it out.
    """
    sql = """
        SELECT id, account_id, folder_id, thread_id, kind, subject,
               preview, from_name, from_address, sender_name,
               sender_address, to_recipients, cc_recipients, bcc_recipients,
               reply_to, importance, categories, flag, is_read,
               is_draft, direction, received_at, sent_at, has_attachments,
               internet_message_id, altered, failure
          FROM message
         WHERE user_id = %(user_id)s
           AND deleted_at IS NULL
           AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
           AND (%(folder_id)s::uuid IS NULL OR folder_id = %(folder_id)s)
           AND (%(thread_id)s::uuid IS NULL OR thread_id = %(thread_id)s)
           AND (%(unread)s::boolean IS NULL OR is_read <> %(unread)s)
           AND (NOT coalesce(%(flagged)s::boolean, false) OR flag = 'flagged')
           AND (coalesce(%(flagged)s::boolean, true) OR flag <> 'flagged')
           AND (%(has_attachments)s::boolean IS NULL OR has_attachments = %(has_attachments)s)
           AND (%(from)s::text IS NULL OR lower(from_address) = lower(%(from)s))
           AND (%(after)s::timestamptz IS NULL OR received_at >= %(after)s)
           AND (%(before)s::timestamptz IS NULL OR received_at < %(before)s)
           AND (%(q)s::text IS NULL OR id IN (SELECT messages_matching(%(q)s)))
           AND (%(place_at)s::timestamptz IS NULL OR (received_at, id) < (%(place_at)s, %(place_id)s::uuid))
         ORDER BY received_at DESC, id DESC
         LIMIT %(limit)s
    """
    params = {
        **wanted.model_dump(by_alias=True, exclude={"cursor", "limit"}),
        "user_id": user_id,
        "place_at": after.received_at if after else None,
        "place_id": after.id if after else None,
        "limit": limit,
    }
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, params)
        return [_summary(row) async for row in cur]


async def get_message(conn: Connection, user_id: UUID, message_id: UUID) -> StoredMessage:
    """Get a message with its body. Raises NotFound."""
    sql = """
        SELECT message.id, message.account_id, message.folder_id, message.thread_id, message.kind, message.subject,
               message.preview, message.from_name, message.from_address, message.sender_name,
               message.sender_address, message.to_recipients, message.cc_recipients, message.bcc_recipients,
               message.reply_to, message.importance, message.categories, message.flag, message.is_read,
               message.is_draft, message.direction, message.received_at, message.sent_at, message.has_attachments,
               message.internet_message_id, message.altered, message.failure,
               message_body.html, message_body.text,
               coalesce(message_body.headers, '[]') AS headers
          FROM message LEFT JOIN message_body ON message_body.message_id = message.id
         WHERE message.user_id = %(user_id)s
           AND message.id = %(message_id)s
           AND message.deleted_at IS NULL
    """
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, {"user_id": user_id, "message_id": message_id})
        if row := await cur.fetchone():
            headers = [Header(name=name, value=value) for name, value in row["headers"]]
            return StoredMessage(_summary(row), row["html"], row["text"], headers)
    raise NotFound(f"message {message_id}")


def _summary(row: dict[str, Any]) -> MessageSummary:
    return MessageSummary.model_validate(
        {
            **row,
            "from_": _mailbox(row["from_name"], row["from_address"]),
            "sender": _mailbox(row["sender_name"], row["sender_address"]),
            "to": row["to_recipients"],
            "cc": row["cc_recipients"],
            "bcc": row["bcc_recipients"],
        }
    )


def _mailbox(name: str | None, address: str | None) -> Mailbox | None:
    return None if name is None and address is None else Mailbox(name=name, address=address)
