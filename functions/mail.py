"""Messages, threads and attachments."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import azure.functions as func

from functions.callers import signed_in_user
from shared.errors import (
    AttachmentUnavailable,
    MailboxUnavailable,
    ProviderError,
    ProviderItemNotFound,
    ReauthenticationRequired,
    Throttled,
)
from shared.http import Content, endpoint, parsed_query, reply, uuid_param
from shared.mail.reading import read_message, read_page, read_thread
from shared.models.api import Message, MessageDetailQuery, MessagePage, MessageQuery, Thread
from shared.runtime import runtime

if TYPE_CHECKING:
    from shared.mail.attachments import Download

TAG: Final = "messages"
MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", re.IGNORECASE)
UNKNOWN_TYPE: Final = "application/octet-stream"
bp = func.Blueprint()


@endpoint(
    bp,
    "GET",
    "messages",
    summary="List and search messages, newest first",
    tag=TAG,
    query=MessageQuery,
    replies={200: MessagePage},
)
async def get_messages(req: func.HttpRequest) -> func.HttpResponse:
    """
    Give any filters; a message meets all of them. `q` searches names, addresses, subject and text.

    In `q`, words must all occur; `"a phrase"`, `or` and `-not` work as in a web search. For the next page repeat the
    filters with `cursor` = `next_cursor`.
    """
    user_id, wanted = await signed_in_user(req), parsed_query(req, MessageQuery)
    return reply(await read_page((await runtime()).pool, user_id, wanted))


@endpoint(
    bp,
    "GET",
    "messages/{message_id:guid}",
    summary="Read a message",
    tag=TAG,
    query=MessageDetailQuery,
    replies={200: Message},
)
async def get_message(req: func.HttpRequest) -> func.HttpResponse:
    """
    Show the HTML in a sandboxed frame. It is sanitised, and images on other servers are left out unless asked for.

    Images inside the message keep their `cid:` address, which is the `content_id` of an attachment.
    """
    user_id, wanted = await signed_in_user(req), parsed_query(req, MessageDetailQuery)
    message_id = uuid_param(req, "message_id")
    pool = (await runtime()).pool
    return reply(await read_message(pool, user_id, message_id, remote_images=wanted.remote_images))


@endpoint(
    bp,
    "GET",
    "messages/{message_id:guid}/attachments/{attachment_id:guid}",
    summary="Download an attachment",
    tag=TAG,
    replies={200: Content("*/*", "The content, for saving, under the attachment's own type and name")},
    raises=(
        AttachmentUnavailable,
        ReauthenticationRequired,
        MailboxUnavailable,
        ProviderItemNotFound,
        Throttled,
        ProviderError,
    ),
)
async def get_attachment(req: func.HttpRequest) -> func.HttpResponse:
    """Fetch the content from the mailbox at the first time, which takes longer. A link to a file elsewhere has none."""
    user_id, opened = await signed_in_user(req), await runtime()
    from shared.mail.attachments import Downloads, download  # noqa: PLC0415 - the blob client is heavy, this rare

    found = await download(
        Downloads(opened.pool, opened.blobs, opened.engine.provider_for, opened.settings.attachment_max_bytes),
        user_id,
        uuid_param(req, "message_id"),
        uuid_param(req, "attachment_id"),
    )
    return _file(found)


@endpoint(bp, "GET", "threads/{thread_id:guid}", summary="Read a thread, oldest first", tag=TAG, replies={200: Thread})
async def get_thread(req: func.HttpRequest) -> func.HttpResponse:
    """Show at most the newest 500 messages."""
    user_id = await signed_in_user(req)
    return reply(await read_thread((await runtime()).pool, user_id, uuid_param(req, "thread_id")))


def _file(found: "Download") -> func.HttpResponse:
    """Nothing that a stranger sent is shown as a page of ours: it is saved, whatever type it claims."""
    media_type = found.content_type or ""
    headers = {
        "Content-Disposition": content_disposition(found.name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    known = MEDIA_TYPE.fullmatch(media_type)
    return func.HttpResponse(found.content, mimetype=media_type if known else UNKNOWN_TYPE, headers=headers)


def content_disposition(name: str) -> str:
    """Name a file as RFC 6266 has it: whole in `filename*`, and in ASCII for old clients."""
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name).strip() or "attachment"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or plain, safe='')}"
