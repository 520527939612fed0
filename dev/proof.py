"""
The proof: every folder, message and attachment of a simulated mailbox against the rows in PostgreSQL.

It owes nothing to the sync code. It reads the simulator's own store, not its Graph answers, and the tables, not the
product's models, and has its own account of what each column should hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg.rows import TupleRow, dict_row

from dev.graph_simulator.client import SimulatorAdmin

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
FOLDER_OF_OUTGOING: Final = {"sentitems", "drafts", "outbox"}
FLAGS: Final = {"notFlagged": "not_flagged", "flagged": "flagged", "complete": "complete"}
FLAG_DATES: Final = {"start": "startDateTime", "due": "dueDateTime", "completed": "completedDateTime"}
WEB_LINK: Final = "https://outlook.office365.com/owa/?ItemID={}&exvsurl=1&viewmodel=ReadMessageItem"
KINDS: Final = {
    None: "message",
    "#microsoft.graph.message": "message",
    "#microsoft.graph.eventMessageRequest": "meeting_request",
    "#microsoft.graph.eventMessageResponse": "meeting_response",
    "#microsoft.graph.eventMessage": "meeting_cancellation",  # requests and responses have types of their own
}
ATTACHMENT_KINDS: Final = {
    "#microsoft.graph.fileAttachment": "file",
    "#microsoft.graph.itemAttachment": "item",
    "#microsoft.graph.referenceAttachment": "reference",
}


@dataclass(slots=True)
class Proof:
    """What the comparison found; ids are the provider's."""

    expected: int = 0
    stored: int = 0
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: dict[str, list[str]] = field(default_factory=dict)  # names of the differing fields, by id

    @property
    def holds(self) -> bool:
        return not (self.missing or self.extra or self.different)

    def __str__(self) -> str:
        matched = self.expected - len(self.missing)
        return (
            f"{matched} of {self.expected} messages in PostgreSQL · {len(self.missing)} missing · "
            f"{len(self.different)} different · {len(self.extra)} extra"
        )


def prove(simulator: SimulatorAdmin, database_url: str, address: str) -> Proof:
    """
    Compare a mailbox with what is stored of it.

    `database_url` is of a role that row-level security does not bind. A folder that differs is reported like a
    message, under its own id.
    """
    folders, messages = _mailbox(simulator, address)
    proof = Proof(expected=len(messages))
    with psycopg.connect(database_url) as conn:
        conn.execute("SET timezone = 'UTC'")
        _compare(proof, folders, {row["provider_folder_id"]: row for row in _stored_folders(conn, address)}, _folder)
        unseen = dict(messages)
        for row in _stored_messages(conn, address):
            proof.stored += 1
            provider_id = row["provider_message_id"]
            if (message := unseen.pop(provider_id, None)) is None:
                proof.extra.append(provider_id)
            elif names := _differing(_message(message, folders, address), row):
                proof.different[provider_id] = names
        proof.missing += unseen
    return proof


def _compare(
    proof: Proof,
    expected: Mapping[str, dict[str, Any]],
    stored: Mapping[str, dict[str, Any]],
    columns: Callable[[dict[str, Any], Mapping[str, dict[str, Any]]], dict[str, Any]],
) -> None:
    proof.missing += expected.keys() - stored.keys()
    proof.extra += stored.keys() - expected.keys()
    for key in expected.keys() & stored.keys():
        if names := _differing(columns(expected[key], expected), stored[key]):
            proof.different[key] = names


def _differing(expected: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    return [name for name, value in expected.items() if row[name] != value]


def _mailbox(simulator: SimulatorAdmin, address: str) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Read the mirrored part of a mailbox: without hidden and search folders and what lies below them."""
    folders: dict[str, dict[str, Any]] = {}
    messages: dict[str, dict[str, Any]] = {}
    for item in simulator.dump(address):
        if item["kind"] == "folder":
            folders[item["id"]] = item
        else:
            messages[item["immutableId"]] = item
    visible = _visible(folders)
    return visible, {key: message for key, message in messages.items() if message["parentFolderId"] in visible}


def _visible(folders: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    def is_visible(folder: dict[str, Any]) -> bool:
        parent = folders.get(folder["parentFolderId"])
        return not folder["isHidden"] and not folder["isSearchFolder"] and (parent is None or is_visible(parent))

    return {folder_id: folder for folder_id, folder in folders.items() if is_visible(folder)}


def _folder(folder: dict[str, Any], folders: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    parent = folder["parentFolderId"]
    return {
        "display_name": folder["displayName"],
        "well_known_name": folder["wellKnownName"],
        "parent": parent if parent in folders else None,
    }


def _message(message: dict[str, Any], folders: Mapping[str, dict[str, Any]], address: str) -> dict[str, Any]:
    """State what each column should hold for a message of the simulator's store."""
    flag = message.get("flag") or {}
    author, sender = _mailbox_of(message.get("from")), _mailbox_of(message.get("sender"))
    return {
        "folder": message["parentFolderId"],
        "change_key": message["changeKey"],
        "provider_thread_id": message["conversationId"],
        "kind": KINDS.get(message.get("@odata.type"), "other"),
        "provider_kind": message.get("@odata.type") or "#microsoft.graph.message",
        "internet_message_id": _text(message.get("internetMessageId")),
        "subject": _text(message.get("subject")) or "",
        "preview": _text(message.get("bodyPreview")) or "",
        "from_name": author["name"] if author else None,
        "from_address": author["address"] if author else None,
        "sender_name": sender["name"] if sender else None,
        "sender_address": sender["address"] if sender else None,
        "to_recipients": _mailboxes_of(message["toRecipients"]),
        "cc_recipients": _mailboxes_of(message["ccRecipients"]),
        "bcc_recipients": _mailboxes_of(message["bccRecipients"]),
        "reply_to": _mailboxes_of(message["replyTo"]),
        "categories": [_text(category) for category in message["categories"]],
        "importance": message["importance"],
        "flag": FLAGS[flag.get("flagStatus", "notFlagged")],
        "flag_dates": {ours: flag[theirs] for ours, theirs in FLAG_DATES.items() if flag.get(theirs)} or None,
        "is_read": bool(message.get("isRead")),
        "is_draft": bool(message.get("isDraft")),
        "direction": _direction(message, folders, address),
        "received_at": _time(message["receivedDateTime"]),
        "sent_at": _time(message.get("sentDateTime")),
        "created_at": _time(message.get("createdDateTime")),
        "last_modified_at": _time(message.get("lastModifiedDateTime")),
        "has_attachments": message["hasAttachments"],
        "inference_classification": message.get("inferenceClassification"),
        "conversation_index": message.get("conversationIndex"),
        "web_link": WEB_LINK.format(quote(message["immutableId"], safe="")),
        "wants_delivery_receipt": message.get("isDeliveryReceiptRequested"),
        "wants_read_receipt": message.get("isReadReceiptRequested"),
        "html": _text(message["bodyHtml"]),
        "headers": [[_text(h["name"]), _text(h["value"])] for h in message["internetMessageHeaders"]],
        "attachments": [_attachment(attachment) for attachment in message["attachments"]],
        "failure": None,
    }


def _direction(message: dict[str, Any], folders: Mapping[str, dict[str, Any]], address: str) -> str:
    sender = _mailbox_of(message.get("from"))
    own = bool(sender and sender["address"] and sender["address"].lower() == address.lower())
    folder = folders[message["parentFolderId"]]["wellKnownName"]
    return "outgoing" if own or message.get("isDraft") or folder in FOLDER_OF_OUTGOING else "incoming"


def _attachment(attachment: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": attachment["id"],
        "kind": ATTACHMENT_KINDS[attachment["@odata.type"]],
        "name": _text(attachment["name"]) or "",
        "content_type": _text(attachment.get("contentType")),
        "size": attachment["size"],
        "is_inline": attachment["isInline"],
        "content_id": _text(attachment.get("contentId")),
    }


def _mailbox_of(recipient: dict[str, Any] | None) -> dict[str, str | None] | None:
    if recipient is None:
        return None
    box = recipient.get("emailAddress") or {}
    return {"name": _text(box.get("name")), "address": _text(box.get("address"))}


def _mailboxes_of(recipients: list[dict[str, Any]]) -> list[dict[str, str | None] | None]:
    return [_mailbox_of(recipient) for recipient in recipients]


def _text(value: str | None) -> str | None:
    """Replace what PostgreSQL cannot store, as the product promises to."""
    return None if value is None else UNSTORABLE.sub("\ufffd", value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def _stored_folders(conn: psycopg.Connection[TupleRow], address: str) -> list[dict[str, Any]]:
    sql = """
        SELECT folder.provider_folder_id, folder.display_name, folder.well_known_name,
               parent.provider_folder_id AS parent
          FROM folder
          JOIN account ON account.id = folder.account_id
          LEFT JOIN folder AS parent ON parent.id = folder.parent_id
         WHERE lower(account.address) = lower(%(address)s)
           AND account.state <> 'disconnected'
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql, {"address": address}).fetchall()


def _stored_messages(conn: psycopg.Connection[TupleRow], address: str) -> Iterator[dict[str, Any]]:
    sql = """
        SELECT message.*, message.kind::text, message.importance::text, message.flag::text, message.direction::text,
               folder.provider_folder_id AS folder, message_body.html, message_body.text, message_body.headers,
               coalesce((SELECT jsonb_agg(jsonb_build_object(
                                    'id', provider_attachment_id, 'kind', attachment.kind, 'name', name,
                                    'content_type', content_type, 'size', size_bytes, 'is_inline', is_inline,
                                    'content_id', content_id) ORDER BY position)
                           FROM attachment WHERE attachment.message_id = message.id), '[]') AS attachments
          FROM message
          JOIN account ON account.id = message.account_id
          LEFT JOIN folder ON folder.id = message.folder_id
          LEFT JOIN message_body ON message_body.message_id = message.id
         WHERE lower(account.address) = lower(%(address)s)
           AND account.state <> 'disconnected'
           AND message.deleted_at IS NULL
    """
    with conn.cursor("proof", row_factory=dict_row) as cursor:
        cursor.itersize = 200
        yield from cursor.execute(sql, {"address": address})
