"""Reading attachments, and remembering which blob holds their content."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from shared.errors import NotFound
from shared.models.api import Attachment
from shared.models.mail import AttachmentKind
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class StoredAttachment:
    """What is needed to get at an attachment's content."""

    id: UUID
    account_id: UUID
    provider_message_id: str
    provider_attachment_id: str
    kind: AttachmentKind
    name: str
    content_type: str | None
    size_bytes: int
    sha256: bytes | None


async def list_attachments(conn: Connection, user_id: UUID, message_id: UUID) -> Sequence[Attachment]:
    """List a message's attachments in its own order."""
    sql = """
        SELECT id, kind, name, content_type, size_bytes, is_inline, content_id
          FROM attachment
         WHERE user_id = %(user_id)s
           AND message_id = %(message_id)s
         ORDER BY position
    """
    async with conn.cursor(row_factory=class_row(Attachment)) as cur:
        await cur.execute(sql, {"user_id": user_id, "message_id": message_id})
        return await cur.fetchall()


async def get_attachment(conn: Connection, user_id: UUID, message_id: UUID, attachment_id: UUID) -> StoredAttachment:
    """Get an attachment of a message that is not deleted. Raises NotFound."""
    sql = """
        SELECT attachment.id, message.account_id, message.provider_message_id, attachment.provider_attachment_id,
               attachment.kind, attachment.name, attachment.content_type, attachment.size_bytes, attachment.sha256
          FROM attachment JOIN message ON message.id = attachment.message_id
         WHERE attachment.user_id = %(user_id)s
           AND attachment.message_id = %(message_id)s
           AND attachment.id = %(attachment_id)s
           AND message.deleted_at IS NULL
    """
    async with conn.cursor(row_factory=class_row(StoredAttachment)) as cur:
        await cur.execute(sql, {"user_id": user_id, "message_id": message_id, "attachment_id": attachment_id})
        if attachment := await cur.fetchone():
            return attachment
    raise NotFound(f"attachment {attachment_id}")


async def contents_in_use(conn: Connection, contents: Sequence[bytes]) -> set[bytes]:
    """Tell which of some contents anybody's attachment is known to have."""
    rows = await conn.execute("SELECT contents_in_use(%(contents)s::bytea[])", {"contents": list(contents)})
    return {bytes(row[0]) for row in await rows.fetchall()}


async def record_content(conn: Connection, user_id: UUID, attachment_id: UUID, sha256: bytes) -> None:
    """Remember which blob holds the content; the attachment may be gone by now."""
    sql = """
        UPDATE attachment
           SET sha256 = %(sha256)s
         WHERE user_id = %(user_id)s
           AND id = %(attachment_id)s
    """
    await conn.execute(sql, {"user_id": user_id, "attachment_id": attachment_id, "sha256": sha256})
