"""Attachments' content: fetched from the provider when first asked for, then kept."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from azure.storage.blob.aio import BlobServiceClient

from shared.errors import AttachmentUnavailable
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.mail import AttachmentKind
from shared.providers.protocol import MailProvider
from shared.storage.accounts import get_account
from shared.storage.attachment_blobs import delete_content, list_contents, read_content, store_content
from shared.storage.attachment_lists import StoredAttachment, contents_in_use, get_attachment, record_content
from shared.storage.database import Pool, system_transaction, user_transaction

log = logging.getLogger(__name__)

DOWNLOADABLE = (AttachmentKind.FILE, AttachmentKind.ITEM)


@dataclass(frozen=True, slots=True)
class Download:
    name: str
    content_type: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Downloads:
    """Where content comes from, and how much of it is let through."""

    pool: Pool
    blobs: BlobServiceClient
    provider_for: Callable[[ConnectedAccount, Urgency], MailProvider]
    max_bytes: int


async def download(downloads: Downloads, user_id: UUID, message_id: UUID, attachment_id: UUID) -> Download:
    """Raise NotFound, AttachmentUnavailable for a link or too large a file, or what the provider raises."""
    async with user_transaction(downloads.pool, user_id) as conn:
        attachment = await get_attachment(conn, user_id, message_id, attachment_id)
        account = await get_account(conn, user_id, attachment.account_id)
    content = await read_content(downloads.blobs, attachment.sha256) if attachment.sha256 else None
    if content is None:
        content = await _fetch(downloads.provider_for(account, Urgency.USER), attachment, downloads.max_bytes)
        sha256 = hashlib.sha256(content).digest()
        await store_content(downloads.blobs, sha256, content)
        async with user_transaction(downloads.pool, user_id) as conn:
            await record_content(conn, user_id, attachment.id, sha256)
    return _download(attachment, content)


async def forget_contents(pool: Pool, blobs: BlobServiceClient) -> None:
    """
    Delete every content that no attachment has any more: its messages were deleted, or their mailboxes disconnected.

    Somebody may open such an attachment meanwhile and rely on the copy that goes; it is fetched again then.
    """
    deleted = 0
    async for contents in list_contents(blobs):
        async with system_transaction(pool) as conn:
            used = await contents_in_use(conn, contents)
        for sha256 in set(contents) - used:
            await delete_content(blobs, sha256)
            deleted += 1
    log.info("unused contents deleted", extra={"contents": deleted})


async def _fetch(provider: MailProvider, attachment: StoredAttachment, max_bytes: int) -> bytes:
    if attachment.kind not in DOWNLOADABLE:
        raise AttachmentUnavailable(f"attachment {attachment.id} is a {attachment.kind}")
    content = bytearray()
    source = provider.attachment_content(attachment.provider_message_id, attachment.provider_attachment_id)
    async with aclosing(source) as parts:
        async for part in parts:
            content += part
            if len(content) > max_bytes:
                raise AttachmentUnavailable(f"attachment {attachment.id} is over {max_bytes} bytes")
    return bytes(content)


def _download(attachment: StoredAttachment, content: bytes) -> Download:
    """Name what was fetched. The content of an attached message is its source, of which it does not say the type."""
    if attachment.kind is AttachmentKind.ITEM:
        name = attachment.name if attachment.name.lower().endswith(".eml") else f"{attachment.name}.eml"
        return Download(name, "message/rfc822", content)
    return Download(attachment.name, attachment.content_type, content)
