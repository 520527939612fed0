"""The JSON of messages and attachments, in the shape that a request asks for."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dev.graph_simulator.bodies import html_from_text, unique_part
from dev.graph_simulator.composing import mime_from
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.mailbox import Mailbox, Message
from dev.graph_simulator.store import BodyForm

DEFAULT_PROPERTIES = (
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "receivedDateTime",
    "sentDateTime",
    "hasAttachments",
    "internetMessageId",
    "subject",
    "bodyPreview",
    "importance",
    "parentFolderId",
    "conversationId",
    "conversationIndex",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "isRead",
    "isDraft",
    "webLink",
    "inferenceClassification",
    "body",
    "sender",
    "from",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "flag",
)
ONLY_SELECTED = ("internetMessageHeaders", "uniqueBody")
SELECTABLE = ("id", *DEFAULT_PROPERTIES, *ONLY_SELECTED)
_HEAVY = frozenset(("body", *ONLY_SELECTED))
_EVENT_PROPERTIES = ("meetingMessageType", "isDelegated", "isOutOfDate")
_CACHED_BYTES = 4096  # what is larger is read from the store again: it would crowd the memory

ATTACHMENT_PROPERTIES = ("lastModifiedDateTime", "name", "contentType", "size", "isInline")
FILE_PROPERTIES = ("contentId", "contentLocation", "contentBytes")


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What of a message is wanted, and how.

    `attachments` is None unless they are expanded; an empty tuple there means all of their properties.
    """

    select: tuple[str, ...] | None = None
    is_immutable: bool = False
    body: BodyForm = "html"
    is_typed: bool = False
    attachments: tuple[str, ...] | None = None

    @property
    def has_body(self) -> bool:
        return not self.select or "body" in self.select


def id_of(message: Message, shape: Shape) -> str:
    return message.immutable_id if shape.is_immutable else message.regular_id


def message_json(mailbox: Mailbox, message: Message, shape: Shape) -> bytes:
    """Return the message as one JSON object."""
    if cached := message.rendered.get(shape):
        return cached
    names = DEFAULT_PROPERTIES if shape.select is None else shape.select
    light = _light(mailbox, message, shape, names)
    heavy = [b',"%s":%s' % (name.encode(), _heavy(mailbox, message, shape, name)) for name in names if name in _HEAVY]
    if shape.attachments is not None:
        heavy.append(b',"attachments":' + attachments_json(mailbox, message, shape))
    rendered = b"".join((to_json(light)[:-1], *heavy, b"}"))
    if len(rendered) <= _CACHED_BYTES:
        message.rendered[shape] = rendered
    return rendered


def removed_json(message_id: str) -> bytes:
    return to_json({"@odata.type": "#microsoft.graph.message", "id": message_id, "@removed": {"reason": "deleted"}})


def attachments_json(mailbox: Mailbox, message: Message, shape: Shape) -> bytes:
    count = len(mailbox.store.attachments(message.content))
    return b"[" + b",".join(attachment_json(mailbox, message, shape, position) for position in range(count)) + b"]"


def attachment_json(mailbox: Mailbox, message: Message, shape: Shape, position: int) -> bytes:
    """Return one attachment; `shape.attachments` are the properties wanted, all when empty."""
    properties = mailbox.store.attachments(message.content)[position]
    wanted = shape.attachments or (*ATTACHMENT_PROPERTIES, *FILE_PROPERTIES)
    answer: dict[str, Any] = {
        "@odata.type": properties["@odata.type"],
        "id": mailbox.ids.attachment(id_of(message, shape), position),
    }
    for name in wanted:
        if name in properties:
            answer[name] = properties[name]
        elif name == "contentBytes" and properties["@odata.type"] == "#microsoft.graph.fileAttachment":
            answer[name] = base64.b64encode(mailbox.store.attachment_data(message.content, position)).decode()
    return to_json(answer)


def mime(mailbox: Mailbox, message: Message) -> bytes:
    raw = mailbox.store.raw(message.content)
    if raw is not None:
        return raw
    return mime_from(message.fields, from_json(mailbox.store.body(message.content, "text")))


def _light(mailbox: Mailbox, message: Message, shape: Shape, names: tuple[str, ...]) -> dict[str, Any]:
    fields = message.fields
    light: dict[str, Any] = {}
    if kind := fields.get("@odata.type") or ("#microsoft.graph.message" if shape.is_typed else None):
        light["@odata.type"] = kind
    light["@odata.etag"] = f'W/"{message.change_key}"'
    light["id"] = id_of(message, shape)
    for name in names:
        if name in fields:
            light[name] = fields[name]
        elif name == "changeKey":
            light[name] = message.change_key
        elif name == "parentFolderId":
            light[name] = mailbox.folders[message.folder].id
        elif name == "webLink":
            item = quote(light["id"], safe="")
            light[name] = f"https://outlook.office365.com/owa/?ItemID={item}&exvsurl=1&viewmodel=ReadMessageItem"
    if shape.select is None:
        light |= {name: fields[name] for name in _EVENT_PROPERTIES if name in fields}
    return light


def _heavy(mailbox: Mailbox, message: Message, shape: Shape, name: str) -> bytes:
    if name == "internetMessageHeaders":
        return mailbox.store.headers(message.content)
    if name == "uniqueBody":
        text = unique_part(from_json(mailbox.store.body(message.content, "text")))
        content = to_json(text if shape.body == "text" else html_from_text(text))
    else:
        content = mailbox.store.body(message.content, shape.body)
    kind = b"text" if shape.body == "text" else b"html"
    return b'{"contentType":"%s","content":%s}' % (kind, content)
