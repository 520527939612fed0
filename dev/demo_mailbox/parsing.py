"""
Raw RFC 822 to `Mail`, whatever the bytes are.

The modern header policy of the standard library is several times slower and raises on some broken headers, so the
lenient one is used and every decoding step has a fallback: parsing never fails and never drops a message.
"""

import codecs
import email
import email.header
import email.utils
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.message import Message

from dev.demo_mailbox.mail import Address, Attachment, Mail

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
# Encodings that are no character sets, that are slow on long input, or that yield lone surrogates.
_REFUSED_CODECS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
_HIGH_PRIORITY = ("1", "2", "high", "urgent")
_LOW_PRIORITY = ("4", "5", "low", "non-urgent")


def mail_from(raw: bytes) -> Mail:
    """Parse one message. What cannot be understood is kept as text rather than lost."""
    message = email.message_from_bytes(raw)
    headers = [(name, _header_text(value)) for name, value in message.raw_items()]
    first = {name.lower(): value for name, value in reversed(headers)}
    html, text, attachments = _parts(message)
    from_ = next(iter(_addresses(first.get("from"))), None)
    return Mail(
        subject=decoded(first["subject"]) if "subject" in first else None,
        from_=from_,
        sender=next(iter(_addresses(first.get("sender"))), None) or from_,
        to=_addresses_of_all(headers, "to"),
        cc=_addresses_of_all(headers, "cc"),
        bcc=_addresses_of_all(headers, "bcc"),
        reply_to=_addresses(first.get("reply-to")),
        sent_at=date_from(first.get("date")),
        message_id=_message_id(first.get("message-id")),
        references=_MESSAGE_ID.findall(first.get("references", "") + " " + first.get("in-reply-to", "")),
        importance=_importance(first),
        html=html,
        text=text,
        headers=headers,
        attachments=attachments,
        raw=raw,
    )


def decoded(value: str) -> str:
    """Return a header's text with its encoded words decoded; what does not decode stays as it is."""
    value = value.strip()
    if "=?" not in value:
        return value
    with suppress(Exception):  # a header may be broken in any way, and then its raw text is the best answer
        parts = email.header.decode_header(value)
        return "".join(part if isinstance(part, str) else text_from(part, charset) for part, charset in parts)
    return value


def text_from(data: bytes, charset: str | None) -> str:
    """Decode bytes by the named charset, or by the first of UTF-8 and Windows-1252 that fits."""
    for name in (charset, "utf-8"):
        if name and _is_charset(name):
            with suppress(UnicodeError):
                return data.decode(name)
    if charset and _is_charset(charset):
        return data.decode(charset, "replace")
    return data.decode("cp1252", "replace")


def date_from(value: str | None) -> datetime | None:
    if not value:
        return None
    with suppress(TypeError, ValueError, OverflowError, IndexError):
        parsed = email.utils.parsedate_to_datetime(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _is_charset(name: str) -> bool:
    with suppress(LookupError, ValueError, UnicodeError):
        codec = codecs.lookup(name)
        return codec.name not in _REFUSED_CODECS and getattr(codec, "_is_text_encoding", True)
    return False


def _header_text(value: object) -> str:
    text = _FOLD.sub("", str(value))
    try:
        text.encode()
    except UnicodeEncodeError:  # raw eight-bit bytes arrive as surrogate escapes
        return text_from(text.encode("utf-8", "surrogateescape"), None)
    return text


def _addresses(value: str | None) -> list[Address]:
    if not value:
        return []
    with suppress(Exception):  # as in `decoded`
        pairs = email.utils.getaddresses([value])
        return [Address(decoded(name) or address, address) for name, address in pairs if name or address]
    return [Address(decoded(value), "")]


def _addresses_of_all(headers: list[tuple[str, str]], name: str) -> list[Address]:
    return [address for key, value in headers if key.lower() == name for address in _addresses(value)]


def _message_id(value: str | None) -> str | None:
    found = _MESSAGE_ID.search(value or "")
    return found[0] if found else (value or "").strip() or None


def _importance(headers: dict[str, str]) -> str:
    for name in ("importance", "x-priority", "priority", "x-msmail-priority"):
        value = headers.get(name, "").strip().lower()
        if value.startswith(_HIGH_PRIORITY):
            return "high"
        if value.startswith(_LOW_PRIORITY):
            return "low"
    return "normal"


def _parts(message: Message) -> tuple[str | None, str | None, list[Attachment]]:
    html: str | None = None
    text: str | None = None
    attachments: list[Attachment] = []
    for part in _leaves(message):
        kind = part.get_content_type()
        is_attached = _disposition(part) == "attachment"
        if kind == "text/html" and html is None and not is_attached:
            html = _text(part)
        elif kind == "message/rfc822" or (part is not message and (is_attached or not _may_be_body(kind, text))):
            attachments.append(_attachment(part, len(attachments)))
        elif text is None:
            text = _text(part)
    return html, text, attachments


def _may_be_body(kind: str, text: str | None) -> bool:
    return text is None and (kind == "text/plain" or kind.startswith("multipart/"))


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that hold content; a message inside the message is one part."""
    if message.is_multipart() and message.get_content_type() != "message/rfc822":
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part)
    else:
        yield message


def _disposition(part: Message) -> str:
    return str(part.get("Content-Disposition", "")).partition(";")[0].strip().lower()


def _text(part: Message) -> str:
    charset: str | None = None
    with suppress(Exception):  # as in `decoded`
        charset = part.get_content_charset()
    return text_from(_bytes(part), charset)


def _bytes(part: Message) -> bytes:
    with suppress(Exception):  # as in `decoded`
        data = part.get_payload(decode=True)
        if isinstance(data, bytes):
            return data
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _attachment(part: Message, position: int) -> Attachment:
    content_id = _header_text(part.get("Content-ID", "")).strip().strip("<>") or None
    if part.get_content_type() == "message/rfc822":
        return Attachment(_item_name(part), None, _item_bytes(part), kind="item")
    return Attachment(
        name=_file_name(part) or f"attachment-{position + 1}",
        content_type=part.get_content_type(),
        data=_bytes(part),
        is_inline=_disposition(part) == "inline" or (content_id is not None and _disposition(part) != "attachment"),
        content_id=content_id,
    )


def _file_name(part: Message) -> str:
    with suppress(Exception):  # as in `decoded`
        return decoded(_header_text(part.get_filename() or ""))
    return ""


def _inner(part: Message) -> Message | None:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return payload[0]
    return None


def _item_name(part: Message) -> str:
    inner = _inner(part)
    return decoded(_header_text(inner.get("Subject", ""))) if inner else ""


def _item_bytes(part: Message) -> bytes:
    inner = _inner(part)
    with suppress(Exception):  # as in `decoded`
        if inner is not None:
            return inner.as_bytes()
    return _bytes(part)
