"""What a parsed e-mail holds, and where the demo mailbox puts it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str


@dataclass(slots=True)
class Attachment:
    """A part that is not the body. `kind` is "file", "item" (a message inside a message) or "reference" (a link)."""

    name: str
    content_type: str | None
    data: bytes
    is_inline: bool = False
    content_id: str | None = None
    kind: str = "file"


@dataclass(slots=True)
class Mail:
    """
    One e-mail as its reader sees it.

    `html` and `text` are the bodies that the message itself brought; either may be missing.
    `headers` are in their own order, unfolded, not decoded.
    """

    subject: str | None = None
    from_: Address | None = None
    sender: Address | None = None
    to: list[Address] = field(default_factory=list)
    cc: list[Address] = field(default_factory=list)
    bcc: list[Address] = field(default_factory=list)
    reply_to: list[Address] = field(default_factory=list)
    sent_at: datetime | None = None
    message_id: str | None = None
    references: list[str] = field(default_factory=list)
    importance: str = "normal"
    html: str | None = None
    text: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    raw: bytes | None = None


@dataclass(slots=True)
class PlacedMail:
    """
    A mail and its place in the mailbox.

    `folder` starts with a well-known name ("inbox", "msgfolderroot" for a folder beside it); display names follow.
    """

    mail: Mail
    folder: tuple[str, ...]
    received_at: datetime
    conversation: str
    is_read: bool = True
    flag_status: str = "notFlagged"
    categories: list[str] = field(default_factory=list)
