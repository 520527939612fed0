"""Messages and folders as a provider would answer them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.models.accounts import ConnectedAccount
from shared.models.mail import (
    AttachmentKind,
    Fetched,
    FlagStatus,
    Importance,
    MailAttachment,
    Mailbox,
    MailMessage,
    MessageKind,
    ProviderFolder,
)
from shared.storage.database import Pool, user_transaction

INBOX = ProviderFolder("inbox-id", None, "Inbox", "inbox", 3, 1)
SENT = ProviderFolder("sent-id", None, "Sent Items", "sentitems", 0, 0)

_MESSAGE = MailMessage(
    provider_message_id="AAMk=",
    provider_folder_id=INBOX.provider_folder_id,
    provider_thread_id="thread",
    change_key="key-1",
    kind=MessageKind.MESSAGE,
    provider_kind="#microsoft.graph.message",
    internet_message_id="<1@contoso.example>",
    subject="Concert",
    preview="The group plays",
    from_=Mailbox("Ada", "ada@contoso.example"),
    sender=None,
    to=[Mailbox("Owner", "owner@contoso.example"), Mailbox(None, None)],
    cc=[],
    bcc=[],
    reply_to=[],
    categories=["Red, 'quoted'", '{"json"}'],
    importance=Importance.HIGH,
    flag=FlagStatus.FLAGGED,
    flag_dates={"due": {"dateTime": "2026-01-01T00:00:00", "timeZone": "UTC"}},
    is_read=False,
    is_draft=False,
    received_at=datetime(2026, 1, 1, tzinfo=UTC),
    sent_at=datetime(1, 1, 1, tzinfo=UTC),
    created_at=None,
    last_modified_at=None,
    has_attachments=True,
    inference_classification="focused",
    conversation_index=None,
    web_link=None,
    wants_delivery_receipt=None,
    wants_read_receipt=False,
    html="<p>The group plays</p>",
    text="The group plays",
    headers=[("Received", "by b"), ("Received", "by a")],
    attachments=[MailAttachment("att", AttachmentKind.FILE, "song.mp3", "audio/mpeg", 12, False, None)],  # noqa: FBT003 - the model's order
)


def message(provider_message_id: str, **changes: Any) -> MailMessage:  # noqa: ANN401 - any field of the model
    return replace(_MESSAGE, provider_message_id=provider_message_id, **changes)


async def database_time(pool: Pool, account: ConnectedAccount) -> datetime:
    async with user_transaction(pool, account.user_id) as conn:
        row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    assert isinstance(row[0], datetime)
    return row[0]


async def answer(
    pool: Pool, account: ConnectedAccount, messages: Sequence[MailMessage], *, missing_ids: Sequence[str] = ()
) -> Fetched:
    """An answer of the provider to a request made now."""
    return Fetched(await database_time(pool, account), messages, missing_ids)
