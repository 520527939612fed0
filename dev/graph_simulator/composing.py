"""Turns a mail into what a mailbox keeps: its message properties, and the heavy parts apart."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from dev.demo_mailbox.mail import Address, Attachment, Mail
from dev.graph_simulator.bodies import html_from_text, preview, safe_html, text_from_html, whole_document
from dev.graph_simulator.clock import iso
from dev.graph_simulator.json_text import to_json

_TYPE_OF_KIND = {
    "file": "#microsoft.graph.fileAttachment",
    "item": "#microsoft.graph.itemAttachment",
    "reference": "#microsoft.graph.referenceAttachment",
}


@dataclass(slots=True)
class Composed:
    """A message that is in no mailbox yet. The bodies and headers are JSON fragments."""

    fields: dict[str, Any]
    html: bytes
    unsafe_html: bytes | None
    text: bytes
    headers: bytes
    raw: bytes | None
    attachments: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)


def compose(mail: Mail, received_at: datetime, conversation_id: str, overrides: dict[str, Any]) -> Composed:
    """Build a message; `overrides` are message properties that replace what the mail itself says, nulls included."""
    markup, text = _bodies(mail)
    safe = safe_html(markup)
    fields = _fields(mail, received_at, conversation_id) | {"bodyPreview": preview(text)} | overrides
    return Composed(
        fields=fields,
        html=to_json(safe),
        unsafe_html=None if safe == markup else to_json(markup),
        text=to_json(text),
        headers=to_json([{"name": name, "value": value} for name, value in mail.headers]),
        raw=mail.raw,
        attachments=[(_attachment_properties(one, received_at), one.data) for one in mail.attachments],
    )


def conversation_index(key: str) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return base64.b64encode(b"\x01" + digest[:21]).decode()


def recipient(address: Address | None) -> dict[str, Any] | None:
    return None if address is None else {"emailAddress": {"name": address.name, "address": address.address}}


def mime_from(fields: dict[str, Any], text: str) -> bytes:
    """Return MIME for a message that did not come as MIME."""
    message = EmailMessage()
    sender = (fields.get("from") or {}).get("emailAddress", {}).get("address")
    for name, value in (
        ("From", sender),
        ("To", ", ".join(one["emailAddress"].get("address") or "" for one in fields.get("toRecipients") or [])),
        ("Subject", fields.get("subject")),
        ("Message-ID", fields.get("internetMessageId")),
        ("Date", fields.get("sentDateTime")),
    ):
        if value:
            message[name] = " ".join(str(value).encode("utf-8", "replace").decode().replace("\0", "").split())
    message.set_content(text.encode("utf-8", "replace").decode())
    return bytes(message)


def _bodies(mail: Mail) -> tuple[str, str]:
    """Return the HTML and the text body; the form that the mail lacks is made from the one it has."""
    if mail.html is not None:
        return whole_document(mail.html), text_from_html(mail.html)
    text = mail.text or ""
    return html_from_text(text), text


def _fields(mail: Mail, received_at: datetime, conversation_id: str) -> dict[str, Any]:
    received = iso(received_at)
    return {
        "createdDateTime": received,
        "lastModifiedDateTime": received,
        "categories": [],
        "receivedDateTime": received,
        "sentDateTime": iso(mail.sent_at) if mail.sent_at else received,
        "hasAttachments": any(not one.is_inline for one in mail.attachments),
        "internetMessageId": mail.message_id,
        "subject": mail.subject,
        "bodyPreview": "",
        "importance": mail.importance,
        "conversationId": conversation_id,
        "conversationIndex": conversation_index(conversation_id),
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": False,
        "isRead": False,
        "isDraft": False,
        "inferenceClassification": "focused",
        "sender": recipient(mail.sender),
        "from": recipient(mail.from_),
        "toRecipients": _recipients(mail.to),
        "ccRecipients": _recipients(mail.cc),
        "bccRecipients": _recipients(mail.bcc),
        "replyTo": _recipients(mail.reply_to),
        "flag": {"flagStatus": "notFlagged"},
    }


def _recipients(addresses: Sequence[Address]) -> list[dict[str, Any] | None]:
    return [recipient(address) for address in addresses]


def _attachment_properties(attachment: Attachment, received_at: datetime) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "@odata.type": _TYPE_OF_KIND[attachment.kind],
        "lastModifiedDateTime": iso(received_at),
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": len(attachment.data) + 300,  # the service counts the attachment's own properties too
        "isInline": attachment.is_inline,
    }
    if attachment.kind == "file":
        properties |= {"contentId": attachment.content_id, "contentLocation": None}
    return properties
