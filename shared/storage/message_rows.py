"""The statements that write a message: its header row, body, attachments, and what search still owes it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from shared.models.accounts import ConnectedAccount
from shared.models.mail import (
    Direction,
    MailMessage,
    attachment_id_from,
    folder_id_from,
    message_id_from,
    thread_id_from,
)
from shared.storage.database import Connection

NO_FOLDER: Final = UUID(int=0)
OUTGOING_FOLDERS: Final = ("sentitems", "drafts", "outbox")


async def upsert_headers(
    conn: Connection,
    account: ConnectedAccount,
    messages: Sequence[MailMessage],
    folders: Mapping[UUID, str | None],
    asked_at: datetime,
) -> set[UUID]:
    sql = """
        INSERT INTO message (
            id, user_id, account_id, folder_id, thread_id, provider_message_id, provider_thread_id, change_key,
            kind, provider_kind, internet_message_id, subject, preview, from_name, from_address, sender_name,
            sender_address, to_recipients, cc_recipients, bcc_recipients, reply_to, categories, importance, flag,
            flag_dates, is_read, is_draft, direction, received_at, sent_at, created_at, last_modified_at,
            has_attachments, inference_classification, conversation_index, web_link, wants_delivery_receipt,
            wants_read_receipt, altered, failure)
        SELECT id, %(user_id)s, %(account_id)s, folder_id, thread_id, provider_message_id, provider_thread_id,
               change_key, kind::message_kind, provider_kind, internet_message_id, subject, preview, from_name,
               from_address, sender_name, sender_address, to_recipients::jsonb, cc_recipients::jsonb,
               bcc_recipients::jsonb, reply_to::jsonb, categories::jsonb, importance::importance, flag::flag_status,
               flag_dates::jsonb, is_read, is_draft, direction::direction, received_at, sent_at, created_at,
               last_modified_at, has_attachments, inference_classification, conversation_index, web_link,
               wants_delivery_receipt, wants_read_receipt, string_to_array(altered, ','), failure
          FROM unnest(
            %(ids)b::uuid[], %(folder_ids)b::uuid[], %(thread_ids)b::uuid[], %(provider_message_ids)b::text[],
            %(provider_thread_ids)b::text[], %(change_keys)b::text[], %(kinds)b::text[], %(provider_kinds)b::text[],
            %(internet_message_ids)b::text[], %(subjects)b::text[], %(previews)b::text[], %(from_names)b::text[],
            %(from_addresses)b::text[], %(sender_names)b::text[], %(sender_addresses)b::text[], %(to)b::text[],
            %(cc)b::text[], %(bcc)b::text[], %(reply_to)b::text[], %(categories)b::text[], %(importances)b::text[],
            %(flags)b::text[], %(flag_dates)b::text[], %(are_read)b::bool[], %(are_drafts)b::bool[],
            %(directions)b::text[], %(received_at)b::timestamptz[], %(sent_at)b::timestamptz[],
            %(created_at)b::timestamptz[], %(last_modified_at)b::timestamptz[], %(have_attachments)b::bool[],
            %(inference_classifications)b::text[], %(conversation_indexes)b::text[], %(web_links)b::text[],
            %(want_delivery_receipts)b::bool[], %(want_read_receipts)b::bool[], %(altered)b::text[],
            %(failures)b::text[])
            AS new (id, folder_id, thread_id, provider_message_id, provider_thread_id, change_key, kind,
                    provider_kind, internet_message_id, subject, preview, from_name, from_address, sender_name,
                    sender_address, to_recipients, cc_recipients, bcc_recipients, reply_to, categories, importance,
                    flag, flag_dates, is_read, is_draft, direction, received_at, sent_at, created_at,
                    last_modified_at, has_attachments, inference_classification, conversation_index, web_link,
                    wants_delivery_receipt, wants_read_receipt, altered, failure)
         ORDER BY id
        ON CONFLICT (id) DO UPDATE
           SET folder_id = excluded.folder_id,
               thread_id = excluded.thread_id,
               provider_thread_id = excluded.provider_thread_id,
               change_key = excluded.change_key,
               kind = excluded.kind,
               provider_kind = excluded.provider_kind,
               internet_message_id = excluded.internet_message_id,
               subject = excluded.subject,
               preview = excluded.preview,
               from_name = excluded.from_name,
               from_address = excluded.from_address,
               sender_name = excluded.sender_name,
               sender_address = excluded.sender_address,
               to_recipients = excluded.to_recipients,
               cc_recipients = excluded.cc_recipients,
               bcc_recipients = excluded.bcc_recipients,
               reply_to = excluded.reply_to,
               categories = excluded.categories,
               importance = excluded.importance,
               flag = excluded.flag,
               flag_dates = excluded.flag_dates,
               is_read = excluded.is_read,
               is_draft = excluded.is_draft,
               direction = excluded.direction,
               received_at = excluded.received_at,
               sent_at = excluded.sent_at,
               created_at = excluded.created_at,
               last_modified_at = excluded.last_modified_at,
               has_attachments = excluded.has_attachments,
               inference_classification = excluded.inference_classification,
               conversation_index = excluded.conversation_index,
               web_link = excluded.web_link,
               wants_delivery_receipt = excluded.wants_delivery_receipt,
               wants_read_receipt = excluded.wants_read_receipt,
               altered = excluded.altered,
               failure = excluded.failure,
               saved_at = clock_timestamp(),
               deleted_at = NULL
         WHERE message.saved_at < %(asked_at)s
        RETURNING id
    """
    params = _header_columns(account, messages, folders) | {
        "user_id": account.user_id,
        "account_id": account.id,
        "asked_at": asked_at,
    }
    return {row[0] for row in await (await conn.execute(sql, params)).fetchall()}


def _header_columns(
    account: ConnectedAccount, messages: Sequence[MailMessage], folders: Mapping[UUID, str | None]
) -> dict[str, list[Any]]:
    folder_ids = [folder_id_from(account.id, m.provider_folder_id) for m in messages]
    return {
        "ids": [message_id_from(account.id, m.provider_message_id) for m in messages],
        "folder_ids": folder_ids,
        "thread_ids": [thread_id_from(account.id, m.provider_thread_id) for m in messages],
        "provider_message_ids": [m.provider_message_id for m in messages],
        "provider_thread_ids": [m.provider_thread_id for m in messages],
        "change_keys": [m.change_key for m in messages],
        "kinds": [m.kind.value for m in messages],
        "provider_kinds": [m.provider_kind for m in messages],
        "internet_message_ids": [m.internet_message_id for m in messages],
        "subjects": [m.subject for m in messages],
        "previews": [m.preview for m in messages],
        "from_names": [m.from_.name if m.from_ else None for m in messages],
        "from_addresses": [m.from_.address if m.from_ else None for m in messages],
        "sender_names": [m.sender.name if m.sender else None for m in messages],
        "sender_addresses": [m.sender.address if m.sender else None for m in messages],
        "to": [_json_from(m.to) for m in messages],
        "cc": [_json_from(m.cc) for m in messages],
        "bcc": [_json_from(m.bcc) for m in messages],
        "reply_to": [_json_from(m.reply_to) for m in messages],
        "categories": [_json_from(m.categories) for m in messages],
        "importances": [m.importance.value for m in messages],
        "flags": [m.flag.value for m in messages],
        "flag_dates": [_json_from(m.flag_dates) if m.flag_dates else None for m in messages],
        "are_read": [m.is_read for m in messages],
        "are_drafts": [m.is_draft for m in messages],
        "directions": [
            _direction(account, m, folders.get(folder_id)).value
            for m, folder_id in zip(messages, folder_ids, strict=True)
        ],
        "received_at": [m.received_at for m in messages],
        "sent_at": [m.sent_at for m in messages],
        "created_at": [m.created_at for m in messages],
        "last_modified_at": [m.last_modified_at for m in messages],
        "have_attachments": [m.has_attachments for m in messages],
        "inference_classifications": [m.inference_classification for m in messages],
        "conversation_indexes": [m.conversation_index for m in messages],
        "web_links": [m.web_link for m in messages],
        "want_delivery_receipts": [m.wants_delivery_receipt for m in messages],
        "want_read_receipts": [m.wants_read_receipt for m in messages],
        "altered": [",".join(m.altered) for m in messages],
        "failures": [m.failure for m in messages],
    }


def _json_from(value: object) -> str:
    return orjson.dumps(value).decode()


def _direction(account: ConnectedAccount, message: MailMessage, folder_role: str | None) -> Direction:
    if message.is_draft or folder_role in OUTGOING_FOLDERS:
        return Direction.OUTGOING
    sender = message.from_.address if message.from_ else None
    return Direction.OUTGOING if sender and sender.lower() == account.address.lower() else Direction.INCOMING


async def upsert_bodies(conn: Connection, account: ConnectedAccount, messages: Mapping[UUID, MailMessage]) -> set[UUID]:
    """
    Save bodies and headers, leaving those alone that are the same: a flag must not rewrite 20 KB.

    The text of HTML is taken from it later, with the search vector. The arrays are taken apart among the columns,
    because PostgreSQL keeps the rows of what stands behind FROM in a file when they are more than 4 MB.
    """
    sql = """
        INSERT INTO message_body (message_id, user_id, html, text, headers)
        SELECT unnest(%(message_ids)b::uuid[]), %(user_id)s, unnest(%(html)b::text[]), unnest(%(text)b::text[]),
               unnest(%(headers)b::text[])::jsonb
        ON CONFLICT (message_id) DO UPDATE
           SET html = excluded.html, text = excluded.text, headers = excluded.headers
         WHERE (message_body.html, message_body.headers) IS DISTINCT FROM (excluded.html, excluded.headers)
            OR message_body.text IS DISTINCT FROM coalesce(excluded.text, message_body.text)
        RETURNING message_id
    """
    params = {
        "user_id": account.user_id,
        "message_ids": list(messages),
        "html": [message.html for message in messages.values()],
        "text": [message.text for message in messages.values()],
        "headers": [_json_from(message.headers) for message in messages.values()],
    }
    return {row[0] for row in await (await conn.execute(sql, params)).fetchall()}


async def replace_attachments(
    conn: Connection, account: ConnectedAccount, messages: Mapping[UUID, MailMessage], *, known: Collection[UUID]
) -> None:
    """Make attachments equal to those of the messages, of which `known` were stored before."""
    rows = [
        (message_id, attachment_id_from(message_id, attachment.provider_attachment_id), position, attachment)
        for message_id, message in messages.items()
        for position, attachment in enumerate(message.attachments)
    ]
    if changed := [message_id for message_id in messages if message_id in known]:
        await _delete_attachments(conn, account, changed, keeping=[row[1] for row in rows])
    if not rows:
        return
    sql = """
        INSERT INTO attachment (id, user_id, message_id, position, provider_attachment_id, kind, name, content_type,
                                size_bytes, is_inline, content_id)
        SELECT new.id, %(user_id)s, new.message_id, new.position, new.provider_attachment_id,
               new.kind::attachment_kind, new.name, new.content_type, new.size_bytes, new.is_inline, new.content_id
          FROM unnest(%(ids)b::uuid[], %(message_ids)b::uuid[], %(positions)b::int[],
                      %(provider_attachment_ids)b::text[], %(kinds)b::text[], %(names)b::text[],
                      %(content_types)b::text[], %(size_bytes)b::bigint[], %(are_inline)b::bool[],
                      %(content_ids)b::text[])
            AS new (id, message_id, position, provider_attachment_id, kind, name, content_type, size_bytes,
                    is_inline, content_id)
        ON CONFLICT (id) DO UPDATE
           SET position = excluded.position,
               kind = excluded.kind,
               name = excluded.name,
               content_type = excluded.content_type,
               size_bytes = excluded.size_bytes,
               is_inline = excluded.is_inline,
               content_id = excluded.content_id
    """
    params = {
        "user_id": account.user_id,
        "ids": [row[1] for row in rows],
        "message_ids": [row[0] for row in rows],
        "positions": [row[2] for row in rows],
        "provider_attachment_ids": [row[3].provider_attachment_id for row in rows],
        "kinds": [row[3].kind.value for row in rows],
        "names": [row[3].name for row in rows],
        "content_types": [row[3].content_type for row in rows],
        "size_bytes": [row[3].size_bytes for row in rows],
        "are_inline": [row[3].is_inline for row in rows],
        "content_ids": [row[3].content_id for row in rows],
    }
    await conn.execute(sql, params)


async def _delete_attachments(
    conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID], *, keeping: Sequence[UUID]
) -> None:
    sql = """
        DELETE FROM attachment
         WHERE message_id = ANY(%(message_ids)b)
           AND user_id = %(user_id)s
           AND id <> ALL(%(keeping)b::uuid[])
    """
    params = {"message_ids": list(message_ids), "user_id": account.user_id, "keeping": list(keeping)}
    await conn.execute(sql, params)


async def enter_search_backlog(conn: Connection, account: ConnectedAccount, message_ids: Collection[UUID]) -> None:
    """Call it after the bodies are saved. A row that somebody is about to take off is waited for, and entered anew."""
    sql = """
        INSERT INTO search_backlog (message_id, user_id, account_id)
        SELECT id, %(user_id)s, %(account_id)s FROM unnest(%(message_ids)b::uuid[]) AS id
        ON CONFLICT (message_id) DO UPDATE SET account_id = excluded.account_id
    """
    params = {"user_id": account.user_id, "account_id": account.id, "message_ids": list(message_ids)}
    await conn.execute(sql, params)


async def upsert_tombstones(
    conn: Connection, account: ConnectedAccount, provider_message_ids: Sequence[str], asked_at: datetime
) -> set[UUID]:
    sql = """
        INSERT INTO message (
            id, user_id, account_id, folder_id, thread_id, provider_message_id, provider_thread_id, change_key, kind,
            provider_kind, subject, preview, to_recipients, cc_recipients, bcc_recipients, reply_to, categories,
            importance, flag, is_read, is_draft, direction, received_at, has_attachments, deleted_at)
        SELECT new.id, %(user_id)s, %(account_id)s, %(no_folder)s, %(no_folder)s, new.provider_message_id, '', '',
               'other', '', '', '', '[]', '[]', '[]', '[]', '[]', 'normal', 'not_flagged', false, false, 'incoming',
               'epoch', false, clock_timestamp()
          FROM unnest(%(ids)b::uuid[], %(provider_message_ids)b::text[]) AS new (id, provider_message_id)
         ORDER BY new.id
        ON CONFLICT (id) DO UPDATE
           SET folder_id = excluded.folder_id, change_key = '', subject = '', preview = '', from_name = NULL,
               from_address = NULL, sender_name = NULL, sender_address = NULL, to_recipients = '[]',
               cc_recipients = '[]', bcc_recipients = '[]', reply_to = '[]', categories = '[]',
               internet_message_id = NULL, web_link = NULL, saved_at = clock_timestamp(),
               deleted_at = clock_timestamp()
         WHERE message.saved_at < %(asked_at)s
           AND message.deleted_at IS NULL
        RETURNING id
    """
    unique = dict.fromkeys(provider_message_ids)
    params = {
        "user_id": account.user_id,
        "account_id": account.id,
        "no_folder": NO_FOLDER,
        "ids": [message_id_from(account.id, provider_id) for provider_id in unique],
        "provider_message_ids": list(unique),
        "asked_at": asked_at,
    }
    return {row[0] for row in await (await conn.execute(sql, params)).fetchall()}


async def delete_content(conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID]) -> None:
    sql = """
        WITH bodies AS (DELETE FROM message_body WHERE message_id = ANY(%(ids)b) AND user_id = %(user_id)s),
             attachments AS (DELETE FROM attachment WHERE message_id = ANY(%(ids)b) AND user_id = %(user_id)s),
             backlog AS (DELETE FROM search_backlog WHERE message_id = ANY(%(ids)b) AND user_id = %(user_id)s)
        DELETE FROM message_search WHERE message_id = ANY(%(ids)b) AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"ids": list(message_ids), "user_id": account.user_id})
