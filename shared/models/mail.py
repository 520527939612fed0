"""Mail as a provider gives it and as we store it: nouns in neutral words, without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID, uuid5


class MessageKind(StrEnum):
    MESSAGE = "message"
    MEETING_REQUEST = "meeting_request"
    MEETING_RESPONSE = "meeting_response"
    MEETING_CANCELLATION = "meeting_cancellation"
    OTHER = "other"


class Importance(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class FlagStatus(StrEnum):
    NOT_FLAGGED = "not_flagged"
    FLAGGED = "flagged"
    COMPLETE = "complete"


class Direction(StrEnum):
    INCOMING = "incoming"
    OUTGOING = "outgoing"


class AttachmentKind(StrEnum):
    FILE = "file"
    ITEM = "item"
    REFERENCE = "reference"
    OTHER = "other"


@lru_cache(maxsize=1024)
def folder_id_from(account_id: UUID, provider_folder_id: str) -> UUID:
    return uuid5(account_id, f"folder {provider_folder_id}")


@lru_cache(maxsize=8192)  # asked for several times while a page is saved
def message_id_from(account_id: UUID, provider_message_id: str) -> UUID:
    """
    Derive our id from the provider's, so that one message has one row whoever writes it, and keeps its id for ever.

    Provider ids are compared as they are: two that differ in one letter's case are two messages.
    """
    return uuid5(account_id, f"message {provider_message_id}")


def thread_id_from(account_id: UUID, provider_thread_id: str) -> UUID:
    return uuid5(account_id, f"thread {provider_thread_id}")


def attachment_id_from(message_id: UUID, provider_attachment_id: str) -> UUID:
    return uuid5(message_id, f"attachment {provider_attachment_id}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address; either may be missing."""

    name: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class ProviderProfile:
    """Whose mailbox it is."""

    tenant_id: str
    user_id: str
    address: str
    display_name: str


@dataclass(frozen=True, slots=True)
class ProviderFolder:
    provider_folder_id: str
    parent_provider_folder_id: str | None  # None at the top
    display_name: str
    well_known_name: str | None
    total_count: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """What an enumeration or a delta page says of a message."""

    provider_message_id: str
    received_at: datetime | None  # None when the page did not carry it
    change_key: str | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of changes of a folder; save `cursor` with what the page covers."""

    listed: Sequence[ListedMessage]
    removed_ids: Sequence[str]  # no longer in this folder
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class MessageState:
    """Where a message is, and in what state: what an audit compares."""

    provider_message_id: str
    provider_folder_id: str
    change_key: str
    is_read: bool
    flag: FlagStatus
    last_modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageStates:
    """All messages received at or after `received_from` (None: ever), as they were at some moment after `asked_at`."""

    asked_at: datetime
    received_from: datetime | None
    messages: Sequence[MessageState]


@dataclass(frozen=True, slots=True)
class MailAttachment:
    provider_attachment_id: str
    kind: AttachmentKind
    name: str
    content_type: str | None
    size_bytes: int
    is_inline: bool
    content_id: str | None


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A whole message. Text is free of U+0000 and lone surrogates; `altered` names the fields that had some."""

    provider_message_id: str
    provider_folder_id: str
    provider_thread_id: str
    change_key: str
    kind: MessageKind
    provider_kind: str
    internet_message_id: str | None
    subject: str
    preview: str
    from_: Mailbox | None
    sender: Mailbox | None
    to: Sequence[Mailbox]
    cc: Sequence[Mailbox]
    bcc: Sequence[Mailbox]
    reply_to: Sequence[Mailbox]
    categories: Sequence[str]
    importance: Importance
    flag: FlagStatus
    flag_dates: dict[str, dict[str, str]] | None
    is_read: bool
    is_draft: bool
    received_at: datetime
    sent_at: datetime | None
    created_at: datetime | None
    last_modified_at: datetime | None
    has_attachments: bool
    inference_classification: str | None
    conversation_index: str | None
    web_link: str | None
    wants_delivery_receipt: bool | None
    wants_read_receipt: bool | None
    html: str | None
    text: str | None  # None where there is HTML to take it from
    headers: Sequence[tuple[str, str]]
    attachments: Sequence[MailAttachment]
    altered: Sequence[str] = field(default=())
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    Messages as they were at some moment after `asked_at`, which is the database's clock before the request.

    Who saves them must not overwrite what another answer, asked for later, has saved meanwhile.
    """

    asked_at: datetime
    messages: Sequence[MailMessage]
    missing_ids: Sequence[str] = ()  # asked for by id, and not there
