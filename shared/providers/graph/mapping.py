"""Graph's JSON as our models: pure functions, and a table of a message's properties."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from shared.models.mail import (
    AttachmentKind,
    FlagStatus,
    Importance,
    ListedMessage,
    MailAttachment,
    Mailbox,
    MailMessage,
    MessageKind,
    ProviderFolder,
)
from shared.providers.protocol import ProviderSubscription

log = logging.getLogger(__name__)

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)
BIGGEST_INTEGER: Final = 2**63 - 1
BIGGEST_COUNT: Final = 2**31 - 1
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_PLAIN_KIND: Final = "#microsoft.graph.message"
_SEARCH_FOLDER: Final = "#microsoft.graph.mailSearchFolder"


@dataclass(slots=True)
class Notes:
    """What was noticed while one message was read, under our name of what was being read."""

    name: str = ""
    altered: dict[str, None] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)

    def clean(self, text: str) -> str:
        """Replace what PostgreSQL cannot store: U+0000 and lone surrogates."""
        if text.isascii() and "\x00" not in text:
            return text
        cleaned, count = _UNSTORABLE.subn("\ufffd", text)
        if count:
            self.altered[self.name] = None
        return cleaned

    def miss(self) -> None:
        self.unread[self.name] = None


Converter = Callable[[Any, Notes], object]
"""Takes a value that is not null. Raises TypeError, ValueError or OverflowError when it cannot be read."""


def message_from(item: Mapping[str, Any], *, lost: str | None = None) -> MailMessage | None:
    """
    Map a message, as far as it can be read; `failure` names the properties that could not, and `lost`.

    None, with a line in the log, when it has no usable id: then there is nothing to store it under.
    """
    message_id = item.get("id")
    if not isinstance(message_id, str) or not message_id or _UNSTORABLE.search(message_id):
        log.error("a message without an id passed over")
        return None
    notes = Notes()
    fields = {
        name: _read(item, source, convert, absent, notes, name.rstrip("_")) for name, source, convert, absent in _FIELDS
    }
    html, text = _read(item, "body", _body, (None, ""), notes, "body")
    if "attachments@odata.nextLink" in item:
        notes.unread["attachments"] = None
    return MailMessage(
        provider_message_id=message_id,
        provider_thread_id=_read(item, "conversationId", _text, message_id, notes, "thread"),
        change_key=_read(item, "changeKey", _text, None, notes, "change_key") or change_key_from(item) or "",
        kind=_kind(item),
        provider_kind=_read(item, "@odata.type", _text, _PLAIN_KIND, notes, "kind"),
        received_at=_received_at(item, notes),
        html=html,
        text=text,
        altered=tuple(notes.altered),
        failure=_failure(notes, lost),
        **fields,
    )


def _read(item: Mapping[str, Any], source: str, convert: Converter, absent: object, notes: Notes, name: str) -> Any:  # noqa: ANN401 - what the row's converter gives
    """Read one property: null and absent are the same; what cannot be read is noted and counts as absent."""
    value = item.get(source)
    if value is None:
        return absent
    notes.name = name
    try:
        return convert(value, notes)
    except (TypeError, ValueError, OverflowError):
        notes.miss()
        return absent


def _failure(notes: Notes, lost: str | None) -> str | None:
    unread = [*notes.unread, *([lost] if lost else [])]
    return f"could not be read: {', '.join(unread)}" if unread else None


def _received_at(item: Mapping[str, Any], notes: Notes) -> datetime:
    """Fall back on other times, because a message is listed by this one."""
    for source in ("receivedDateTime", "createdDateTime", "sentDateTime"):
        if moment := _read(item, source, _moment, None, notes, "received_at"):
            return moment  # type: ignore[no-any-return] # what _moment gives
    return BEGINNING


# Values


def _text(value: object, notes: Notes) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return notes.clean(value)


def _flag(value: object, _: Notes) -> bool:
    known = {"true": True, "false": False}.get(str(value).lower())  # some documents have words for them
    if known is None:
        raise TypeError("neither true nor false")
    return known


def _moment(value: object, _: Notes) -> datetime:
    return moment_from(value)


def moment_from(value: object) -> datetime:
    """
    Read ISO 8601 with any offset and any number of fraction digits; without an offset it is UTC.

    What lies outside our calendar once in UTC becomes its nearest end. Raises ValueError or TypeError.
    """
    if not isinstance(value, str):
        raise TypeError("no text")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return BEGINNING if moment.year == 1 else END


def _each(convert: Converter) -> Converter:
    """Read a list, noting the items that cannot be read, and leaving them out."""

    def convert_all(value: object, notes: Notes) -> list[object]:
        if not isinstance(value, list):
            raise TypeError("no list")
        found: list[object] = []
        for item in value:
            try:
                found.append(convert(item, notes))
            except (TypeError, ValueError, OverflowError):
                notes.miss()
        return found

    return convert_all


def _mailbox(value: object, notes: Notes) -> Mailbox:
    told = _object(_object(value).get("emailAddress") or {})
    return Mailbox(name=_optional_text(told.get("name"), notes), address=_optional_text(told.get("address"), notes))


def _correspondent(value: object, notes: Notes) -> Mailbox | None:
    mailbox = _mailbox(value, notes)
    return mailbox if mailbox.name is not None or mailbox.address is not None else None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _optional_text(value: object, notes: Notes) -> str | None:
    return None if value is None else _text(value, notes)


def _header(value: object, notes: Notes) -> tuple[str, str]:
    told = _object(value)
    return _optional_text(told.get("name"), notes) or "", _optional_text(told.get("value"), notes) or ""


def _body(value: object, notes: Notes) -> tuple[str | None, str | None]:
    told = _object(value)
    content = _optional_text(told.get("content"), notes) or ""
    if str(told.get("contentType")).lower() == "text":
        return None, content
    return content, None


def _importance(value: object, _: Notes) -> Importance:
    return {"low": Importance.LOW, "high": Importance.HIGH}.get(str(value).lower(), Importance.NORMAL)


_FLAGS: Final = {"flagged": FlagStatus.FLAGGED, "complete": FlagStatus.COMPLETE}
_FLAG_DATES: Final = (("start", "startDateTime"), ("due", "dueDateTime"), ("completed", "completedDateTime"))


def _flag_status(value: object, _: Notes) -> FlagStatus:
    return _FLAGS.get(str(_object(value).get("flagStatus")).lower(), FlagStatus.NOT_FLAGGED)


def _flag_dates(value: object, notes: Notes) -> dict[str, dict[str, str]] | None:
    told = _object(value)
    dates = {ours: _flag_date(told[theirs], notes) for ours, theirs in _FLAG_DATES if told.get(theirs) is not None}
    return dates or None


def _flag_date(value: object, notes: Notes) -> dict[str, str]:
    told = _object(value)
    return {name: _text(told[name], notes) for name in ("dateTime", "timeZone") if told.get(name) is not None}


def _attachment(value: object, notes: Notes) -> MailAttachment:
    told = _object(value)
    size = told.get("size") or 0
    return MailAttachment(
        provider_attachment_id=_text(told.get("id"), notes),
        kind=_ATTACHMENT_KINDS.get(str(told.get("@odata.type")).lstrip("#").lower(), AttachmentKind.OTHER),
        name=_optional_text(told.get("name"), notes) or "",
        content_type=_optional_text(told.get("contentType"), notes),
        size_bytes=min(max(int(size), 0), BIGGEST_INTEGER),
        is_inline=bool(told.get("isInline")),
        content_id=_optional_text(told.get("contentId"), notes),
    )


_ATTACHMENT_KINDS: Final = {
    "microsoft.graph.fileattachment": AttachmentKind.FILE,
    "microsoft.graph.itemattachment": AttachmentKind.ITEM,
    "microsoft.graph.referenceattachment": AttachmentKind.REFERENCE,
}

# `meetingMessageType` comes only where nothing is selected. Then the type must do: requests and responses have their
# own, which leaves cancellations to the plain eventMessage.
_KIND_BY_MEETING: Final = {
    "meetingrequest": MessageKind.MEETING_REQUEST,
    "meetingcancelled": MessageKind.MEETING_CANCELLATION,
    "meetingaccepted": MessageKind.MEETING_RESPONSE,
    "meetingtenativelyaccepted": MessageKind.MEETING_RESPONSE,  # Graph's own spelling
    "meetingtentativelyaccepted": MessageKind.MEETING_RESPONSE,
    "meetingdeclined": MessageKind.MEETING_RESPONSE,
}
_KIND_BY_TYPE: Final = {
    "#microsoft.graph.message": MessageKind.MESSAGE,
    "#microsoft.graph.eventmessagerequest": MessageKind.MEETING_REQUEST,
    "#microsoft.graph.eventmessageresponse": MessageKind.MEETING_RESPONSE,
    "#microsoft.graph.eventmessage": MessageKind.MEETING_CANCELLATION,
}


def _kind(item: Mapping[str, Any]) -> MessageKind:
    if known := _KIND_BY_MEETING.get(str(item.get("meetingMessageType")).lower()):
        return known
    return _KIND_BY_TYPE.get(str(item.get("@odata.type") or _PLAIN_KIND).lower(), MessageKind.OTHER)


_FIELDS: Final[tuple[tuple[str, str, Converter, Any], ...]] = (
    # our name, Graph's, how it is read, what stands for null
    ("provider_folder_id", "parentFolderId", _text, ""),
    ("internet_message_id", "internetMessageId", _text, None),
    ("subject", "subject", _text, ""),
    ("preview", "bodyPreview", _text, ""),
    ("from_", "from", _correspondent, None),
    ("sender", "sender", _correspondent, None),
    ("to", "toRecipients", _each(_mailbox), ()),
    ("cc", "ccRecipients", _each(_mailbox), ()),
    ("bcc", "bccRecipients", _each(_mailbox), ()),
    ("reply_to", "replyTo", _each(_mailbox), ()),
    ("categories", "categories", _each(_text), ()),
    ("importance", "importance", _importance, Importance.NORMAL),
    ("flag", "flag", _flag_status, FlagStatus.NOT_FLAGGED),
    ("flag_dates", "flag", _flag_dates, None),
    ("is_read", "isRead", _flag, False),
    ("is_draft", "isDraft", _flag, False),
    ("sent_at", "sentDateTime", _moment, None),
    ("created_at", "createdDateTime", _moment, None),
    ("last_modified_at", "lastModifiedDateTime", _moment, None),
    ("has_attachments", "hasAttachments", _flag, False),
    ("inference_classification", "inferenceClassification", _text, None),
    ("conversation_index", "conversationIndex", _text, None),
    ("web_link", "webLink", _text, None),
    ("wants_delivery_receipt", "isDeliveryReceiptRequested", _flag, None),
    ("wants_read_receipt", "isReadReceiptRequested", _flag, None),
    ("headers", "internetMessageHeaders", _each(_header), ()),
    ("attachments", "attachments", _each(_attachment), ()),
)


# Listings, folders, subscriptions


def change_key_from(item: Mapping[str, Any]) -> str | None:
    """Take the change key out of an etag such as W/"CQAAABYA"."""
    etag = item.get("@odata.etag")
    return etag.removeprefix("W/").strip('"') if isinstance(etag, str) else None


def listed_from(item: Mapping[str, Any]) -> ListedMessage:
    received_at = _read(item, "receivedDateTime", _moment, None, Notes(), "received_at")
    return ListedMessage(str(item["id"]), received_at, change_key_from(item))


def is_mirrored(item: Mapping[str, Any]) -> bool:
    """Tell whether a folder holds mail of its own that people see."""
    return not item.get("isHidden") and item.get("@odata.type") != _SEARCH_FOLDER


def folder_from(item: Mapping[str, Any], parent_id: str | None, well_known_name: str | None) -> ProviderFolder:
    return ProviderFolder(
        provider_folder_id=str(item["id"]),
        parent_provider_folder_id=parent_id,
        display_name=_read(item, "displayName", _text, "", Notes(), "display_name"),
        well_known_name=well_known_name,
        total_count=_count(item.get("totalItemCount")),
        unread_count=_count(item.get("unreadItemCount")),
    )


def _count(value: object) -> int:
    return min(max(value, 0), BIGGEST_COUNT) if isinstance(value, int) else 0


def subscription_from(item: Mapping[str, Any]) -> ProviderSubscription:
    """Raise TypeError or ValueError when the answer does not say what was made."""
    return ProviderSubscription(
        _text(item.get("id"), Notes()),
        moment_from(item.get("expirationDateTime")),
        str(item.get("notificationUrl") or ""),
    )
