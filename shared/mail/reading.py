"""Reading mail: lists, search, one message, a thread."""

from typing import Final
from uuid import UUID

from shared.errors import NotFound
from shared.mail.cursors import cursor_from, place_from
from shared.mail.html_apart import safe_html
from shared.models.api import Message, MessagePage, MessageQuery, Thread
from shared.plain_text import plain_text
from shared.storage.attachment_lists import list_attachments
from shared.storage.database import Pool, user_transaction
from shared.storage.message_lists import Place, get_message, list_messages

THREAD_MAX_MESSAGES: Final = 500


async def read_page(pool: Pool, user_id: UUID, wanted: MessageQuery) -> MessagePage:
    """List a page of messages, newest first. Mail that arrives meanwhile neither repeats nor hides one."""
    after = place_from(wanted.cursor) if wanted.cursor else None
    async with user_transaction(pool, user_id) as conn:
        found = await list_messages(conn, user_id, wanted, after, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    more = len(found) > len(items)
    last = cursor_from(Place(items[-1].received_at, items[-1].id)) if more else None
    return MessagePage(items=items, next_cursor=last)


async def read_message(pool: Pool, user_id: UUID, message_id: UUID, *, remote_images: bool) -> Message:
    """Raise NotFound when it is gone."""
    async with user_transaction(pool, user_id) as conn:
        stored = await get_message(conn, user_id, message_id)
        attachments = await list_attachments(conn, user_id, message_id)
    text = plain_text(stored.html or "") if stored.text is None else stored.text
    safe = await safe_html(stored.html, text, remote_images=remote_images) if stored.html is not None else None
    return Message(
        **dict(stored.summary),
        html=safe.html if safe else None,
        text=text,
        remote_images_blocked=safe.remote_images_blocked if safe else 0,
        headers=list(stored.headers),
        attachments=list(attachments),
    )


async def read_thread(pool: Pool, user_id: UUID, thread_id: UUID) -> Thread:
    """Read a thread, oldest first; of a very long one the newest part. Raises NotFound when nothing is in it."""
    async with user_transaction(pool, user_id) as conn:
        query = MessageQuery(thread_id=thread_id)
        newest_first = await list_messages(conn, user_id, query, None, limit=THREAD_MAX_MESSAGES)
    if not newest_first:
        raise NotFound(f"thread {thread_id}")
    return Thread(id=thread_id, items=newest_first[::-1])
