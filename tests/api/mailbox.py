"""A connected mailbox with some mail, as the sync would have stored it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.models.accounts import ConnectedAccount
from shared.models.mail import MailMessage, ProviderFolder, folder_id_from, message_id_from
from shared.storage.database import Pool, user_transaction
from shared.storage.folders import upsert_folders
from shared.storage.messages import save_messages
from shared.sync.indexing import index_some_messages
from tests.integration.mail import INBOX, SENT, answer, message

NEWEST = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def save_folders(
    pool: Pool, account: ConnectedAccount, folders: Sequence[ProviderFolder] = (INBOX, SENT)
) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        await upsert_folders(conn, account, folders)


async def save(pool: Pool, account: ConnectedAccount, messages: Sequence[MailMessage]) -> list[UUID]:
    """Save messages and index them; return their ids in the order given."""
    fetched = await answer(pool, account, messages)
    async with user_transaction(pool, account.user_id) as conn:
        saved = await save_messages(conn, account, fetched)
        assert not saved.contested
        await index_some_messages(conn, account, limit=10_000)
    return [message_id_from(account.id, each.provider_message_id) for each in messages]


def plain(name: str, minutes_old: int = 0, **changes: Any) -> MailMessage:  # noqa: ANN401 - any field of the model
    """Make an unremarkable message, so many minutes older than `NEWEST`."""
    base = replace(
        message(name), attachments=[], has_attachments=False, is_read=True, provider_thread_id=f"thread of {name}"
    )
    return replace(base, subject=name, received_at=NEWEST - timedelta(minutes=minutes_old), **changes)


def folder_id(account: ConnectedAccount, folder: ProviderFolder) -> UUID:
    return folder_id_from(account.id, folder.provider_folder_id)
